"""SHA256SUMS: read it, and hold a snapshot's tree against it. What is read here came from a node: nothing is trusted.

The format is coreutils' (`info coreutils 'md5sum invocation'`): 64 hexadecimal digits, two spaces, the name; a line
that begins with a backslash has `\\\\`, `\\n` and `\\r` in its name for a backslash, a newline, a carriage return.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kaizen_backups.errors import DataError, printable
from kaizen_backups.snapshots import SUMS

_LINE = re.compile(rb"(\\?)([0-9a-f]{64})  ([^\n]+)")
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}
_SUMS_LIMIT = 1 << 30
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


def parse_sums(data: bytes) -> dict[bytes, str]:
    """Return the hash of each name. Raises DataError for a line or a name that has no place in SHA256SUMS."""
    sums: dict[bytes, str] = {}
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else (), 1):
        match = _LINE.fullmatch(line)
        if not match:
            raise DataError(f"{SUMS}:{number}: not a line that sha256sum writes")
        name = match[3]
        if match[1]:
            name = re.sub(rb"\\.", lambda found: _ESCAPES.get(found[0], b"/"), name)
        if name.startswith(b"/") or {b"", b".", b".."} & set(name.split(b"/")) or name in sums:
            raise DataError(f"{SUMS}:{number}: {_show(name)} names no file of the snapshot, or names it twice")
        sums[name] = match[2].decode()
    return sums


def check_tree(root: Path, last: Path | None = None) -> Checked:
    """Hold the snapshot at `root` against its SHA256SUMS: every regular file is in it, no other is, all sums fit.

    A file that is a hard link to `last`'s file of the same name, a snapshot that was checked before, is not read
    again when both lists give it the same sum. Never follows a symlink. Raises DataError, which names the file.
    """
    sums_data = _read_sums(root)
    sums = parse_sums(sums_data)
    last_sums = parse_sums(_read_sums(last)) if last else {}
    missing = set(sums)
    files = size = new_files = new_size = 0
    for name, descriptor, entry, status in _regular_files(root):
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
        if _hash(entry, descriptor) != sums[name]:
            raise DataError(f"{_show(name)} does not have the sum that {SUMS} gives")
    if missing:
        raise DataError(f"{_show(min(missing))} is in {SUMS} and not in the snapshot")
    return Checked(files, size, new_files, new_size, hashlib.sha256(sums_data).hexdigest())


def _regular_files(root: Path) -> Iterator[tuple[bytes, int, bytes, os.stat_result]]:
    """Yield each regular file: its name from the root, the directory's descriptor, the last part, its status."""
    for path, _, entries, descriptor in os.fwalk(os.fsencode(root), onerror=_raise):
        prefix = path[len(os.fsencode(root)) + 1 :]
        for entry in entries:
            status = os.stat(entry, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield (prefix + b"/" + entry if prefix else entry), descriptor, entry, status


def _raise(error: OSError) -> None:
    raise error


def _is_link_to(last: Path, name: bytes, status: os.stat_result) -> bool:
    try:
        other = os.lstat(os.path.join(os.fsencode(last), name))  # noqa: PTH118 # bytes
    except OSError:
        return False
    return (other.st_dev, other.st_ino) == (status.st_dev, status.st_ino)


def _hash(entry: bytes, directory: int) -> str:
    with os.fdopen(os.open(entry, _NOFOLLOW, dir_fd=directory), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_sums(root: Path) -> bytes:
    try:
        with os.fdopen(os.open(root / SUMS, _NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _SUMS_LIMIT:
                raise DataError(f"{SUMS} is no file of a size to be read")
            return file.read()
    except OSError as error:
        raise DataError(f"{SUMS}: {error.strerror}") from error


def _show(name: bytes) -> str:
    return printable(os.fsdecode(name).encode("utf-8", "backslashreplace").decode())[:200]
