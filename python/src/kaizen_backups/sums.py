"""SHA256SUMS: read it, and hold a snapshot's tree against it. What is read here came from a node: nothing is trusted.

The format is coreutils' (`info coreutils 'md5sum invocation'`): 64 hexadecimal digits, two spaces, the name; a line
that begins with a backslash has `\\\\`, `\\n` and `\\r` in its name for a backslash, a newline, a carriage return.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kaizen_backups.errors import DataError, printable
from kaizen_backups.snapshots import SUMS

_LINE = re.compile(rb"(\\?)([0-9a-f]{64})  ([^\n]+)")
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}
_SUMS_LIMIT = 1 << 28  # bytes: more than a million files
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOFOLLOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Checked:
    """A tree that agrees with its SHA256SUMS: regular files and bytes in all, and those not linked to the last."""

    files: int
    bytes: int
    new_files: int
    new_bytes: int
    sums_sha256: str
    """The hash of SHA256SUMS itself: kept elsewhere, it shows later tampering."""


def parse_sums(lines: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the hash of each name. Raises DataError for a line or a name that has no place in SHA256SUMS."""
    sums: dict[bytes, bytes] = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.removesuffix(b"\n"))
        if not match:
            raise DataError(f"{SUMS}:{number}: not a line that sha256sum writes")
        name = match[3]
        if match[1]:
            name = re.sub(rb"\\.", lambda found: _ESCAPES.get(found[0], b"/"), name)
        if name.startswith(b"/") or {b"", b".", b".."} & set(name.split(b"/")) or name in sums:
            raise DataError(f"{SUMS}:{number}: {_show(name)} names no file of the snapshot, or names it twice")
        sums[name] = bytes.fromhex(match[2].decode())
    return sums


def check_tree(root: Path, last: Path | None = None) -> Checked:
    """Hold the snapshot at `root` against its SHA256SUMS: every regular file is in it, no other is, all sums fit.

    A file that is a hard link to `last`'s file of the same name, a snapshot that was checked before, is not read
    again when both lists give it the same sum. Never follows a symlink. Raises DataError, which names the file.
    """
    sums, sums_sha256 = _read_sums(root)
    last_sums = _read_sums(last)[0] if last else {}
    missing = set(sums)
    files = size = new_files = new_size = 0
    for name, status, directory in _regular_files(root):
        if name == SUMS.encode():
            continue
        if name not in sums:
            raise DataError(f"{_show(name)} is not in {SUMS}")
        missing.discard(name)
        files += 1
        size += status.st_size
        if last and last_sums.get(name) == sums[name] and _is_link_to(last, name, status):
            continue
        new_files += 1
        new_size += status.st_size
        if _hash(name, directory) != sums[name]:
            raise DataError(f"{_show(name)} does not have the sum that {SUMS} gives")
    if missing:
        raise DataError(f"{_show(min(missing))} is in {SUMS} and not in the snapshot")
    return Checked(files, size, new_files, new_size, sums_sha256)


def _regular_files(root: Path) -> Iterator[tuple[bytes, os.stat_result, int]]:
    """Yield each regular file: its name from the root, its status, and the root's descriptor.

    Neither recursion nor a descriptor a level: how deep a tree is, is the node's choice. Nobody writes to it meanwhile,
    so a name that was a directory is one still.
    """
    descriptor = os.open(root, _DIRECTORY)
    try:
        waiting = [b""]
        while waiting:
            prefix = waiting.pop()
            for entry in _entries(prefix, descriptor):
                status = os.stat(prefix + entry, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(prefix + entry + b"/")
                elif stat.S_ISREG(status.st_mode):
                    yield prefix + entry, status, descriptor
    finally:
        os.close(descriptor)


def _entries(directory: bytes, root: int) -> list[bytes]:
    descriptor = os.open(directory or b".", _DIRECTORY, dir_fd=root)
    try:
        return [os.fsencode(name) for name in os.listdir(descriptor)]
    finally:
        os.close(descriptor)


def _is_link_to(last: Path, name: bytes, status: os.stat_result) -> bool:
    try:
        other = os.lstat(os.path.join(os.fsencode(last), name))  # noqa: PTH118 # bytes
    except OSError:
        return False
    return (other.st_dev, other.st_ino) == (status.st_dev, status.st_ino)


def _hash(name: bytes, root: int) -> bytes:
    with os.fdopen(os.open(name, _NOFOLLOW, dir_fd=root), "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _read_sums(root: Path) -> tuple[dict[bytes, bytes], str]:
    """Return the sums in a snapshot's SHA256SUMS, and its own."""
    try:
        with os.fdopen(os.open(root / SUMS, _NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _SUMS_LIMIT:
                raise DataError(f"{SUMS} is no regular file, or larger than {_SUMS_LIMIT} bytes")
            own = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            return parse_sums(file), own
    except OSError as error:
        raise DataError(f"{SUMS}: {error.strerror}") from error


def _show(name: bytes) -> str:
    return printable(os.fsdecode(name).encode("utf-8", "backslashreplace").decode())[:200]
