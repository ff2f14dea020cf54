"""The history of collections (SQLite): runs, how each attempt at a node ended, which snapshots came."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from kaizen_backups.errors import KaizenError
from kaizen_backups.history_offsite import OffsiteHistory
from kaizen_backups.history_records import Attempt, Drill, PastNight, Record, Run, Tables
from kaizen_backups.history_schema import migrate
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.sums import Checked
from kaizen_backups.unusual import NIGHTS, Measured, unusual

_ATTEMPTS_DAYS = 400
# Damaged, not a database, or without a table that it should have; a full disk and the like are none of these.
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_NEEDS_DAYS = 7  # what came of it before says nothing: or one night's load would keep a node out for ever
_SELECT_NIGHTS = (
    "SELECT snapshot, received, files, bytes, new_files, new_bytes, dumps, warnings, unusual FROM nights WHERE"
)
_NO_SNAPSHOT = Snapshot(date.min)
_NEEDS = 3  # a node's room is measured by its largest of so many receptions


class BrokenHistoryError(KaizenError):
    """The database is damaged, or none of ours."""


class History(OffsiteHistory):
    """The open database. Every change is committed as it is made."""

    def check(self) -> None:
        """Read all of the database. Raises BrokenHistoryError."""
        (answer,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if answer != "ok":
            raise BrokenHistoryError(answer)

    # -- runs and attempts

    def begin_run(self, nodes: int) -> int:
        """Note that a collection of so many nodes begins now; return the run's number."""
        with self._change():
            old = stamp(datetime.now(UTC) - timedelta(days=_ATTEMPTS_DAYS))
            self._db.execute("DELETE FROM attempts WHERE at < ?", (old,))
            self._db.execute("DELETE FROM runs WHERE began < ?", (old,))
            self._db.execute("DELETE FROM nights WHERE received < ?", (old,))
            self._db.execute("DELETE FROM room WHERE at < ?", (old,))
            done = self._db.execute("INSERT INTO runs (began, nodes) VALUES (?, ?)", (stamp(), nodes))
        return int(done.lastrowid or 0)

    def end_run(self, run: int, failed: int, received: int, new_bytes: int) -> None:
        """Note how a run ended now: nodes that failed, snapshots and bytes that came."""
        with self._change():
            self._db.execute(
                "UPDATE runs SET ended = ?, failed = ?, received = ?, new_bytes = ? WHERE run = ?",
                (stamp(), failed, received, new_bytes, run),
            )

    def last_run(self) -> str | None:
        """Return when the last collection began, as `stamp` writes it; None when there was none."""
        (began,) = self._db.execute("SELECT max(began) FROM runs").fetchone()
        return str(began) if began else None

    def runs(self, last: int) -> list[Run]:
        """Return the last collections, newest first."""
        rows = self._db.execute(
            "SELECT began, ended, nodes, failed, received, new_bytes FROM runs ORDER BY run DESC LIMIT ?", (last,)
        )
        return [Run(*row) for row in rows]

    def add_attempt(self, node: str, seconds: float, received: int, problem: str | None, new_bytes: int = 0) -> None:
        """Note how an attempt at a node ended now: how many snapshots came, and how many bytes that were new."""
        with self._change():
            self._db.execute(
                "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)",
                (node, stamp(), seconds, received, problem, new_bytes),
            )

    def last_attempts(self) -> dict[str, Attempt]:
        """Return each node's last attempt."""
        # From each node's name to the next in the index: a year has far more attempts than nodes.
        rows = self._db.execute("""
            WITH RECURSIVE names (node) AS (
                SELECT min(node) FROM attempts UNION ALL
                SELECT (SELECT min(node) FROM attempts WHERE node > names.node) FROM names WHERE node IS NOT NULL
            )
            SELECT names.node, at, problem FROM names JOIN attempts
                ON attempts.rowid = (SELECT max(rowid) FROM attempts WHERE node = names.node)""")
        return {node: Attempt(at, problem) for node, at, problem in rows}

    def attempts(self, node: str, last: int) -> list[Attempt]:
        """Return a node's last attempts, newest first."""
        rows = self._db.execute(
            "SELECT at, problem, seconds, received FROM attempts WHERE node = ? ORDER BY rowid DESC LIMIT ?",
            (node, last),
        )
        return [Attempt(*row) for row in rows]

    def usual_seconds(self) -> dict[str, float]:
        """Return how long each node took when something was last received of it."""
        rows = self._db.execute("SELECT node, seconds, max(rowid) FROM attempts WHERE received > 0 GROUP BY node")
        return {node: seconds for node, seconds, _ in rows}

    def needs(self) -> dict[str, int]:
        """Return, for each node, the bytes of its largest of the last few receptions, its very first left out."""
        rows = self._db.execute(
            "SELECT node, max(new_bytes) FROM (SELECT node, new_bytes,"
            " row_number() OVER (PARTITION BY node ORDER BY rowid DESC) AS age,"
            " row_number() OVER (PARTITION BY node ORDER BY rowid) AS place, at FROM attempts WHERE received > 0)"
            " WHERE age <= ? AND place > 1 AND at > ? GROUP BY node",
            (_NEEDS, stamp(datetime.now(UTC) - timedelta(days=_NEEDS_DAYS))),
        )
        return dict(rows.fetchall())

    # -- snapshots

    def add_snapshot(
        self, node: str, snapshot: Snapshot, checked: Checked, received: str | None = None, warnings: Sequence[str] = ()
    ) -> None:
        """Note a snapshot that was received (now, unless told) and checked, with the agent's warnings."""
        night = _night(snapshot, checked, received or stamp(), warnings, self._nights_before(node, snapshot))
        values = (checked.files, checked.bytes, checked.new_files, checked.new_bytes, checked.sums_sha256)
        with self._change():
            self._db.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (node, str(snapshot), night.received, *values, night.received),
            )
            self._add_night(node, night)

    def _add_night(self, node: str, night: PastNight) -> None:
        values = (night.files, night.bytes, night.new_files, night.new_bytes)
        texts = (json.dumps(night.dumps), json.dumps(night.warnings), json.dumps(night.unusual))
        self._db.execute(
            "INSERT OR REPLACE INTO nights VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (node, night.snapshot, night.received, *values, *texts),
        )

    def _nights_before(self, node: str, snapshot: Snapshot) -> list[PastNight]:
        earlier = [night for night in self.nights(node) if (Snapshot.parse(night.snapshot) or snapshot) < snapshot]
        return earlier[:NIGHTS]

    def nights(self, node: str) -> list[PastNight]:
        """Return a node's nights, newest first; those whose snapshot has expired, too."""
        found = self._nights("node = ?", node)
        return sorted(found, key=lambda night: Snapshot.parse(night.snapshot) or _NO_SNAPSHOT, reverse=True)

    def night(self, node: str, snapshot: Snapshot) -> PastNight | None:
        """Return the night in which a snapshot came; None when this history did not see that."""
        return next(self._nights("node = ? AND snapshot = ?", node, str(snapshot)), None)

    def bytes_before(self, node: str, snapshot: Snapshot) -> int | None:
        """Return the size of a node's last snapshot up to that one; of its first one where all are later."""
        found = (
            self._db.execute(
                "SELECT bytes FROM nights WHERE node = ? AND snapshot <= ? ORDER BY snapshot DESC LIMIT 1",
                (node, str(snapshot)),
            ).fetchone()
            or self._db.execute("SELECT bytes FROM nights WHERE node = ? ORDER BY snapshot LIMIT 1", (node,)).fetchone()
        )
        return int(found[0]) if found else None

    def _nights(self, where: str, *values: str) -> Iterator[PastNight]:
        rows = self._db.execute(f"{_SELECT_NIGHTS} {where}", values)
        return (PastNight(*row[:6], *map(_from_json, row[6:])) for row in rows)

    def put_on_record(self, node: str, snapshot: Snapshot, measured: Checked, received: str) -> None:
        """Note a stored snapshot that was not on record; a verdict that there is of it stays."""
        values = (measured.files, measured.bytes, measured.new_files, measured.new_bytes, measured.sums_sha256)
        with self._change():
            self._db.execute(
                "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 0) ON CONFLICT DO UPDATE SET"
                " received = excluded.received, files = excluded.files, bytes = excluded.bytes,"
                " new_files = excluded.new_files, new_bytes = excluded.new_bytes, sums_sha256 = excluded.sums_sha256",
                (node, str(snapshot), received, *values),
            )
            if not self.night(node, snapshot):
                self._add_night(node, _night(snapshot, measured, received, (), ()))

    def snapshot(self, node: str, snapshot: Snapshot) -> Record | None:
        """Return what is known of a snapshot; None when it did not come by a collection that this history saw."""
        row = self._db.execute(
            "SELECT received, files, bytes, new_files, new_bytes, sums_sha256, verified, rotten FROM snapshots"
            " WHERE node = ? AND snapshot = ?",
            (node, str(snapshot)),
        ).fetchone()
        return Record(*row) if row else None

    def all_rotten(self) -> set[tuple[str, str]]:
        """Return node and name of every snapshot in which something rotten was found."""
        return set(self._db.execute("SELECT node, snapshot FROM snapshots WHERE rotten").fetchall())

    def rotten(self, node: str) -> set[Snapshot]:
        """Return the node's snapshots in which something rotten was found."""
        rows = self._db.execute("SELECT snapshot FROM snapshots WHERE node = ? AND rotten", (node,))
        return {snapshot for (name,) in rows if (snapshot := Snapshot.parse(name))}

    def set_verdict(self, node: str, snapshots: Iterable[str], *, rotten: bool) -> None:
        """Note that snapshots were read now, all of them, and whether something in them is rotten."""
        rows = [(node, snapshot) for snapshot in snapshots]
        with self._change():
            # One that this history never saw gets a row: its verdict must not be lost.
            self._db.executemany(
                "INSERT OR IGNORE INTO snapshots (node, snapshot, received, files, bytes, new_files, new_bytes,"
                " sums_sha256, rotten) VALUES (?, ?, '', 0, 0, 0, 0, '', 0)",
                rows,
            )
            self._db.executemany(
                "UPDATE snapshots SET verified = ?, rotten = ? WHERE node = ? AND snapshot = ?",
                [(stamp(), int(rotten), *row) for row in rows],
            )

    def set_node_verified(self, node: str) -> None:
        """Note that all that is stored of a node was read now."""
        with self._change():
            self._db.execute("INSERT OR REPLACE INTO nodes VALUES (?, ?)", (node, stamp()))

    def nodes_verified(self) -> dict[str, str]:
        """Return when all that is stored of a node was last read, for those of which it ever was."""
        return dict(self._db.execute("SELECT node, verified FROM nodes").fetchall())

    def node_verified(self, node: str) -> str | None:
        """Return when all that is stored of a node was last read; None when it never was."""
        row = self._db.execute("SELECT verified FROM nodes WHERE node = ?", (node,)).fetchone()
        return str(row[0]) if row else None

    # -- drills

    def add_drill(
        self,
        node: str,
        snapshot: Snapshot,
        seconds: float,
        problems: list[str],
        tables: Tables,
        *,
        unchecked: Sequence[str] = (),
    ) -> None:
        """Note how a drill of a node's snapshot ended now; `tables` has each loaded dump's tables, with their rows."""
        lists = (json.dumps(problems), json.dumps(tables), json.dumps([*unchecked]))
        with self._change():
            self._db.execute(
                "INSERT INTO drills VALUES (?, ?, ?, ?, ?, ?, ?)", (node, stamp(), seconds, str(snapshot), *lists)
            )

    def last_drills(self, *, good: bool = False) -> dict[str, Drill]:
        """Return each node's last drill, or its last good one."""
        rows = self._db.execute(
            "SELECT node, at, snapshot, problems, tables, unchecked, max(rowid) FROM drills"
            " WHERE problems = '[]' OR NOT ? GROUP BY node",
            (good,),
        )
        return {
            node: Drill(at, snapshot, *(json.loads(text) for text in texts)) for node, at, snapshot, *texts, _ in rows
        }

    def drills(self, node: str, last: int) -> list[Drill]:
        """Return a node's last drills, newest first."""
        rows = self._db.execute(
            "SELECT at, snapshot, problems, tables, unchecked FROM drills WHERE node = ? ORDER BY rowid DESC LIMIT ?",
            (node, last),
        )
        return [Drill(at, snapshot, *(json.loads(text) for text in texts)) for at, snapshot, *texts in rows]

    # -- the store's room

    def add_room(self, free: int, total: int) -> None:
        """Note the bytes that the store's file system has now, free and in all."""
        with self._change():
            self._db.execute("INSERT OR REPLACE INTO room VALUES (?, ?, ?)", (stamp(), free, total))

    def room(self) -> list[tuple[str, int, int]]:
        """Return when (UTC) the store's file system had how many bytes, free and in all; oldest first."""
        return self._db.execute("SELECT at, free, total FROM room ORDER BY at").fetchall()

    # -- what is known

    def known(self) -> set[tuple[str, str]]:
        """Return node and name of every snapshot of which anything is known."""
        return set(self._db.execute("SELECT node, snapshot FROM snapshots").fetchall())

    def on_record(self) -> set[tuple[str, str]]:
        """Return node and name of every snapshot whose sum of sums is known, so that tampering would show."""
        return set(self._db.execute("SELECT node, snapshot FROM snapshots WHERE sums_sha256 <> ''").fetchall())

    def forget(self, gone: Iterable[tuple[str, str]]) -> None:
        """Remove snapshots, by node and name, from the record."""
        with self._change():
            self._db.executemany("DELETE FROM snapshots WHERE node = ? AND snapshot = ?", list(gone))


@contextmanager
def open_history(path: Path) -> Iterator[History]:
    """Open the database, made when it is missing. Raises KaizenError when it can't be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=30)
        try:
            # A snapshot without its row could be tampered with unseen: a power cut must take no commit back.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate(connection)
            yield History(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        complaint = f"{path}: the history cannot be used: {error}"
        if _code(error) in _BROKEN:
            raise BrokenHistoryError(f"{complaint}; 'kaizen history rebuild' makes it anew from the store") from error
        raise KaizenError(complaint) from error


def _night(
    snapshot: Snapshot, found: Checked, received: str, warnings: Sequence[str], before: Sequence[PastNight]
) -> PastNight:
    """Return a night as it goes on record: with what is unlike those before it."""
    measured = Measured(found.files, found.bytes, found.new_files, found.dumps)
    odd = unusual(measured, [Measured(one.files, one.bytes, one.new_files, one.dumps) for one in before])
    counts = (found.files, found.bytes, found.new_files, found.new_bytes)
    return PastNight(str(snapshot), received, *counts, found.dumps, [*warnings], odd)


def _from_json(text: str) -> Any:
    return [] if text == "[]" else json.loads(text)  # for a thousand nodes that is nearly all there is


def _code(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code, https://sqlite.org/rescode.html."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if code is not None else None


def parse_stamp(text: str) -> datetime:
    """Return the moment that `stamp` wrote."""
    return datetime.fromisoformat(text)


def stamp(moment: datetime | None = None) -> str:
    """Return a moment, now unless told, as the history writes it: UTC, ISO 8601."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
