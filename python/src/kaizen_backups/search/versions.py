"""Versions of what has a name in a node's snapshots: of a file, a directory or a symlink."""

import base64
import stat
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.search.index import Index

_OF_PATH = """
SELECT path, first, last, mode, uid, gid, size, mtime_ns, content FROM versions WHERE path = ? ORDER BY first
"""
_OF_ROWS = """
SELECT path, first, last, mode, uid, gid, size, mtime_ns, content FROM versions
WHERE id IN (SELECT value FROM json_each(?)) ORDER BY path, first
"""
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}


@dataclass(frozen=True)
class Version:
    """What a name held from the snapshot `first` to the snapshot `last`, and no more in `gone`, if that is there.

    Size in bytes, time in nanoseconds since 1970; a directory has neither. ACLs and extended attributes make no
    version of their own.
    """

    first: str
    last: str
    gone: str | None
    mode: int
    uid: int
    gid: int
    size: int | None
    mtime_ns: int | None
    content: bytes | None
    """SHA-256, or a symlink's target; None for a directory, and when SHA256SUMS did not say."""

    @property
    def kind(self) -> str:
        """What it is: file, directory or symlink."""
        return _KINDS[stat.S_IFMT(self.mode)]

    @property
    def sha256(self) -> str | None:
        """A file's hash, if it is known."""
        return self.content.hex() if self.kind == "file" and self.content else None

    @property
    def target(self) -> bytes | None:
        """Where a symlink leads."""
        return self.content if self.kind == "symlink" else None

    def as_json(self) -> dict[str, Any]:
        """Return the version as `kaizen find --json` prints it."""
        return {
            "first": self.first,
            "last": self.last,
            "gone": self.gone,
            "kind": self.kind,
            "mode": f"{stat.S_IMODE(self.mode):04o}",
            "uid": self.uid,
            "gid": self.gid,
            "size": self.size,
            "mtime_ns": self.mtime_ns,
            "sha256": self.sha256,
            **(bytes_as_json("target", self.target) if self.target is not None else {}),
        }


@dataclass(frozen=True)
class Found:
    """A name of a node, from the snapshot's root with a slash before it, and its versions, the newest first."""

    node: str
    path: bytes
    versions: list[Version]

    def as_json(self) -> dict[str, Any]:
        """Return it as `kaizen find --json` prints it."""
        versions = [version.as_json() for version in self.versions]
        return {"node": self.node, **bytes_as_json("path", self.path), "versions": versions}


def bytes_as_json(key: str, value: bytes) -> dict[str, str]:
    """Return bytes as text; what is not UTF-8 has its bytes as `\\xff` there, and all of it in base64 beside it."""
    try:
        return {key: value.decode()}
    except UnicodeDecodeError:
        return {
            key: value.decode("utf-8", "backslashreplace"),
            f"{key}_base64": base64.b64encode(value).decode(),
        }


def versions_of(index: Index, path: bytes) -> list[Version]:
    """Return the versions of one name, the newest first; none when no snapshot has it."""
    return next((found.versions for found in _files(index, index.db.execute(_OF_PATH, (path,)))), [])


def version_at(index: Index, path: bytes, snapshot: str) -> Version:
    """Return the version that a snapshot has. Raises KaizenError."""
    names = list(index.snapshots.values())
    if snapshot not in names:
        raise KaizenError(f"{index.node}: there is no snapshot {printable(snapshot)}")
    place = names.index(snapshot)
    for version in versions_of(index, path):
        if names.index(version.first) <= place <= names.index(version.last):
            return version
    raise KaizenError(f"{index.node}: {snapshot} does not have {printable(path.decode('utf-8', 'backslashreplace'))}")


def versions_in(index: Index, rows: str) -> Iterator[Found]:
    """Yield the names of rows, whose numbers are given as a JSON list, in order."""
    yield from _files(index, index.db.execute(_OF_ROWS, (rows,)))


def _files(index: Index, rows: Iterable[tuple[Any, ...]]) -> Iterator[Found]:
    numbers, names = list(index.snapshots), list(index.snapshots.values())
    for path, group in groupby(rows, key=itemgetter(0)):
        versions = [
            Version(names[begin], names[end], names[end + 1] if end + 1 < len(names) else None, *values)
            for begin, end, values in reversed(_spans(numbers, group))
        ]
        yield Found(index.node, path, versions)


def _spans(numbers: list[int], rows: Iterable[tuple[Any, ...]]) -> list[tuple[int, int, list[Any]]]:
    """Return one name's versions, oldest first, each with the places of its first and last snapshot that is there.

    What only a pruned snapshot held apart is one.
    """
    spans: list[tuple[int, int, list[Any]]] = []
    for _, first, last, *values in rows:
        begin = bisect_left(numbers, first)
        end = len(numbers) - 1 if last is None else bisect_right(numbers, last) - 1
        if spans and spans[-1][1] == begin - 1 and spans[-1][2] == values:
            begin = spans.pop()[0]
        spans.append((begin, end, values))
    return spans
