"""Which dumps a snapshot has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.databases.dump import Dump, find_dumps, require_program
from kaizen_backups.databases.load import choose_dump
from kaizen_backups.databases.url import Kind
from kaizen_backups.errors import KaizenError, UnavailableError
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore

DAY = Snapshot.parse("2026-11-24") or Snapshot.__new__(Snapshot)


def test_they_are_found_by_the_names_that_the_agent_gives(tmp_path: Path, make_snapshot: Callable[..., Path]) -> None:
    names = ["mysql/nova.sql.zst", "mysql/a%2Fb%25c.sql.gz", "mysql/%2Ehidden.sql", "postgresql/shop.dump.zst"]
    others = ["mysql/readme", "mysql/x.dump.zst", "postgresql/x.sql", "mysql-globals.sql.zst", "mysql/sub/y.sql"]
    make_snapshot(f"store/n/{DAY}", **{f"dumps/{name}": b"" for name in [*names, *others]})
    found = find_dumps(NodeStore(tmp_path / "store", "n"), DAY)
    assert [(dump.database, dump.kind, dump.unpack[0]) for dump in found] == [
        (".hidden", Kind.MYSQL, "cat"),
        ("a/b%c", Kind.MYSQL, "gzip"),
        ("nova", Kind.MYSQL, "zstd"),
        ("shop", Kind.POSTGRESQL, "zstd"),
    ]
    assert not any(dump.encrypted for dump in found)


def test_an_encrypted_one_is_the_same_databases(tmp_path: Path, make_snapshot: Callable[..., Path]) -> None:
    make_snapshot(f"store/n/{DAY}", **{"dumps/mysql/nova.sql.gz.age": b"", "dumps/mysql/nova.sql.age.x": b""})
    (found,) = find_dumps(NodeStore(tmp_path / "store", "n"), DAY)
    assert (found.database, found.encrypted, found.unpack[0]) == ("nova", True, "gzip")
    with pytest.raises(KaizenError, match=r"/dumps/mysql/nova\.sql\.gz\.age is encrypted"):
        _ = found.readers
    first, second = Dump(found.kind, "nova", found.name, Path("/root/key")).readers
    assert first[-5:] == ["--", "age", "-d", "-i", "/identity"]
    assert second[-3:] == ["gzip", "-d", "-c"]
    assert "/root/key" in first
    assert "/root/key" not in second


def test_a_symlink_in_their_place_is_not_followed(tmp_path: Path, make_snapshot: Callable[..., Path]) -> None:
    root = make_snapshot(f"store/n/{DAY}")
    (tmp_path / "outside/mysql").mkdir(parents=True)
    (tmp_path / "outside/mysql/nova.sql").write_text("")
    (root / "dumps").symlink_to(tmp_path / "outside")
    with pytest.raises(KaizenError, match="/dumps is a symlink"):
        find_dumps(NodeStore(tmp_path / "store", "n"), DAY)
    (root / "dumps").unlink()
    (root / "dumps/mysql").mkdir(parents=True)
    (root / "dumps/mysql/nova.sql").symlink_to(tmp_path / "outside/mysql/nova.sql")
    assert find_dumps(NodeStore(tmp_path / "store", "n"), DAY) == []


def test_a_database_has_a_dump_for_its_kind_of_server_alone() -> None:
    dumps = [Dump(Kind.MYSQL, "nova", b"x"), Dump(Kind.POSTGRESQL, "nova", b"y")]
    assert choose_dump(dumps, "nova", Kind.POSTGRESQL).name == b"y"
    with pytest.raises(KaizenError, match=r"no mysql dump of 'x'; there are: nova \(mysql\), nova \(postgresql\)"):
        choose_dump(dumps, "x", Kind.MYSQL)


def test_a_program_that_is_missing_is_named_with_its_package() -> None:
    assert require_program("no-such-program", "sh") == "/usr/bin/sh"
    with pytest.raises(UnavailableError, match="mariadbd-x is not installed here: apt-get install mariadbd-x"):
        require_program("mariadbd-x")
