"""Real dumps, good and hostile, into real servers that have other databases: only the new one is written to."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kaizen_backups.databases.dump import check_dump, find_dumps
from kaizen_backups.databases.load import Loaded, check_name, choose_dump, engine_for, load, look, name_for
from kaizen_backups.databases.url import Kind, Server
from kaizen_backups.errors import DataError, KaizenError
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from throw_away import NOVA, SHOP, ask, compress, dump, running

DAY = Snapshot.parse("2026-11-24") or Snapshot.__new__(Snapshot)
END = b"\n-- Dump completed\n"
PWNED = Path("/tmp/kaizen-test-was-here")


@pytest.fixture(scope="module")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(Kind.MYSQL, tmp_path_factory.mktemp("mysql") / "server") as server:
        ask(server, "CREATE DATABASE nova; CREATE DATABASE other; CREATE TABLE other.t (i INT);")
        ask(server, NOVA, "nova")
        yield server


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(Kind.POSTGRESQL, tmp_path_factory.mktemp("postgresql") / "server") as server:
        ask(server, "CREATE DATABASE shop;")
        ask(server, SHOP, "shop")
        yield server


@pytest.fixture
def restore(tmp_path: Path, make_snapshot: Callable[..., Path]) -> Callable[..., Loaded]:
    """Return what puts a dump into a snapshot, checks it, and loads it."""

    def do(server: Server, data: bytes, *, name: str = "", packed: bool = True) -> Loaded:
        form = "sql" if server.kind == Kind.MYSQL else "dump"
        content = compress(data) if packed else data
        count = len(list(tmp_path.iterdir()))
        make_snapshot(f"store{count}/n/{DAY}", **{f"dumps/{server.kind}/nova.{form}.zst": content})
        store = NodeStore(tmp_path / f"store{count}", "n")
        found = choose_dump(find_dumps(store, DAY), "nova", server.kind)

        async def work() -> Loaded:
            await check_dump(store, DAY, found)
            with engine_for(server) as engine:
                as_name = name or name_for("nova", DAY)
                create = await look(engine, as_name)
                return await load(engine, as_name, found, store, DAY, create=create)

        return asyncio.run(work())

    return do


@pytest.fixture(autouse=True)
def nothing_outside() -> Iterator[None]:
    PWNED.unlink(missing_ok=True)
    yield
    assert not PWNED.exists()


def accounts(server: Server) -> set[str]:
    sql = "SELECT user FROM mysql.user;" if server.kind == Kind.MYSQL else "SELECT rolname FROM pg_roles;"
    return {name for name in ask(server, sql).split() if name.startswith("kaizen_")}


# -- MySQL


def test_a_mysql_dump_comes_back_whole_with_all_that_belongs_to_it(
    mysql: Server, restore: Callable[..., Loaded]
) -> None:
    loaded = restore(mysql, dump(mysql, "nova"), name="whole")
    assert loaded.tables == {"instances": 3, "odd `name\twith tab": 0}
    assert ask(mysql, "SELECT HEX(name), HEX(data) FROM instances", "whole") == ask(
        mysql, "SELECT HEX(name), HEX(data) FROM instances", "nova"
    )
    ask(mysql, "INSERT INTO instances VALUES (4, NULL, NULL); CALL p(); SELECT f();", "whole")
    assert ask(mysql, "SELECT name FROM names", "whole").split()[-1] == "none"
    definers = ask(
        mysql,
        "SELECT definer FROM information_schema.views WHERE table_schema = 'whole' UNION ALL "
        "SELECT definer FROM information_schema.triggers WHERE trigger_schema = 'whole' UNION ALL "
        "SELECT definer FROM information_schema.routines WHERE routine_schema = 'whole' UNION ALL "
        "SELECT definer FROM information_schema.events WHERE event_schema = 'whole'",
    )
    assert definers.split() == [f"{loaded.account}@localhost"] * 5
    status = "SELECT DISTINCT status FROM information_schema.events WHERE event_schema = 'whole'"
    assert ask(mysql, status) == "DISABLED\n"
    assert "ACCOUNT LOCK" in ask(mysql, f"SHOW CREATE USER {loaded.account}@localhost")


@pytest.mark.parametrize(
    "hostile",
    [
        f"\\! touch {PWNED}",
        f"system touch {PWNED}",
        f"SELECT 1;\\! touch {PWNED}\n",
        "source /etc/passwd",
        "\\. /etc/passwd",
        f"tee {PWNED}\n",
        f"\\T {PWNED}\n",
        f"pager touch {PWNED}\nSELECT 1;",
        "USE other; DROP TABLE t;",
        "\\u other\nDROP TABLE t;",
        "INSERT INTO other.t VALUES (1);",
        "DROP TABLE other.t;",
        "CREATE VIEW v AS SELECT * FROM other.t;",
        "CREATE TRIGGER other.x BEFORE INSERT ON other.t FOR EACH ROW SET NEW.i = 1;",
        "CREATE DATABASE more;",
        "DROP DATABASE other;",
        "CREATE DATABASE IF NOT EXISTS hostileX1;",
        "CREATE USER evil; GRANT ALL ON *.* TO evil;",
        "GRANT ALL ON *.* TO CURRENT_USER;",
        "CREATE /* */ DEFINER=root@localhost VIEW v AS SELECT 1;",
        "CREATE DEFINER=root@localhost PROCEDURE p() DROP TABLE other.t;",
        "/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\nCREATE VIEW v AS SELECT * FROM other.t;",
        "CREATE DEFINER=`root`@`localhost` PROCEDURE p() INSERT INTO other.t VALUES (1);\nCALL p();",
        f"SELECT 1 INTO OUTFILE '{PWNED}';",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t;",
        "SELECT LOAD_FILE('/etc/passwd') + 1 FROM other.t;",
        "SET GLOBAL general_log = 1;",
        "SET PASSWORD = PASSWORD('known');",
        "INSERT INTO mysql.global_priv VALUES ('%', 'evil', '{}');",
        "DELIMITER ;;\nDROP TABLE other.t;;\n",
    ],
)
def test_a_hostile_mysql_dump_reaches_nothing_and_leaves_nothing(
    mysql: Server, restore: Callable[..., Loaded], hostile: str
) -> None:
    before = (accounts(mysql), ask(mysql, "SHOW DATABASES; CHECKSUM TABLE other.t, mysql.global_priv;"))
    with pytest.raises(KaizenError, match="the half-filled database hostile_1 was dropped"):
        restore(mysql, b"CREATE TABLE t (i INT);\n" + hostile.encode() + END, name="hostile_1")
    assert (accounts(mysql), ask(mysql, "SHOW DATABASES; CHECKSUM TABLE other.t, mysql.global_priv;")) == before


def test_an_underscore_in_the_name_does_not_open_a_database_of_a_similar_name(
    mysql: Server, restore: Callable[..., Loaded]
) -> None:
    ask(mysql, "CREATE DATABASE similarX1; CREATE TABLE similarX1.t (i INT);")
    with pytest.raises(KaizenError, match="reaches for another database"):
        restore(mysql, b"INSERT INTO similarX1.t VALUES (1);" + END, name="similar_1")


def test_a_database_that_is_not_empty_is_never_touched(mysql: Server, restore: Callable[..., Loaded]) -> None:
    known = accounts(mysql)
    for sql in (
        "CREATE TABLE full_.t (i INT)",
        "CREATE VIEW full_.v AS SELECT 1",
        "CREATE PROCEDURE full_.p() SELECT 1",
    ):
        ask(mysql, f"CREATE DATABASE full_; {sql};")
        with pytest.raises(KaizenError, match="full_ is there and is not empty"):
            restore(mysql, dump(mysql, "nova"), name="full_")
        ask(mysql, "DROP DATABASE full_;")
    assert accounts(mysql) == known


def test_an_empty_database_is_filled_and_is_not_dropped_when_that_fails(
    mysql: Server, restore: Callable[..., Loaded]
) -> None:
    ask(mysql, "CREATE DATABASE empty_;")
    with pytest.raises(KaizenError, match="empty_, which was there before, is half-filled"):
        restore(mysql, b"CREATE TABLE t (i INT);\nnonsense;" + END, name="empty_")
    ask(mysql, "DROP TABLE empty_.t;")
    assert restore(mysql, dump(mysql, "nova"), name="empty_").tables["instances"] == 3


# -- PostgreSQL


def test_a_postgresql_dump_comes_back_whole(postgresql: Server, restore: Callable[..., Loaded]) -> None:
    loaded = restore(postgresql, dump(postgresql, "shop"), name="whole")
    assert loaded.tables == {"goods": 3, 'inner_part.odd "name': 0}
    assert ask(postgresql, "SELECT * FROM names", "whole") == ask(postgresql, "SELECT * FROM names", "shop")
    owners = ask(postgresql, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "whole")
    assert owners.strip() == loaded.account
    assert ask(postgresql, f"SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = '{loaded.account}'") == "f|f\n"


@pytest.mark.parametrize(
    ("hostile", "complaint"),
    [
        (f"COPY public.t TO PROGRAM $$touch {PWNED}$$", "must be superuser|denied"),
        (f"COPY public.t TO $${PWNED}$$", "must be superuser|denied"),
        ("ALTER ROLE CURRENT_USER SUPERUSER", "must be superuser"),
        ("CREATE ROLE evil SUPERUSER", "must be|denied"),
        ("DROP DATABASE shop", "cannot|must be owner"),
        ("ALTER DATABASE shop RENAME TO gone", "must be owner"),
        ("CREATE EXTENSION dblink SCHEMA public", "permission denied to create extension"),
        ("RESET SESSION AUTHORIZATION; CREATE ROLE evil", "denied"),
        ("RESET ROLE; CREATE ROLE evil", "denied"),
    ],
)
def test_a_hostile_postgresql_dump_reaches_nothing_and_leaves_nothing(
    postgresql: Server, restore: Callable[..., Loaded], hostile: str, complaint: str
) -> None:
    """pg_restore carries out whatever stands in the archive's table of contents."""
    ask(postgresql, "DROP DATABASE IF EXISTS evil;")
    ask(postgresql, "CREATE DATABASE evil;")
    ask(postgresql, "CREATE TABLE t (i int); CREATE VIEW zz AS SELECT 'xxxx'::text;", "evil")
    archive = dump(postgresql, "evil")
    ask(postgresql, "DROP DATABASE evil;")
    before = (accounts(postgresql), ask(postgresql, "SELECT datname FROM pg_database ORDER BY 1"))
    with pytest.raises(KaizenError, match=f"(?s)({complaint}).*; the half-filled database hostile was dropped"):
        restore(postgresql, with_statement(archive, b"CREATE VIEW public.zz AS", hostile.encode()), name="hostile")
    assert (accounts(postgresql), ask(postgresql, "SELECT datname FROM pg_database ORDER BY 1")) == before


def with_statement(archive: bytes, beginning: bytes, statement: bytes) -> bytes:
    """Put a statement in the place of another in an archive: each string has its sign and length before it."""
    at = archive.index(beginning)
    length = int.from_bytes(archive[at - 4 : at], "little")
    changed = statement + b"; "
    return archive[: at - 4] + len(changed).to_bytes(4, "little") + changed + archive[at + length :]


def test_a_postgresql_database_that_is_not_empty_is_never_touched(
    postgresql: Server, restore: Callable[..., Loaded]
) -> None:
    with pytest.raises(KaizenError, match="shop is there and is not empty"):
        restore(postgresql, dump(postgresql, "shop"), name="shop")
    ask(postgresql, "CREATE DATABASE empty;")
    assert restore(postgresql, dump(postgresql, "shop"), name="empty").tables["goods"] == 3


# -- dumps that are not whole


def test_a_dump_that_is_damaged_or_cut_short_is_refused_by_name(
    mysql: Server, postgresql: Server, restore: Callable[..., Loaded]
) -> None:
    sql, archive = dump(mysql, "nova"), dump(postgresql, "shop")
    with pytest.raises(DataError, match=r"/dumps/mysql/nova.sql.zst is cut short: it does not end with '-- Dump"):
        restore(mysql, sql[:-30])
    with pytest.raises(DataError, match=r"/dumps/mysql/nova.sql.zst is damaged or cut short"):
        restore(mysql, compress(sql)[:-30], packed=False)
    with pytest.raises(DataError, match=r"/dumps/mysql/nova.sql.zst is damaged"):
        restore(mysql, b"no zstd", packed=False)
    for broken in (archive[:-30], archive[:100], b"PGDMPx", sql):
        with pytest.raises(DataError, match=r"/dumps/postgresql/nova.dump.zst is damaged or cut short"):
            restore(postgresql, broken)


@pytest.mark.parametrize("name", ["", "mysql", "a`b", "x y", "-x", "a" * 64, "ö", "postgres", "a.b", "a'b"])
def test_only_plain_names_are_taken(name: str) -> None:
    with pytest.raises(ValueError, match="must be a plain name"):
        check_name(name)


def test_the_new_name_says_of_which_day_it_is() -> None:
    again = Snapshot.parse("2026-11-24.2")
    assert again
    assert (name_for("nova", DAY), name_for("nova", again)) == ("nova_restored_20261124", "nova_restored_20261124_2")
