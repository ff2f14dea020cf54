"""SHA256SUMS: read it, and hold a snapshot's tree against it. What is read here came from a node: nothing is trusted.

The format is coreutils' (`info coreutils 'md5sum invocation'`): 64 hexadecimal digits, two spaces, the name; a line
that begins with a backslash has `\\\\`, `\\n` and `\\r` in its name for a backslash, a newline, a carriage return.
"""

import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kaizen_backups.errors import DataError
from kaizen_backups.settings import Limits
from kaizen_backups.snapshots import SUMS
from kaizen_backups.tree import File, read_file, regular_files, show_name

SUMS_LIMIT = 1 << 28
"""Bytes that a SHA256SUMS may have: some two million files."""

_MOST_DUMPS = 500
_LINE = re.compile(rb"(\\?)([0-9a-f]{64})  ([^\n]+)")
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}
_OUTSIDE = {b"", b".", b".."}


@dataclass(frozen=True)
class Checked:
    """A tree that agrees with its SHA256SUMS: regular files and bytes in all, and those that are new.

    What is new takes room: an inode that the last snapshot does not have, once, by the bytes that its holes leave.
    """

    files: int
    bytes: int
    new_files: int
    new_bytes: int
    sums_sha256: str
    """The hash of SHA256SUMS itself: kept elsewhere, it shows later tampering."""
    dumps: dict[str, int] = field(default_factory=dict)
    """The bytes of each file below dumps/, by its name there; of absurdly many, some."""


class Difference(NamedTuple):
    """Where a tree and its SHA256SUMS do not agree; `file` is None when there is none of that name."""

    name: bytes
    complaint: str
    file: File | None

    def __str__(self) -> str:
        return f"{show_name(self.name)} {self.complaint}"


def parse_sums(lines: Iterable[bytes], most: int | None = None) -> dict[bytes, bytes]:
    """Return the hash of each name.

    Raises DataError for a line or a name that has no place in SHA256SUMS, and where there are more than `most`.
    """
    sums: dict[bytes, bytes] = {}
    for number, (name, digest) in enumerate(_lines(lines), 1):
        if most is not None and number > most:
            raise DataError(f"{SUMS} has more than {most} lines (limits.files)")
        if name.startswith(b"/") or not _OUTSIDE.isdisjoint(name.split(b"/")) or name in sums:
            raise DataError(f"{SUMS}:{number}: {show_name(name)} names no file of the snapshot, or names it twice")
        sums[name] = digest
    return sums


def read_sums(root: Path) -> tuple[bytes, str]:
    """Return a snapshot's SHA256SUMS, and the hash of it. Raises DataError."""
    data = read_file(root, SUMS, SUMS_LIMIT)
    return data, hashlib.sha256(data).hexdigest()


def pick_sums(data: bytes, names: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the hash that a SHA256SUMS gives to each of these names; one that it does not have is left out."""
    found: dict[bytes, bytes] = {}
    for line in io.BytesIO(data):
        if line[66:].removesuffix(b"\n") in names or line.startswith(b"\\"):
            with suppress(DataError):
                found.update((name, digest) for name, digest in _lines([line]) if name in names)
    return found


class Abandoned(Exception):  # noqa: N818 (no error)
    """Nobody waits for the check any more."""


def check_tree(
    root: Path,
    last: Path | None = None,
    limits: Limits | None = None,
    *,
    trust: bool = True,
    abandoned: Callable[[], bool] = lambda: False,
    settle: Callable[[File, Callable[[], None]], object] = lambda _, __: None,
) -> Checked:
    """Hold the snapshot at `root` against its SHA256SUMS: every regular file is in it, no other is, all sums fit.

    A file that is a hard link to `last`'s file of the same name, a snapshot that was checked before, is not read
    again when both lists give it the same sum, unless `last` is not to be trusted; no file is read twice. What is to be
    done with a file before it is read is `settle`'s, which gets what ends it as well. Raises DataError, which names the
    first file that does not agree, and Abandoned as soon as `abandoned` says so.
    """

    def go_on() -> None:
        if abandoned():
            raise Abandoned

    data, sums_sha256 = read_sums(root)
    sums = parse_sums(io.BytesIO(data), limits.files if limits else None)
    known = _agreed(sums, last) if last and trust else set()
    del data
    count = Measure()
    digests: dict[int, bytes] = {}

    def digest(file: File) -> bytes:
        go_on()
        count.add(file)
        if file.linked and file.name in known:
            return sums[file.name]
        found = digests.get(file.status.st_ino)
        if found is None:
            settle(file, go_on)
            found = file.sha256(go_on)
            if file.status.st_nlink > 1:
                digests[file.status.st_ino] = found
        return found

    for difference in differences(regular_files(root, last, limits.depth if limits else None), sums, digest):
        raise DataError(str(difference))
    return count.checked(sums_sha256)


class Measure:
    """Counts a tree's regular files, and what of them is new."""

    def __init__(self) -> None:
        self._files = self._bytes = self._new_files = self._new_bytes = 0
        self._dumps: dict[str, int] = {}
        self._seen: set[int] = set()

    def add(self, file: File) -> None:
        """Count a file."""
        status = file.status
        self._files += 1
        self._bytes += status.st_size
        if file.name.startswith(b"dumps/") and len(self._dumps) < _MOST_DUMPS:
            self._dumps[show_name(file.name[6:])] = status.st_size
        if file.linked or status.st_ino in self._seen:
            return
        if status.st_nlink > 1:
            self._seen.add(status.st_ino)
        self._new_files += 1
        self._new_bytes += min(status.st_size, status.st_blocks * 512)

    def checked(self, sums_sha256: str) -> Checked:
        """Return what was counted."""
        return Checked(self._files, self._bytes, self._new_files, self._new_bytes, sums_sha256, self._dumps)


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
    end = data.find(b"  " + escape(name) + b"\n")
    if end < 64:
        return True
    given = digest.hex().encode()
    return sum(a != b for a, b in zip(data[end - 64 : end], given, strict=True)) <= 2


def escape(name: bytes) -> bytes:
    """Return a name as SHA256SUMS writes it; where that differs, a backslash stands before the hash."""
    for sequence, character in _ESCAPES.items():
        name = name.replace(character, sequence)
    return name


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
    """Return the names to which the last snapshot's list gives the same hash; none when that list is damaged."""
    try:
        lines = _lines(io.BytesIO(read_sums(last)[0]))
        return {name for name, digest in lines if sums.get(name) == digest}
    except DataError:
        return set()
