"""Walk a snapshot's tree beneath its own root: no symlink is followed, at any level, and no recursion has an end.

How deep a tree is and what is in it was the node's choice. Nobody writes to a tree that is walked here, so a name that
was a directory is one still; every directory is opened from the root by names that were seen to be directories.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from kaizen_backups.errors import DataError, printable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 18
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class File(NamedTuple):
    """A regular file of a tree. It can be read until the walk goes on."""

    name: bytes
    """Its name from the root."""
    status: os.stat_result
    linked: bool
    """Whether it is the same file, by inode, as the other tree's of the same name."""
    directory: int
    """The descriptor of the directory that it is in."""

    def open(self, *, writable: bool = False) -> int:
        """Return a descriptor of it. Raises OSError."""
        flags = _FILE | (os.O_RDWR if writable else 0)
        return os.open(self.name.rpartition(b"/")[2], flags, dir_fd=self.directory)

    def sha256(self, go_on: Callable[[], object] = lambda: None) -> bytes:
        """Return the hash of the content; `go_on` is called now and then, and ends it by raising. Raises OSError."""
        digest = hashlib.sha256()
        view = memoryview(bytearray(_PIECE))
        with os.fdopen(self.open(), "rb", buffering=0) as file:
            while count := file.readinto(view):
                digest.update(view[:count])
                go_on()
        return digest.digest()


def regular_files(root: Path, other: Path | None = None, depth: int | None = None) -> Iterator[File]:
    """Yield every regular file below `root`; `linked` is told by the tree at `other`.

    Raises DataError where directories are nested deeper than `depth`, OSError where something can't be read.
    """
    with _opened(root) as here, _opened(other) if other else _nothing() as there:
        waiting = [(b"", there is not None)]
        while waiting:
            prefix, beside = waiting.pop()
            if depth is not None and prefix.count(b"/") > depth:
                raise DataError(f"{show_name(prefix)}: directories nested deeper than {depth} levels (limits.depth)")
            with _opened(prefix, here) as directory, _beside(prefix, there if beside else None) as twin:
                for entry in _entries(directory):
                    name = os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((prefix + name + b"/", twin is not None))
                    elif entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        yield File(prefix + name, status, _same(name, status, twin), directory)


def directories(root: Path) -> Iterator[tuple[bytes, int, list[os.DirEntry[str]]]]:
    """Yield every directory below `root`, and that itself: its name with a slash at its end (the root's is empty), an
    open descriptor, what is in it. These can be used until the walk goes on. Raises OSError.
    """
    with _opened(root) as here:
        waiting = [b""]
        while waiting:
            prefix = waiting.pop()
            with _opened(prefix, here) as directory:
                entries = _entries(directory)
                inside = (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
                waiting += [prefix + os.fsencode(name) + b"/" for name in inside]
                yield prefix, directory, entries


def open_file(root: Path, name: bytes) -> int:
    """Return a descriptor of a regular file below `root`; no symlink is followed on the way. Raises OSError."""
    *parents, last = name.split(b"/")
    directory = os.open(root, _DIRECTORY)
    try:
        for parent in parents:
            inner = os.open(parent, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = inner
        descriptor = os.open(last, _FILE, dir_fd=directory)
    finally:
        os.close(directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", name)
    return descriptor


def read_file(root: Path, name: str, limit: int) -> bytes:
    """Return the content of a regular file that stands at the root itself. Raises DataError."""
    try:
        with os.fdopen(os.open(root / name, _FILE), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                raise DataError(f"{name} is no regular file, or larger than {limit} bytes")
            return file.read(limit + 1)
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}") from error


def show_name(name: bytes) -> str:
    """Return a name from a tree as it may be shown: one line, no control characters, not too long."""
    return printable(name.decode("utf-8", "backslashreplace"))[:200]


@contextmanager
def _opened(path: Path | bytes, root: int | None = None) -> Iterator[int]:
    descriptor = _open(path, root)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path | bytes, root: int | None) -> int:
    # Without the slash at its end: that would make the kernel follow a symlink of that name.
    return os.open(path.rstrip(b"/") or b"." if isinstance(path, bytes) else path, _DIRECTORY, dir_fd=root)


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


@contextmanager
def _beside(prefix: bytes, root: int | None) -> Iterator[int | None]:
    """Open the other tree's directory of that name; None where it has no directory there."""
    if root is None:
        yield None
        return
    try:
        descriptor = _open(prefix, root)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _entries(directory: int) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as found:
        return list(found)


def _same(name: bytes, status: os.stat_result, twin: int | None) -> bool:
    if twin is None or status.st_nlink == 1:
        return False
    try:
        other = os.stat(name, dir_fd=twin, follow_symlinks=False)
    except OSError:
        return False
    return (other.st_dev, other.st_ino) == (status.st_dev, status.st_ino)
