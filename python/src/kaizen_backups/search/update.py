"""Bring a node's index to what is stored: only what is new is walked, and of that only what changed is looked at.

A file that is the same inode as in the snapshot before it, which was there when both were listed, is the same file.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from kaizen_backups.errors import DataError
from kaizen_backups.snapshots import SUMS, Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import pick_sums, read_sums
from kaizen_backups.tree import directories, show_name

Teller = Callable[[str, str, int, int], object]
"""Called with a node, a snapshot of it that is read now, how many of that node were before it, how many are in all."""

_Key = int | tuple[int, int, int]
"""What shows that a name is unchanged: an inode; of a directory, which is a new one each night, mode and owner."""
_State = dict[str, dict[str, tuple[_Key, int]]]
"""By directory and name: the key and the row of what the newest indexed snapshot has there."""
_LARGEST = (1 << 63) - 1


class _Changed(NamedTuple):
    """A name that is new, or may be another than it was; `row` is what it was."""

    directory: str
    name: str
    key: _Key
    row: int | None
    status: os.stat_result
    target: bytes | None

    @property
    def path(self) -> bytes:
        return os.fsencode(self.directory + self.name)


def identity(snapshot: Path) -> str | None:
    """Return what is another when a snapshot was replaced by one of the same name; None when it is not there."""
    try:
        root = snapshot.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(root.st_mode):
        return None
    found = f"{root.st_ino} {root.st_ctime_ns}"
    try:
        sums = (snapshot / SUMS).lstat()
    except OSError:
        return found
    return f"{found} {sums.st_ino} {sums.st_size} {sums.st_mtime_ns}"


def update(db: sqlite3.Connection, node: str, store: NodeStore, stored: Mapping[str, str], tell: Teller) -> list[str]:
    """Let the index hold the snapshots `stored`, oldest first, by name with identity; return what went wrong.

    One that can't be read is left out and named, and one that is pruned meanwhile is left out.
    """
    problems: list[str] = []
    db.execute("BEGIN")
    known = _keep(db, stored)
    missing = [name for name in stored if name not in known]
    state: _State | None = None
    for number, name in enumerate(missing):
        tell(node, name, number, len(missing))
        snapshot = Snapshot.parse(name)
        assert snapshot
        root = store.path(snapshot)
        problem = None
        db.execute("SAVEPOINT snapshot")
        try:
            state, problem = _add(db, root, name, stored[name], _state(db) if state is None else state)
        except OSError as error:
            where = f"{show_name(os.fsencode(error.filename))}: " if error.filename else ""
            problem, state = f"cannot be read: {where}{error.strerror}; it is left out", None
        if identity(root) != stored[name]:
            problem, state = None, None
        if state is None:
            db.execute("ROLLBACK TO snapshot")
        db.execute("RELEASE snapshot")
        problems += [f"{node}: {name}: {problem}"] if problem else []
    db.execute("COMMIT")
    return problems


def _keep(db: sqlite3.Connection, stored: Mapping[str, str]) -> set[str]:
    """Take what is not stored any more from the index; return the names of the snapshots that stay.

    From the first that is stored and not indexed all is taken out, to be indexed in order.
    """
    indexed = db.execute("SELECT id, name, identity FROM snapshots ORDER BY id").fetchall()
    there = [(number, name) for number, name, found in indexed if stored.get(name) == found]
    stay: dict[int, str] = {}
    for (number, name), expected in zip(there, stored, strict=False):
        if name != expected:
            break
        stay[number] = name
    newest = max(stay, default=0)
    gone = [(number,) for number, _, _ in indexed if number not in stay]
    if gone:
        db.executemany("DELETE FROM snapshots WHERE id = ?", gone)
        if gone[-1][0] > newest:
            db.execute("DELETE FROM versions WHERE first > ?", (newest,))
            # The inode may be that of a later snapshot's copy.
            db.execute("UPDATE versions SET last = NULL, inode = 0 WHERE last IS NULL OR last >= ?", (newest,))
        db.execute(
            "DELETE FROM versions WHERE NOT EXISTS"
            " (SELECT 1 FROM snapshots AS s WHERE s.id >= first AND (last IS NULL OR s.id <= last))"
        )
    return set(stay.values())


def _state(db: sqlite3.Connection) -> _State:
    """Return what the newest indexed snapshot holds."""
    state: _State = {}
    for row, path, inode, mode, uid, gid in db.execute(
        "SELECT id, path, inode, mode, uid, gid FROM versions WHERE last IS NULL"
    ):
        directory, slash, name = os.fsdecode(path).rpartition("/")
        key = (mode, uid, gid) if stat.S_ISDIR(mode) else inode
        state.setdefault(directory + slash, {})[name] = (key, row)
    return state


def _add(db: sqlite3.Connection, root: Path, name: str, found: str, before: _State) -> tuple[_State, str | None]:
    """Index a snapshot; return what it holds, and what of it is not known. Raises OSError."""
    state, changed, gone = _walk(root, before)
    (number,) = db.execute("SELECT coalesce(max(id), 0) + 1 FROM snapshots").fetchone()
    (row,) = db.execute("SELECT coalesce(max(id), 0) + 1 FROM versions").fetchone()
    problem = None
    try:
        data, own = read_sums(root)
    except DataError as error:
        problem, sums = f"{error}; sums of what is new there are not known", {}
    else:
        sums = pick_sums(data, {c.path[1:] for c in changed if stat.S_ISREG(c.status.st_mode)})
        sums[SUMS.encode()] = bytes.fromhex(own)
    same, new = [], []
    for one in changed:
        values = _values(one, sums)
        if one.row is not None and _row(db, one.row) == values:
            state[one.directory][one.name] = (one.key, one.row)
            same.append((one.key if isinstance(one.key, int) else 0, one.row))
            continue
        if one.row is not None:
            gone.append(one.row)
        state[one.directory][one.name] = (one.key, row)
        new.append((row, one.path, number, one.key if isinstance(one.key, int) else 0, *values))
        row += 1
    db.execute("INSERT INTO snapshots VALUES (?, ?, ?)", (number, name, found))
    db.executemany("UPDATE versions SET inode = ? WHERE id = ?", same)
    db.executemany("UPDATE versions SET last = ? WHERE id = ?", [(number - 1, one) for one in gone])
    db.executemany("INSERT INTO versions VALUES (?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?)", new)
    return state, problem


def _walk(root: Path, before: _State) -> tuple[_State, list[_Changed], list[int]]:
    """Return what a snapshot holds unchanged, what is new or may be another, and the rows of what is gone."""
    state: _State = {}
    changed: list[_Changed] = []
    gone: list[int] = []
    for prefix, descriptor, entries in directories(root):
        directory = "/" + os.fsdecode(prefix)
        old = before.pop(directory, {})
        new = state[directory] = {}
        for entry in entries:
            name = entry.name
            was = old.pop(name, None)
            key: _Key
            if entry.is_dir(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                key = (status.st_mode, status.st_uid, status.st_gid)
            elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
                key = entry.inode() & _LARGEST
            else:
                if was:
                    gone.append(was[1])
                continue
            if was and was[0] == key:
                new[name] = was
                continue
            target = os.readlink(os.fsencode(name), dir_fd=descriptor) if entry.is_symlink() else None
            row = was[1] if was else None
            changed.append(_Changed(directory, name, key, row, entry.stat(follow_symlinks=False), target))
        gone += [row for _, row in old.values()]
    for names in before.values():
        gone += [row for _, row in names.values()]
    return state, changed, gone


def _values(one: _Changed, sums: Mapping[bytes, bytes]) -> tuple[object, ...]:
    """Return what makes a version: mode, uid, gid, size, mtime_ns, content."""
    status = one.status
    owner = (status.st_mode, status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return (*owner, None, None, None)
    # A file system may have times that SQLite has no number for.
    mtime = max(-_LARGEST, min(_LARGEST, status.st_mtime_ns))
    content = one.target if one.target is not None else sums.get(one.path[1:])
    return (*owner, status.st_size, mtime, content)


def _row(db: sqlite3.Connection, row: int) -> tuple[object, ...]:
    found: tuple[object, ...] = db.execute(
        "SELECT mode, uid, gid, size, mtime_ns, content FROM versions WHERE id = ?", (row,)
    ).fetchone()
    return found
