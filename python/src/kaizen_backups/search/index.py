"""The index of one node: which names its snapshots hold, and the versions of each. All of it is made from the store.

The file STATE/index/NODE.sqlite is read whole, and replaced whole: several programs at once, a kill and a full disk
leave the old one or the new one. It carries a checksum of itself, where SQLite has a number for the application's
use. One that is missing, of another release, or damaged is made anew.

A row of `versions` is a version of a file, directory or symlink: it is the same in all snapshots from `first` to
`last` that are still there; `last` is NULL while the newest one that was indexed has it. So a night in which nothing
changed costs no row.
"""

import sqlite3
import struct
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kaizen_backups.atomic import write_atomically
from kaizen_backups.search.update import Teller, identity, update
from kaizen_backups.settings import Settings
from kaizen_backups.store import NodeStore

_SCHEMA = 1
_TABLES = f"""
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,                     -- in the order of their names
    name TEXT NOT NULL,
    identity TEXT NOT NULL                      -- shows that it was replaced
) STRICT;
CREATE TABLE versions (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,                         -- from the snapshot's root, with a slash before it
    first INTEGER NOT NULL, last INTEGER,       -- snapshots
    inode INTEGER NOT NULL,                     -- in the newest snapshot that has it; 0: to be looked at again
    mode INTEGER NOT NULL,                      -- as in stat(2), with the kind
    uid INTEGER NOT NULL, gid INTEGER NOT NULL,
    size INTEGER, mtime_ns INTEGER,             -- NULL for a directory
    content BLOB                                -- SHA-256, or a symlink's target; NULL when not known, or a directory
) STRICT;
PRAGMA user_version = {_SCHEMA};
"""
# https://sqlite.org/fileformat.html: the header, and in it the number for the application's use, big-endian.
_HEADER, _CHECKSUM = 100, slice(68, 72)
_STALE_SECONDS = 3600


@dataclass
class Index:
    """What is known of a node; `snapshots` are those that are stored, oldest first, by their number in the database."""

    node: str
    db: sqlite3.Connection
    snapshots: dict[int, str]
    problems: list[str] = field(default_factory=list)
    """What could not be read, and is missing here."""
    unsaved: str | None = None
    """Why the next search has to read the snapshots again."""


def open_index(settings: Settings, node: str, tell: Teller = lambda *_: None) -> Index:
    """Return a node's index; what is new in the store is read first, and `tell` hears of each snapshot that is.

    Raises OSError when it can't be seen which snapshots there are.
    """
    store = NodeStore(settings.store, node)
    stored = {str(s): found for s in store.snapshots() if (found := identity(store.path(s)))}
    path = settings.index_directory / f"{node}.sqlite"
    db = _load(path)
    index = Index(node, db or _new(), {})
    if db is None or _indexed(db) != stored:
        index.db = _copy(index.db)
        index.problems = update(index.db, node, store, stored, tell)
        try:
            _save(path, index.db)
        except OSError as error:
            index.unsaved = f"{path}: {error.strerror}"
    index.snapshots = dict(index.db.execute("SELECT id, name FROM snapshots ORDER BY id"))
    return index


def forget_nodes(settings: Settings, stored: list[str]) -> None:
    """Remove the indexes of nodes of which nothing is stored any more: names are secrets, too. Raises OSError."""
    for path in settings.index_directory.glob("*.sqlite"):
        if path.stem not in stored:
            path.unlink(missing_ok=True)


def _indexed(db: sqlite3.Connection) -> Mapping[str, str]:
    return dict(db.execute("SELECT name, identity FROM snapshots"))


def _new() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(_TABLES)
    return db


def _load(path: Path) -> sqlite3.Connection | None:
    """Return the database of a file; None when that is no index of this release, whole and undamaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) < _HEADER or data[_CHECKSUM] != _checksum(data):
        return None
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.deserialize(data)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return db if version == _SCHEMA else None


def _copy(db: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy that can grow: one that was read from a file has an end at a gibibyte."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    db.backup(copy)
    return copy


def _save(path: Path, db: sqlite3.Connection) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    for left in path.parent.glob(".*"):  # by one that was killed
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - _STALE_SECONDS:
                left.unlink()
    db.execute("VACUUM")
    data = bytearray(db.serialize())
    data[_CHECKSUM] = _checksum(data)
    write_atomically(path, data, 0o600)


def _checksum(data: bytes | bytearray) -> bytes:
    """Return the checksum of a file, as if it had none in it."""
    view = memoryview(data)
    crc = zlib.crc32(view[: _CHECKSUM.start])
    crc = zlib.crc32(bytes(_CHECKSUM.stop - _CHECKSUM.start), crc)
    return struct.pack(">I", zlib.crc32(view[_CHECKSUM.stop :], crc))
