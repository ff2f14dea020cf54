"""What a snapshot has of some paths. Its tree came from a node: no symlink in it is followed, at any level."""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from kaizen_backups.errors import KaizenError
from kaizen_backups.snapshots import INFO, SUMS
from kaizen_backups.tree import File, show_name

OWN = frozenset({SUMS.encode(), INFO.encode(), b"dumps"})
"""What stands at a snapshot's root and was no file of the node's: not a part of the whole node."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}


class Kind(StrEnum):
    """What an entry is; ABOVE is a directory that only leads to what is restored."""

    DIRECTORY = "d"
    ABOVE = "a"
    FILE = "f"
    SYMLINK = "l"

    @property
    def is_directory(self) -> bool:
        """Is it a directory, of either kind?"""
        return self in (Kind.DIRECTORY, Kind.ABOVE)


class Entry(NamedTuple):
    """One name of a snapshot, from its root; size (bytes) and inode are 0 for what is no file."""

    name: bytes
    kind: Kind
    size: int = 0
    inode: int = 0


@dataclass
class Contents:
    """Everything that is to be restored, by name, the directories that lead to it included; hashes of the files."""

    entries: dict[bytes, Entry] = field(default_factory=dict)
    digests: dict[bytes, bytes] = field(default_factory=dict)
    unreadable: dict[bytes, str] = field(default_factory=dict)
    """Files that could not be read, and why."""
    users: set[int] = field(default_factory=set)
    groups: set[int] = field(default_factory=set)

    def size_of(self, names: Iterable[bytes]) -> int:
        """Return the size of those names, of hard links once; what has no entry has none."""
        known = (self.entries[name] for name in names if name in self.entries)
        return sum({(entry.inode or entry.name): entry.size for entry in known}.values())

    def with_links(self, names: Iterable[bytes]) -> list[bytes]:
        """Return those names and all that are hard links to one of them, sorted."""
        chosen = set(names)
        inodes = {self.entries[name].inode for name in chosen} - {0}
        return sorted(chosen | {entry.name for entry in self.entries.values() if entry.inode in inodes})


class LeadsThroughSymlinkError(KaizenError):
    """A path leads through a symlink of the snapshot."""


@contextmanager
def opened(snapshot: Path) -> Iterator[int]:
    """Open a snapshot's root. Raises OSError."""
    descriptor = os.open(snapshot, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def lookup(root: int, name: bytes) -> os.stat_result | None:
    """Return what the snapshot has of that name, None when nothing. Raises LeadsThroughSymlinkError."""
    for above in parents(name):
        status = _lstat(root, above)
        if status is None or not (stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            return None
        if stat.S_ISLNK(status.st_mode):
            leads = show_name(os.readlink(above, dir_fd=root))
            message = f"/{show_name(above)} is a symlink to {leads}: restore what it leads to by that name"
            raise LeadsThroughSymlinkError(message)
    return _lstat(root, name or b".")


def directory_of(name: bytes) -> bytes:
    """Return the directory that a name is in, "" for the root."""
    return name.rpartition(b"/")[0]


def parents(name: bytes) -> list[bytes]:
    """Return the directories that lead to a name, the outermost first."""
    parts = name.split(b"/")
    return [b"/".join(parts[:count]) for count in range(1, len(parts))]


def gather(
    root: int, names: Sequence[bytes], read: Callable[[File], bytes], left_out: Collection[bytes] = ()
) -> Contents:
    """Return all that the snapshot has below names that `lookup` found; `read` gives a file's hash.

    The whole node is the name "". What is `left_out` is so with all below it. Raises OSError where a directory can't be
    read.
    """
    found = Contents()
    for name in names:
        for above in parents(name):
            found.entries.setdefault(above, Entry(above, Kind.ABOVE))
    for name in names:
        for item in _walk(root, name, left_out):
            entry = _entry(item)
            known = found.entries.get(item.name)
            if entry is None or (known and known.kind != Kind.ABOVE):
                continue
            found.entries[item.name] = entry
            found.users.add(item.status.st_uid)
            found.groups.add(item.status.st_gid)
            if entry.kind == Kind.FILE:
                try:
                    found.digests[item.name] = read(item)
                except OSError as error:
                    found.unreadable[item.name] = error.strerror or "unknown"
    return found


def _walk(root: int, name: bytes, left_out: Collection[bytes]) -> Iterator[File]:
    """Yield `name` and all that is below it, whatever it is; each can be read until the walk goes on."""
    waiting = []
    if name:
        above = os.open(directory_of(name) or b".", _DIRECTORY, dir_fd=root)
        try:
            status = os.stat(name.rpartition(b"/")[2], dir_fd=above, follow_symlinks=False)
            yield File(name, status, False, above)
        finally:
            os.close(above)
        waiting = [name] if stat.S_ISDIR(status.st_mode) else []
    else:
        waiting = [b""]
    while waiting:
        prefix = waiting.pop()
        directory = os.open(prefix or b".", _DIRECTORY, dir_fd=root)
        try:
            for base in sorted(map(os.fsencode, os.listdir(directory))):
                if not prefix and base in OWN:
                    continue
                status = os.stat(base, dir_fd=directory, follow_symlinks=False)
                full = prefix + b"/" + base if prefix else base
                if full in left_out:
                    continue
                yield File(full, status, False, directory)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(full)
        finally:
            os.close(directory)


def _entry(item: File) -> Entry | None:
    mode = item.status.st_mode
    if stat.S_ISREG(mode):
        return Entry(item.name, Kind.FILE, item.status.st_size, item.status.st_ino)
    kind = Kind.DIRECTORY if stat.S_ISDIR(mode) else Kind.SYMLINK if stat.S_ISLNK(mode) else None
    return Entry(item.name, kind) if kind else None


def _lstat(root: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=root, follow_symlinks=False)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
