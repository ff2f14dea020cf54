"""The history of collections: which snapshot came when, and how each attempt at a node ended (SQLite)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kaizen_backups.errors import KaizenError
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.sums import Checked

_SCHEMA = """
CREATE TABLE snapshots (
    node TEXT NOT NULL, snapshot TEXT NOT NULL,
    received TEXT NOT NULL,                 -- by the collector's clock, UTC
    files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    new_files INTEGER NOT NULL, new_bytes INTEGER NOT NULL,
    sums_sha256 TEXT NOT NULL,
    PRIMARY KEY (node, snapshot)
) STRICT;
CREATE TABLE attempts (                     -- one row each time a node was asked
    node TEXT NOT NULL, at TEXT NOT NULL, seconds REAL NOT NULL,
    received INTEGER NOT NULL,              -- snapshots
    problem TEXT                            -- NULL when all went well
) STRICT;
CREATE INDEX attempts_by_node ON attempts (node, at);
"""
_VERSION = 1


@dataclass(frozen=True)
class Record:
    """A snapshot as it was received; times in UTC, sizes in bytes."""

    received: str
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    sums_sha256: str


@dataclass(frozen=True)
class Attempt:
    """How the last attempt at a node ended; `problem` is None when all went well."""

    at: str
    problem: str | None


class History:
    """The open database. Every change is committed as it is made."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def add_snapshot(self, node: str, snapshot: Snapshot, checked: Checked) -> None:
        """Note a snapshot that was checked and published now."""
        values = (checked.files, checked.bytes, checked.new_files, checked.new_bytes, checked.sums_sha256)
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (node, str(snapshot), _now(), *values),
            )

    def add_attempt(self, node: str, seconds: float, received: int, problem: str | None) -> None:
        """Note how an attempt at a node ended now."""
        with self._db:
            self._db.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?)", (node, _now(), seconds, received, problem))

    def snapshot(self, node: str, snapshot: Snapshot) -> Record | None:
        """Return what is known of a snapshot; None when it did not come by a collection that this history saw."""
        row = self._db.execute(
            "SELECT received, files, bytes, new_files, new_bytes, sums_sha256 FROM snapshots"
            " WHERE node = ? AND snapshot = ?",
            (node, str(snapshot)),
        ).fetchone()
        return Record(*row) if row else None

    def last_attempts(self) -> dict[str, Attempt]:
        """Return each node's last attempt."""
        rows = self._db.execute("SELECT node, at, problem, max(rowid) FROM attempts GROUP BY node")
        return {node: Attempt(at, problem) for node, at, problem, _ in rows}


@contextmanager
def open_history(path: Path) -> Iterator[History]:
    """Open the database, made when it is missing. Raises KaizenError when it can't be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=30)
        try:
            _migrate(connection)
            yield History(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise KaizenError(f"{path}: the history cannot be used: {error}") from error


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.DatabaseError(f"it was written by a later release (schema {version})")
    if version == 0:
        connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
