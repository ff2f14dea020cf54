"""Whether an old backup is whole, as far as its form tells: packed files, tarballs, dumps of databases."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from kaizen_backups.databases.dump import said
from kaizen_backups.databases.pipeline import pipe
from kaizen_backups.errors import DataError, printable
from kaizen_backups.onboard.legacy_files import Found
from kaizen_backups.onboard.legacy_packed import is_tarball, unpacker
from kaizen_backups.run import ENVIRONMENT

_CUSTOM = b"PGDMP"
"""What an archive of pg_dump's begins with; five bytes later stands of which format it is."""
_FORMAT, _IS_CUSTOM = 10, 1
_UNREADABLE = re.compile(r"unsupported version|does not support compression")
"""What pg_restore says of an archive that only another pg_restore can read."""
_HEAD, _TAIL = 1024, 4096  # bytes
_TEXTS = (
    (re.compile(rb"^-- PostgreSQL database (?:cluster )?dump\r?$", re.M), b"-- PostgreSQL database dump complete"),
    (re.compile(rb"^-- (?:MySQL|MariaDB) dump ", re.M), b"-- Dump completed"),
)
"""What dumps in SQL begin with, and what each of them ends with."""
_CLUSTER = b"-- PostgreSQL database cluster dump"
"""What pg_dumpall's begins with; it holds a whole dump of each database, and another may have been appended to it."""
_REST = re.compile(rb"(?:\s*(?:--|\\)[^\n]*\n?)*\s*")
"""What may come behind such an end: comments, and what psql is told."""
_END_OF_TAR = 1024  # bytes, all of them zero


@dataclass(frozen=True)
class Look:
    """What a file that seems whole is: an archive of pg_dump's custom format, or not; and why it was not checked."""

    archive: bool = False
    unchecked: str = ""


@dataclass
class _Ends:
    """Head and tail of what goes by, and whether a whole dump of a PostgreSQL cluster was in it."""

    head: bytes = b""
    tail: bytes = b""
    cluster: bool = False
    count: int = 0

    def take(self, chunk: bytes) -> None:
        seen = self.tail + chunk
        self.count += len(chunk)
        self.head += chunk[: _HEAD - len(self.head)]
        self.cluster = self.cluster or _CLUSTER + b" complete" in seen
        self.tail = seen[-_TAIL:]


async def examine(found: Found) -> Look:
    """Read a file to its end. Raises DataError, which names it, where it is empty, damaged or cut short."""
    path, shown = found.path, printable(str(found.path))
    try:
        program = unpacker(path, found.name)
        if path.stat().st_size == 0:
            raise DataError(f"{shown}: it is empty")
        if program and not _installed(program):
            return Look(unchecked=f"{program} is not installed here")
        ends = _Ends()
        if complaint := await _through(path, program, [], ends.take):
            raise DataError(f"{shown}: it is damaged or cut short: {complaint}")
        if ends.count == 0:  # `pg_dump ... | gzip` packs nothing where pg_dump failed
            raise DataError(f"{shown}: it is empty")
        if ends.head.startswith(_CUSTOM):
            return await _archive(path, program, ends.head)
    except OSError as error:
        raise DataError(f"{shown}: it cannot be read: {error.strerror}") from error
    if missing := _missing_end(path, ends):
        raise DataError(f"{shown}: it is cut short: it does not end with {missing}")
    return Look()


def _missing_end(path: Path, ends: _Ends) -> str:
    """Return what a file of this form ends with, and this one does not; '' where all is well or the form is unknown."""
    if is_tarball(path):
        # tar itself takes an archive that was cut between two files for a whole one.
        whole = ends.count >= _END_OF_TAR and not ends.tail[-_END_OF_TAR:].strip(b"\0")
        return "" if whole else "tar's mark of its end"
    for head, end in _TEXTS:
        if not (begin := head.search(ends.head)):
            continue
        if begin[0].startswith(_CLUSTER) and not ends.cluster:
            return f"'{_CLUSTER.decode()} complete'"
        before, _, rest = ends.tail.replace(b"database cluster dump", b"database dump").rpartition(end)
        ended = before and _REST.fullmatch(rest.partition(b"\n")[2])
        return "" if ended else f"'{end.decode()}'"
    return ""


async def _archive(path: Path, program: str | None, head: bytes) -> Look:
    """Let pg_restore read an archive to its end; its table of contents says nothing of that. Raises DataError."""
    shown = printable(str(path))
    if len(head) <= _FORMAT:
        raise DataError(f"{shown}: it is cut short: it does not even have an archive's header")
    if head[_FORMAT] != _IS_CUSTOM:
        return Look()  # a part of one in another format, such as toc.dat
    if not _installed("pg_restore"):
        return Look(archive=True, unchecked="pg_restore is not installed here (postgresql-client); it has the header")
    complaint = await _through(path, program, ["pg_restore", "--file=/dev/null"])
    if _UNREADABLE.search(complaint):
        return Look(archive=True, unchecked=f"this pg_restore cannot read it ({complaint})")
    if complaint:
        raise DataError(f"{shown}: it is damaged or cut short: {complaint}")
    return Look(archive=True)


async def _through(
    path: Path, program: str | None, reader: list[str], take: Callable[[bytes], None] = lambda _: None
) -> str:
    """Send a file through what unpacks it, and what reads it then; return what the last complains about, or ''."""
    commands = [[program, "-d", "-c"]] if program else []
    commands += [reader] if reader else []
    with path.open("rb") as file:
        result = (await pipe(commands or [["cat"]], file.fileno(), reader=take))[-1]
    return said(result) if result.code or _UNREADABLE.search(result.err) else ""


def _installed(program: str) -> bool:
    return which(program, path=ENVIRONMENT["PATH"]) is not None
