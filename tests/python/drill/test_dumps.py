"""Each dump is tried by itself: what is wrong with one is said of that one, and the others are tried all the same."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.databases.dump import find_dumps
from kaizen_backups.drill.dumps import DumpDrill, all_dumps
from kaizen_backups.errors import NoRoomError
from kaizen_backups.restore.check import Checker
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from throw_away import compress

DAY = Snapshot.parse("2026-11-24") or Snapshot.__new__(Snapshot)
END = b"\n-- Dump completed\n"
GOOD = compress(b"CREATE TABLE t (i INT); INSERT INTO t VALUES (1), (2);" + END)


@pytest.fixture
def drill(tmp_path: Path, make_snapshot: Callable[..., Path]) -> Callable[..., DumpDrill]:
    """Return what drills a snapshot of these dumps, of which one may be rotten."""

    def run(dumps: dict[str, bytes], rotten: str = "", floor: int = 0) -> DumpDrill:
        root = make_snapshot(f"store/n/{DAY}", **{f"dumps/{name}": content for name, content in dumps.items()})
        if rotten:
            (root / "dumps" / rotten).write_bytes(b"rot")
        store = NodeStore(tmp_path / "store", "n")
        work = DumpDrill(store, DAY, Checker(store, {}, lambda _: None), floor)
        (tmp_path / "place").mkdir()
        try:
            asyncio.run(work.run(all_dumps(store, DAY), find_dumps(store, DAY), tmp_path / "place"))
        finally:
            running = subprocess.run(["pgrep", "-f", f"{tmp_path}/place"], capture_output=True, check=False).stdout
            assert running == b""
        return work

    return run


def test_what_is_wrong_with_one_is_said_of_that_one_alone(drill: Callable[..., DumpDrill]) -> None:
    work = drill(
        {
            "mysql/a.sql.zst": GOOD,
            "mysql/b.sql.zst": compress(b"SET PASSWORD = PASSWORD('x');" + END),
            "mysql/c.sql.zst": compress(b"CREATE DATABASE other;" + END),
            "mysql/d.sql.zst": GOOD[:-5],
            "mysql/e.sql.zst": GOOD,
            "mysql/f.sql.zst": GOOD,
            "mysql-globals.sql.zst": compress(b"CREATE USER x;\n"),
            "packages": b"ii  bash 1\n",
            "rabbitmq.json": b'{"users": [',
        },
        rotten="mysql/e.sql.zst",
    )
    assert work.tables == {f"/dumps/mysql/{name}.sql.zst": {"t": 2} for name in "af"}
    named = [problem.split(" ")[0].rstrip(":") for problem in work.problems]
    assert sorted(named) == [
        "/dumps/mysql-globals.sql.zst",
        *(f"/dumps/mysql/{name}.sql.zst" for name in "bcde"),
        "/dumps/rabbitmq.json",
    ]


def test_of_an_encrypted_dump_the_sum_is_checked_and_nothing_else_is_said(drill: Callable[..., DumpDrill]) -> None:
    names = ["mysql/nova.sql.zst.age", "packages.age", "tell.age"]
    work = drill(dict.fromkeys(names, b"age-encryption.org/v1"), rotten="tell.age")
    assert work.unchecked == [f"/dumps/{name}" for name in names[:2]]
    assert work.tables == {}
    (problem,) = work.problems
    assert problem.startswith("/dumps/tell.age")


def test_where_nothing_is_loaded_no_server_is_started(
    drill: Callable[..., DumpDrill], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kaizen_backups.drill.dumps.throw_away", None)
    assert drill({"packages": b"x", "rabbitmq.json": b"{}"}).problems == []


def test_a_load_is_broken_off_before_the_disk_is_full(drill: Callable[..., DumpDrill]) -> None:
    rows = b"".join(b"INSERT INTO t VALUES (%d);\n" % number for number in range(200_000))
    with pytest.raises(NoRoomError, match="broken off"):
        drill({"mysql/a.sql.zst": compress(b"CREATE TABLE t (i INT);\n" + rows + END)}, floor=1 << 60)
