"""A database's dump in a snapshot: which file it is, how it is read, and whether it is whole.

What is in it came from a node. It is read by programs in a cage that see nothing else, or the private key as well.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from kaizen_backups.confine import reading
from kaizen_backups.databases.pipeline import pipe
from kaizen_backups.databases.url import Kind
from kaizen_backups.errors import DataError, KaizenError, UnavailableError, printable
from kaizen_backups.restore.contents import Kind as EntryKind
from kaizen_backups.restore.contents import gather, lookup, opened
from kaizen_backups.run import Result
from kaizen_backups.snapshots import ENCRYPTED, Snapshot, is_encrypted_dump
from kaizen_backups.store import NodeStore
from kaizen_backups.tree import show_name

_FORMS = {Kind.MYSQL: ".sql", Kind.POSTGRESQL: ".dump"}
_PACKED = {".zst": ["zstd", "-q", "-d", "-c"], ".gz": ["gzip", "-d", "-c"], "": ["cat"]}
_PACKAGES = {
    "bwrap": "bubblewrap",
    "initdb": "postgresql",
    "mariadb": "mariadb-client",
    "mariadb-install-db": "mariadb-server",
    "mariadbd": "mariadb-server",
    "pg_restore": "postgresql-client",
    "postgres": "postgresql",
    "psql": "postgresql-client",
}
_TAIL = 4096  # bytes
_IDENTITY = "/identity"
_COMPLAINT = re.compile(r"^(ERROR|[\w-]+: (error|FATAL):|psql:.*: ERROR:)|\[ERROR\]| FATAL: ")
_END_OF_SQL = b"-- Dump completed"


@dataclass(frozen=True)
class Dump:
    """One dump of a snapshot: the database's name, as the node had it, and the file's, from the snapshot's root.

    `identity` is the file of a private key, for one that is encrypted.
    """

    kind: Kind
    database: str
    name: bytes
    identity: Path | None = None

    def __str__(self) -> str:
        return f"/{show_name(self.name)}"

    @property
    def encrypted(self) -> bool:
        """Can only its recipients read it?"""
        return is_encrypted_dump(self.name)

    @property
    def unpack(self) -> list[str]:
        """The program that unpacks it, decrypted, from stdin to stdout."""
        name = self.name.removesuffix(ENCRYPTED.encode())
        return next(program for ending, program in _PACKED.items() if name.endswith(ending.encode()))

    @property
    def readers(self) -> list[list[str]]:
        """The programs that decrypt and unpack it, one behind the other, each in a cage of its own."""
        unpack = reading(self.unpack, view={})
        if not self.encrypted:
            return [unpack]
        if not self.identity:
            raise KaizenError(f"{self} is encrypted")
        return [reading(["age", "-d", "-i", _IDENTITY], view={self.identity: _IDENTITY}), unpack]


def find_dumps(store: NodeStore, snapshot: Snapshot) -> list[Dump]:
    """Return the dumps of databases that a snapshot has, sorted. Raises KaizenError where a symlink leads to them."""
    found = []
    with opened(store.path(snapshot)) as root:
        for kind, form in _FORMS.items():
            top, ending = f"dumps/{kind}".encode(), re.escape(form.encode())
            if lookup(root, top) is None:
                continue
            pattern = re.compile(rb"dumps/%b/([^/]+)%b(\.zst|\.gz|)(\.age|)" % (kind.encode(), ending))
            entries = gather(root, [top], lambda _: b"").entries
            for name, entry in sorted(entries.items()):
                match = pattern.fullmatch(name)
                if match and entry.kind == EntryKind.FILE:
                    found.append(Dump(kind, _database_of(match[1]), name))
    return found


def _database_of(base: bytes) -> str:
    """Undo what the agent does to a name that a file can't have."""
    text = base.decode("utf-8", "backslashreplace")
    return text.replace("%2E", ".").replace("%2F", "/").replace("%25", "%")


def require_program(*names: str) -> str:
    """Return where the first of these programs that is installed is. Raises UnavailableError: what to install."""
    for name in names:
        if found := which(name, path="/usr/bin:/usr/sbin:/usr/libexec"):
            return found
    raise UnavailableError(f"{names[0]} is not installed here: apt-get install {_PACKAGES.get(names[0], names[0])}")


def open_dump(store: NodeStore, snapshot: Snapshot, dump: Dump) -> int:
    """Return a descriptor of the dump, which the caller closes. Raises KaizenError and OSError; follows no symlink."""
    with opened(store.path(snapshot)) as root:
        lookup(root, dump.name)
        return os.open(dump.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=root)


async def check_dump(store: NodeStore, snapshot: Snapshot, dump: Dump) -> None:
    """Read all of a dump. Raises DataError, which names it, where it is damaged or cut short."""
    for program in ("bwrap", dump.unpack[0], *(["age"] if dump.encrypted else [])):
        require_program(program)
    descriptor = open_dump(store, snapshot, dump)
    try:
        tail = await _read(dump, descriptor)
        if dump.kind == Kind.MYSQL:
            if not tail.rstrip().rpartition(b"\n")[2].startswith(_END_OF_SQL):
                raise DataError(f"{dump} is cut short: it does not end with '{_END_OF_SQL.decode()}'")
            return
        require_program("pg_restore")
        # An archive's table of contents says nothing of its end, so it is read twice.
        for arguments in (["--list"], ["--file=/dev/null"]):
            os.lseek(descriptor, 0, os.SEEK_SET)
            result = (await pipe([*dump.readers, reading(["pg_restore", *arguments], view={})], descriptor))[-1]
            if result.code != 0:
                raise DataError(f"{dump} is damaged or cut short: {said(result)}")
    finally:
        os.close(descriptor)


async def check_stream(store: NodeStore, snapshot: Snapshot, dump: Dump, *, whole: bool, limit: int) -> bytes:
    """Unpack all of a dump; return its end, or the last `limit` bytes of it. Raises DataError, which names it."""
    require_program(dump.unpack[0])
    descriptor = open_dump(store, snapshot, dump)
    try:
        return await _read(dump, descriptor, limit if whole else _TAIL)
    finally:
        os.close(descriptor)


async def _read(dump: Dump, descriptor: int, limit: int = _TAIL) -> bytes:
    """Unpack all of a dump; return so many bytes of its end."""
    tail = bytearray()

    def keep(chunk: bytes) -> None:
        tail.extend(chunk)
        del tail[:-limit]

    results = await pipe(dump.readers, descriptor, reader=keep)
    if dump.encrypted and results[0].code != 0:
        raise DataError(f"{dump} cannot be decrypted: {said(results[0])}{_hint(results[0])}")
    if results[-1].code != 0:
        raise DataError(f"{dump} is damaged or cut short: {said(results[-1])}")
    return bytes(tail)


def _hint(result: Result) -> str:
    asks = "passphrase" in result.err
    return "; nobody is asked for a passphrase here: decrypt it by hand, with age -d" if asks else ""


def said(result: Result, hidden: Sequence[str] = ()) -> str:
    """Return what a program complained about, in one line that may be shown: never with what is to be hidden."""
    # MariaDB's client repeats the statement that failed, and pg_restore too: that is the node's data, and not shown.
    lines = (line.strip() for line in result.err.splitlines())
    words = next((line for line in lines if _COMPLAINT.search(line)), result.last_words)
    for word in hidden:
        words = words.replace(word, "...")
    return printable(words)[:300]
