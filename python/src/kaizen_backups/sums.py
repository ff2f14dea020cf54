"""SHA256SUMS: read it, and hold a snapshot's tree against it. What is read here came from a node: nothing is trusted.

The format is coreutils' (`info coreutils 'md5sum invocation'`): 64 hexadecimal digits, two spaces, the name; a line
that begins with a backslash has `\\\\`, `\\n` and `\\r` in its name for a backslash, a newline, a carriage return.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kaizen_backups.errors import DataError
from kaizen_backups.snapshots import SUMS
from kaizen_backups.tree import File, read_file, regular_files, show_name

SUMS_LIMIT = 1 << 28
"""Bytes that a SHA256SUMS may have: some two million files."""

_LINE = re.compile(rb"(\\?)([0-9a-f]{64})  ([^\n]+)")
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}
_OUTSIDE = {b"", b".", b".."}


@dataclass(frozen=True)
class Checked:
    """A tree that agrees with its SHA256SUMS: regular files and bytes in all, and those not linked to the last."""

    files: int
    bytes: int
    new_files: int
    new_bytes: int
    sums_sha256: str
    """The hash of SHA256SUMS itself: kept elsewhere, it shows later tampering."""


class Difference(NamedTuple):
    """Where a tree and its SHA256SUMS do not agree; `file` is None when there is none of that name."""

    name: bytes
    complaint: str
    file: File | None

    def __str__(self) -> str:
        return f"{show_name(self.name)} {self.complaint}"


def parse_sums(lines: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the hash of each name. Raises DataError for a line or a name that has no place in SHA256SUMS."""
    sums: dict[bytes, bytes] = {}
    for number, (name, digest) in enumerate(_lines(lines), 1):
        if name.startswith(b"/") or not _OUTSIDE.isdisjoint(name.split(b"/")) or name in sums:
            raise DataError(f"{SUMS}:{number}: {show_name(name)} names no file of the snapshot, or names it twice")
        sums[name] = digest
    return sums


def read_sums(root: Path) -> tuple[bytes, str]:
    """Return a snapshot's SHA256SUMS, and the hash of it. Raises DataError."""
    data = read_file(root, SUMS, SUMS_LIMIT)
    return data, hashlib.sha256(data).hexdigest()


def check_tree(root: Path, last: Path | None = None, depth: int | None = None) -> Checked:
    """Hold the snapshot at `root` against its SHA256SUMS: every regular file is in it, no other is, all sums fit.

    A file that is a hard link to `last`'s file of the same name, a snapshot that was checked before, is not read
    again when both lists give it the same sum. Raises DataError, which names the first file that does not agree.
    """
    data, sums_sha256 = read_sums(root)
    sums = parse_sums(io.BytesIO(data))
    known = _agreed(sums, last) if last else set()
    del data
    files = size = new_files = new_size = 0

    def digest(file: File) -> bytes:
        nonlocal files, size, new_files, new_size
        files += 1
        size += file.status.st_size
        if file.linked and file.name in known:
            return sums[file.name]
        new_files += 1
        new_size += file.status.st_size
        return file.sha256()

    for difference in differences(regular_files(root, last, depth), sums, digest):
        raise DataError(str(difference))
    return Checked(files, size, new_files, new_size, sums_sha256)


def differences(
    files: Iterable[File], sums: dict[bytes, bytes], digest: Callable[[File], bytes]
) -> Iterator[Difference]:
    """Yield where a tree's files and the sums do not agree; `digest` gives a file's hash."""
    missing = set(sums)
    for file in files:
        if file.name == SUMS.encode():
            continue
        if file.name not in sums:
            yield Difference(file.name, f"is not in {SUMS}", file)
            continue
        missing.discard(file.name)
        try:
            if digest(file) != sums[file.name]:
                yield Difference(file.name, f"does not have the sum that {SUMS} gives", file)
        except OSError as error:
            yield Difference(file.name, f"cannot be read: {error.strerror}", file)
    for name in sorted(missing):
        yield Difference(name, f"is in {SUMS} and not in the snapshot", None)


def nearly_listed(data: bytes, name: bytes, digest: bytes) -> bool:
    """Tell whether a damaged SHA256SUMS still speaks for a file: its line is there but for a flipped bit, or is lost.

    One flipped bit changes one character of a hash; another content changes nearly all of them.
    """
    escaped = name
    for sequence, character in _ESCAPES.items():
        escaped = escaped.replace(character, sequence)
    end = data.find(b"  " + escaped + b"\n")
    if end < 64:
        return True
    given = digest.hex().encode()
    return sum(a != b for a, b in zip(data[end - 64 : end], given, strict=True)) <= 2


def _lines(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each line's name and hash. Raises DataError for a line that sha256sum would not write."""
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.removesuffix(b"\n"))
        if not match:
            raise DataError(f"{SUMS}:{number}: not a line that sha256sum writes")
        name = match[3]
        if match[1]:
            name = re.sub(rb"\\.", lambda found: _ESCAPES.get(found[0], b"/"), name)
        yield name, bytes.fromhex(match[2].decode())


def _agreed(sums: dict[bytes, bytes], last: Path) -> set[bytes]:
    """Return the names to which the last snapshot's list gives the same hash."""
    lines = _lines(io.BytesIO(read_sums(last)[0]))
    return {name for name, digest in lines if sums.get(name) == digest}
