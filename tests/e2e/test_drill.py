"""Databases from a real node's dumps: into live servers, and drilled; good, hostile and damaged."""

import hashlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from cluster import NOVA
from document import read_document
from doors import KAIZEN, STORE, write_sums
from lab import Fleet, Node, Result
from lab.puppet import ENVIRONMENT
from lab.services import start_mariadb, start_postgresql

DATE = "2026-11-24"
DOCUMENT = read_document(Path(__file__).parents[2] / "docs/restoring.md")
AGENT = f"{ENVIRONMENT}/modules/quickstack/files/backups/kaizen-backup"
DAEMON = "/usr/bin/rsync --server --daemon --config=/etc/kaizen/rsyncd.conf ."
KEYSTONE = """CREATE DATABASE keystone; CREATE TABLE keystone.user (id INT);
    CREATE TABLE keystone.project (id INT); INSERT INTO keystone.user VALUES (1), (2);"""
SHOP = "CREATE TABLE goods (id int); INSERT INTO goods SELECT generate_series(1, 70); CREATE TABLE sales (id int);"
END = b"-- Dump completed\n"


class Site:
    """A collector with live servers of its own, and a controller with two kinds of databases."""

    def __init__(self, fleet: Fleet) -> None:
        self.collector, self.node = fleet.add_all(["backup.kaizen.example", "controller01.kaizen.example"])
        self._furnish_collector()
        self._furnish_node()
        self.node.sh(f"bash {AGENT} run", at=f"{DATE} 01:00:00")
        collected = self.kaizen("collect")
        assert collected.code == 0, collected.describe()

    def _furnish_collector(self) -> None:
        start_mariadb(self.collector)
        start_postgresql(self.collector)
        self.collector.run(["mariadb"], input="CREATE DATABASE other; CREATE TABLE other.t (i INT);")
        self.collector.write("/usr/local/bin/kaizen", KAIZEN, mode=0o755)
        self.collector.write("/etc/kaizen/collector.yaml", yaml.safe_dump({"store": STORE, "retry_seconds": 0}))
        self.collector.sh("""mkdir -p -m 0700 /etc/kaizen/ssh
            ssh-keygen -q -t ed25519 -N '' -f /etc/kaizen/ssh/id_ed25519""")

    def _furnish_node(self) -> None:
        node, key = self.node, self.collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
        start_mariadb(node)
        start_postgresql(node)
        node.run(["mariadb"], input=NOVA + KEYSTONE)
        node.sh("cd /; setpriv --reuid=postgres --regid=postgres --init-groups createdb shop")
        node.sh("cd /; setpriv --reuid=postgres --regid=postgres --init-groups psql -q shop", input=SHOP)
        node.sh("""mkdir -p /etc/nova /etc/keystone/fernet-keys
            printf '[DEFAULT]\\nkey = a\\nkey = b\\n  c\\n' >/etc/nova/nova.conf
            printf 'dhcp-option=1\\n' >/etc/nova/dnsmasq.conf
            for key in 0 1; do head -c 32 /dev/urandom | base64 >/etc/keystone/fernet-keys/$key; done""")
        golden = Path(__file__).parents[1] / "golden"
        node.write("/etc/kaizen/rsyncd.conf", (golden / "rsyncd.conf").read_text())
        paths = "path = /etc/nova\npath = /etc/keystone\npath = /etc/passwd\n"
        node.write("/etc/kaizen/node.conf", f"role = db\n{paths}dump = mysql\ndump = postgresql\ndump = packages\n")
        node.write("/etc/kaizen/roles/db.conf", "")
        node.write("/etc/sudoers.d/kaizen", f"kaizen ALL=(root) NOPASSWD: {DAEMON}\n", mode=0o440)
        node.write("/var/lib/kaizen/.ssh/authorized_keys", f'restrict,command="sudo -n {DAEMON}" {key}\n')
        node.sh("useradd -M -d /var/lib/kaizen -s /bin/sh kaizen; usermod -p x kaizen; chmod 0700 /backups")
        host_key = " ".join(node.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        stated = {"address": node.address, "role": "generic", "host_keys": [host_key]}
        self.collector.write(f"/etc/kaizen/nodes.d/{node.name}.yaml", yaml.safe_dump(stated))

    def kaizen(self, *arguments: str) -> Result:
        return self.collector.run(["kaizen", *arguments], check=False, at=f"{DATE} 03:00:00")

    def drill(self, *arguments: str) -> Result:
        return self.collector.run(["kaizen", "drill", *arguments], check=False)

    def restore_db(self, database: str, into: str, *arguments: str) -> Result:
        line = ["kaizen", "restore-db", self.node.name, database, "--into", into, *arguments]
        return self.collector.run(line, check=False)

    @property
    def stored(self) -> Path:
        return self.collector.path(f"{STORE}/{self.node.name}/{DATE}")

    @contextmanager
    def changed(self, name: str, content: bytes | None, *, sums: bool = True) -> Iterator[None]:
        """Let a stored file be another, as if it had been collected like that; None is no file."""
        aside = self.collector.path("/aside")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(self.stored, aside, symlinks=True)
        (self.stored / name).unlink()
        if content is not None:
            (self.stored / name).write_bytes(content)
        if sums:
            write_sums(self.stored)
        self._put_on_record()
        try:
            yield
        finally:
            shutil.copy(aside / name, self.stored / name)
            shutil.copy(aside / "SHA256SUMS", self.stored / "SHA256SUMS")
            self._put_on_record()

    def _put_on_record(self) -> None:
        digest = hashlib.sha256((self.stored / "SHA256SUMS").read_bytes()).hexdigest()
        script = f"""import sqlite3
with sqlite3.connect('/var/lib/kaizen/history.sqlite') as db:
    db.execute("UPDATE snapshots SET sums_sha256 = '{digest}'")"""
        self.collector.run(["python3", "-c", script])

    def sql(self, database: str) -> bytes:
        packed = self.stored / f"dumps/mysql/{database}.sql.zst"
        return subprocess.run(["zstd", "-dcq", packed], capture_output=True, check=True).stdout


def pack(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Fleet("drill") as fleet:
        yield Site(fleet)


def mysql(node: Node, sql: str) -> str:
    return node.run(["mariadb", "-N"], input=sql).out


def postgresql(node: Node, database: str, sql: str) -> str:
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    return node.run([*become, "psql", "-XAtq", database], input=sql, cwd="/").out


def left_behind(site: Site) -> tuple[str, str]:
    """Return what is there of throw-away servers and of scratch space."""
    listed = site.collector.run(["find", "/var/lib/kaizen/drill", "-mindepth", "1", "-maxdepth", "1"], check=False).out
    return site.collector.run(["pgrep", "-f", "/place/data"], check=False).out, listed


# -- restore-db


def test_a_database_comes_back_beside_the_live_one_with_as_many_rows(site: Site) -> None:
    done = site.restore_db("nova", "mysql:///")
    assert done.code == 0, done.describe()
    for table in ("instances", "flavors"):
        rows = mysql(site.node, f"SELECT COUNT(*) FROM nova.{table}").strip()
        assert mysql(site.collector, f"SELECT COUNT(*) FROM nova_restored_20261124.{table}").strip() == rows
        assert f"{table}" in done.out
    assert "nova_restored_20261124: 2 tables, 502 rows" in done.out
    names = "SELECT MD5(GROUP_CONCAT(hostname, launched_at ORDER BY id)) FROM {}.instances"
    assert mysql(site.collector, names.format("nova_restored_20261124")) == mysql(site.node, names.format("nova"))
    again = site.restore_db("nova", "mysql:///")
    assert (again.code, "nova_restored_20261124 is there and is not empty" in again.err) == (1, True)


def test_a_postgresql_database_comes_back_too(site: Site) -> None:
    done = site.restore_db("shop", "postgresql:///", "--as", "shop_again", "--json")
    assert done.code == 0, done.describe()
    assert json.loads(done.out)["restored"]["tables"] == {"goods": 70, "sales": 0}
    assert postgresql(site.collector, "shop_again", "SELECT count(*) FROM goods") == "70\n"
    assert site.restore_db("shop", "postgresql:///", "--as", "shop_again").code == 1


def test_with_a_password_in_the_url_over_the_network(site: Site) -> None:
    mysql(
        site.collector,
        "CREATE USER admin@'%' IDENTIFIED BY 'se:c/ret'; GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;",
    )
    done = site.restore_db("keystone", "mysql://admin:se%3Ac%2Fret@127.0.0.1/", "--as", "ks")
    assert done.code == 0, done.describe()
    assert "se:c" not in done.out
    wrong = site.restore_db("keystone", "mysql://admin:wrong@127.0.0.1/", "--as", "ks2")
    assert wrong.code == 69
    assert "Access denied" in wrong.err
    assert "wrong@" not in wrong.err


def test_a_dry_run_checks_and_changes_nothing(site: Site) -> None:
    done = site.restore_db("nova", "mysql:///", "--as", "never", "--dry-run")
    assert done.code == 0, done.describe()
    assert "is whole, and would be loaded into mysql:/// as never" in done.out
    assert "never" not in mysql(site.collector, "SHOW DATABASES")


def test_what_is_not_there_is_said_with_what_is(site: Site) -> None:
    missing = site.restore_db("glance", "mysql:///")
    assert missing.code == 1
    assert "no mysql dump of 'glance'; there are: keystone (mysql), mysql (mysql), nova (mysql)" in missing.err
    assert "postgres (postgresql), shop (postgresql)" in missing.err


def test_a_hostile_dump_writes_nothing_elsewhere_and_runs_nothing(site: Site) -> None:
    before = mysql(site.collector, "SHOW DATABASES; SELECT user, host FROM mysql.user ORDER BY 1, 2;")
    for hostile in (
        b"\\! touch /tmp/was-here\n",
        b"INSERT INTO other.t VALUES (1);\n",
        b"USE other; DROP TABLE t;\n",
        b"CREATE DATABASE IF NOT EXISTS more; USE more;\n",
    ):
        with site.changed("dumps/mysql/nova.sql.zst", pack(b"CREATE TABLE t (i INT);\n" + hostile + END)):
            done = site.restore_db("nova", "mysql:///", "--as", "hostile")
        assert done.code == 1, done.describe()
        assert "the half-filled database hostile was dropped" in done.err
    assert mysql(site.collector, "SHOW DATABASES; SELECT user, host FROM mysql.user ORDER BY 1, 2;") == before
    assert mysql(site.collector, "SELECT COUNT(*) FROM other.t") == "0\n"
    assert not site.collector.path("/tmp/was-here").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_interrupted_leaves_nothing(site: Site, how: signal.Signals) -> None:
    before = mysql(site.collector, "SHOW DATABASES; SELECT user, host FROM mysql.user ORDER BY 1, 2;")
    slow = b"CREATE TABLE t (i INT); INSERT INTO t SELECT SLEEP(600);\n"
    with site.changed("dumps/mysql/nova.sql.zst", pack(slow + END)):
        line = ["kaizen", "restore-db", site.node.name, "nova", "--into", "mysql:///", "--as", "slow"]
        running = site.collector.popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while "SLEEP" not in mysql(
            site.collector, "SELECT info FROM information_schema.processlist WHERE info LIKE 'INS%'"
        ):
            assert running.poll() is None
            time.sleep(0.05)
        site.collector.run(["pkill", f"-{how}", "-f", "cli.main.*restore-db"])
        assert running.wait(30) == 130
    assert mysql(site.collector, "SHOW DATABASES; SELECT user, host FROM mysql.user ORDER BY 1, 2;") == before


def test_a_dump_whose_sum_is_wrong_is_refused(site: Site) -> None:
    with site.changed("dumps/mysql/nova.sql.zst", pack(END), sums=False):
        done = site.restore_db("nova", "mysql:///", "--as", "never")
    assert done.code == 65
    assert "/dumps/mysql/nova.sql.zst does not have its sum any more" in done.err


# -- drill


def test_a_good_node_is_proven_restorable(site: Site) -> None:
    done = site.drill("-v")
    assert done.code == 0, done.describe()
    assert f"{site.node.name}: {DATE} is proven restorable" in done.out
    (status,) = json.loads(site.kaizen("status", "--json").out)["nodes"]
    assert status["proven"]
    assert status["drill_failed"] is None
    assert left_behind(site) == ("", "")


def without_table(sql: bytes, table: bytes) -> bytes:
    at = sql.index(b"--\n-- Table structure for table `%b`" % table)
    return sql[:at] + sql[sql.index(b"--\n-- ", sql.index(b"UNLOCK TABLES", at)) :]


def without_rows(sql: bytes) -> bytes:
    lines = sql.split(b"\n")
    return b"\n".join(line for line in lines if not line.startswith((b"INSERT", b"(1)", b"(2)")))


NOVA_DUMP, KEYSTONE_DUMP = "dumps/mysql/nova.sql.zst", "dumps/mysql/keystone.sql.zst"
SHOP_DUMP = "dumps/postgresql/shop.dump.zst"
DAMAGES: dict[str, tuple[str, Callable[[Site], bytes | None], str]] = {
    "cut short": (NOVA_DUMP, lambda site: pack(site.sql("nova")[:-40]), "is cut short: it does not end"),
    "damaged": (SHOP_DUMP, lambda site: (site.stored / SHOP_DUMP).read_bytes()[:-30], "is damaged or cut short"),
    "missing table": (
        NOVA_DUMP,
        lambda site: pack(without_table(site.sql("nova"), b"flavors")),
        "the table flavors, which it had, is missing",
    ),
    "missing database": (NOVA_DUMP, lambda site: None, "which the last good drill had, is missing"),
    "nobody": (KEYSTONE_DUMP, lambda site: pack(without_rows(site.sql("keystone"))), "the table user has no row"),
    "no SQL": (NOVA_DUMP, lambda site: pack(b"nonsense;\n" + END), "ERROR 1064"),
    "settings": ("etc/nova/nova.conf", lambda site: b"[DEFAULT]\nsecret nonsense\n", "nova.conf:2 is no line"),
    "a key": ("etc/keystone/fernet-keys/1", lambda site: b"c2hvcnQ=\n", "fernet-keys/1 is no Fernet key: 5 bytes"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_named_and_nothing_else_is(site: Site, damage: str) -> None:
    name, make, complaint = DAMAGES[damage]
    with site.changed(name, make(site)):
        done = site.drill("--json")
    assert done.code == 1, done.describe()
    (problem,) = json.loads(done.out)["problems"]
    assert f"/{name}" in problem
    assert complaint in problem
    assert f"kaizen: {site.node.name}: {DATE}: {problem[:60]}" in done.err
    assert "secret" not in done.err


def test_a_rotten_file_is_named_and_the_databases_are_tried_all_the_same(site: Site) -> None:
    with site.changed("etc/nova/nova.conf", b"rot", sums=False):
        done = site.drill("--json")
    found = json.loads(done.out)
    assert (done.code, found["problems"]) == (1, ["/etc/nova/nova.conf does not have its sum any more"])
    assert found["tables"]["/dumps/mysql/nova.sql.zst"] == {"flavors": 2, "instances": 500}
    assert "failed" in site.kaizen("status").out


def test_a_table_that_is_gone_can_be_said_to_be_meant(site: Site) -> None:
    with site.changed("dumps/mysql/nova.sql.zst", pack(without_table(site.sql("nova"), b"flavors"))):
        assert site.drill().code == 1
        assert site.drill("--accept-missing").code == 0
        assert site.drill().code == 0
    assert site.drill().code == 0


def test_a_killed_drill_leaves_nothing_running_and_the_next_one_cleans_up(site: Site) -> None:
    for how in (signal.SIGKILL, signal.SIGTERM):
        running = site.collector.popen(["kaizen", "drill"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not left_behind(site)[0]:
            assert running.poll() is None
            time.sleep(0.02)
        site.collector.run(["pkill", f"-{how}", "-f", "cli.main.*drill"])
        end = time.monotonic() + 20
        while left_behind(site)[0] or running.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert bool(left_behind(site)[1]) == (how == signal.SIGKILL)
        running.end()
        if how == signal.SIGKILL:
            assert site.drill().code == 0
            assert left_behind(site) == ("", "")


def test_without_room_nothing_is_begun_and_nothing_disproved(site: Site) -> None:
    before = json.loads(site.kaizen("status", "--json").out)["nodes"]
    site.collector.sh("mkdir -p /small && mount -t tmpfs -o size=50m small /small")
    try:
        done = site.drill("--scratch", "/small")
    finally:
        site.collector.sh("umount /small")
    assert done.code == 1
    assert "not drilled: it is expected to need" in done.err
    assert json.loads(site.kaizen("status", "--json").out)["nodes"] == before


def test_a_server_that_is_missing_is_named_with_its_package(site: Site) -> None:
    site.collector.sh("mv /usr/sbin/mariadbd /usr/sbin/away")
    try:
        done = site.drill()
    finally:
        site.collector.sh("mv /usr/sbin/away /usr/sbin/mariadbd")
    assert done.code == 69
    assert "mariadbd is not installed here: apt-get install mariadb-server" in done.err


# -- dumps that only their recipients can read


@pytest.fixture(scope="module")
def encrypted(site: Site) -> str:
    """Let the node's next snapshot have its dumps encrypted, and be collected; return its name."""
    site.collector.sh("age-keygen -o /root/dumps.key")
    key = site.collector.sh("age-keygen -y /root/dumps.key").out
    site.node.write("/etc/hil.cfg", "[database]\nuri = postgresql://hil:secret@localhost/shop\n")
    site.node.sh(
        f"cat >>/etc/kaizen/node.conf; bash {AGENT} check-config", input=f"dump_recipients = {key}dump = hil\n"
    )
    made = site.node.sh(f"bash {AGENT} run --again", at=f"{DATE} 02:00:00")
    assert made.err == ""
    assert site.kaizen("collect").code == 0
    return f"{DATE}.2"


def test_of_encrypted_dumps_everything_says_that_nobody_looked_into_them(site: Site, encrypted: str) -> None:
    files = sorted(path for path in site.stored.with_name(encrypted).glob("dumps/**/*") if path.is_file())
    assert len(files) > 5
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1\n") for path in files)
    said = site.kaizen("verify", site.node.name, encrypted, "-v").out
    assert f"of {len(files)} encrypted dumps only the encrypted bytes" in said
    found = json.loads(site.drill("--json").out)
    assert (found["good"], found["tables"], len(found["unchecked"])) == (True, {}, len(files))
    assert "dumps/mysql/nova.sql.zst.age is encrypted, and could not be looked into" in site.drill("-v").out
    (status,) = json.loads(site.kaizen("status", "--json").out)["nodes"]
    assert (len(status["unchecked"]), status["unusual"]) == (len(files), [])
    assert f"but for {len(files)} encrypted dumps" in site.kaizen("status").out


def test_with_a_key_an_encrypted_database_comes_back_as_the_document_says(site: Site, encrypted: str) -> None:
    refusal = (
        f"{site.node.name}: {encrypted}: /dumps/mysql/nova.sql.zst.age is encrypted: give the file of a private key"
    )
    assert refusal in site.restore_db("nova", "mysql:///", "--as", "x").err
    for block in DOCUMENT["Encrypted dumps"]:
        site.collector.sh("set -euo pipefail\n" + block.commands.replace("2026-11-24/", f"{encrypted}/"))
    rows = "SELECT COUNT(*), MD5(GROUP_CONCAT(hostname ORDER BY id)) FROM {}.instances"
    for name in ("nova_again", "nova_by_hand"):
        assert mysql(site.collector, rows.format(name)) == mysql(site.node, rows.format("nova"))
    key = ("--as", "shop_encrypted", "--identity", "/root/dumps.key")
    assert site.restore_db("shop", "postgresql:///", *key).code == 0
    assert postgresql(site.collector, "shop_encrypted", "SELECT count(*) FROM goods") == "70\n"
