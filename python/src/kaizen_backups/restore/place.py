"""Where it goes: a directory here, or one of a host. Both do the same things, by the same script and rsync."""

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from kaizen_backups.confine import SOURCE, TARGET, restoring
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.restore.transfer import null_separated
from kaizen_backups.run import Result, TooMuchOutputError, run

_END = b"end of data"
_DONE = b"done"
_FEW = 100


class Answer(NamedTuple):
    """What target.sh said of one name: see there."""

    what: str
    name: bytes
    more: str


class Place(ABC):
    """A directory that is restored to."""

    accounts = False
    """Does it belong to a host with accounts of its own?"""

    def __init__(self, directory: bytes) -> None:
        self.directory = directory

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    async def rsync(
        self, arguments: Sequence[str], source: Path, names: Iterable[bytes], reader: Callable[[bytes], None]
    ) -> Result:
        """Run rsync from `source` to here, for exactly those names."""

    @abstractmethod
    async def _run(self, stdin: bytes, *, writable: bool) -> tuple[Result, bytes]:
        """Run target.sh with that on its stdin; return how it ended, and what it said."""

    @property
    @abstractmethod
    def _inside(self) -> bytes:
        """The directory, as the script finds it."""

    def shown(self, name: bytes) -> str:
        """Return where a name goes, for people."""
        return f"{str(self).rstrip('/')}/{printable(name.decode('utf-8', 'backslashreplace'))}"

    async def ask(self, mode: str, records: Iterable[bytes]) -> list[Answer]:
        """Let target.sh do `mode`; return its answers. Raises KaizenError."""
        said = await self._script(mode, records, b"")
        words = said.split(b"\0")
        answers = [
            Answer(w.decode(), name, _text(more)) for w, name, more in zip(*[iter(words[:-1])] * 3, strict=False)
        ]
        if not answers or answers[-1].what != _DONE.decode():
            raise KaizenError(f"{self}: what was asked there was not answered")
        return answers[:-1]

    async def verify(self, names: Collection[bytes], sums: bytes) -> bytes:
        """Let sha256sum hold files against sums, once they are on disk; return what it says. Raises KaizenError."""
        # To wait for a few files is quick; all that others have written on that disk may not be.
        few = names if len(names) <= _FEW else ()
        return await self._script("verify", [b"f" + name for name in few], sums)

    async def _script(self, mode: str, records: Iterable[bytes], behind: bytes) -> bytes:
        script = (files("kaizen_backups.restore") / "target.sh").read_bytes()
        data = null_separated([self._inside, *records, _END])
        result, said = await self._run(
            script + b"main " + mode.encode() + b"\n" + data + behind, writable=mode == "remove"
        )
        if result.code != 0:
            raise self._why(result)
        return said

    def _why(self, result: Result) -> KaizenError:
        return KaizenError(f"{self}: {printable(result.last_words.removeprefix('kaizen: '))[:300]}")


class LocalPlace(Place):
    """A directory of this machine. What is done there is done in a cage that sees nothing else."""

    def __str__(self) -> str:
        return printable(os.fsdecode(self.directory))

    @property
    def path(self) -> Path:
        """The directory."""
        return Path(os.fsdecode(self.directory))

    @property
    def _inside(self) -> bytes:
        return TARGET.encode()

    async def ask(self, mode: str, records: Iterable[bytes]) -> list[Answer]:
        """As every place does; the directory itself is seen to out here."""
        if mode == "make":
            self.path.mkdir(mode=0o700, exist_ok=True)
            return []
        host = Answer("host", b"", os.uname().nodename)
        found = _look_at(self.path)
        if found:
            return [host, found]
        return [answer for answer in await super().ask(mode, records) if answer.what != "host"] + [host]

    async def rsync(
        self, arguments: Sequence[str], source: Path, names: Iterable[bytes], reader: Callable[[bytes], None]
    ) -> Result:
        """Run rsync from `source` to here, for exactly those names."""
        command = ["rsync", *arguments, "--", f"{SOURCE}/", f"{TARGET}/"]
        writable = "--dry-run" not in arguments
        caged = restoring(command, source=source, target=self.path, writable=writable)
        return await feed(caged, null_separated(names), reader)

    async def _run(self, stdin: bytes, *, writable: bool) -> tuple[Result, bytes]:
        said = bytearray()
        caged = restoring(["bash", "-s"], target=self.path, writable=writable)
        return await feed(caged, stdin, said.extend), bytes(said)


def _look_at(path: Path) -> Answer | None:
    """Return what speaks against a directory; None when it is one."""
    if path.is_symlink():
        return Answer("symlink", b"", str(path.readlink()))
    if path.is_dir():
        return None
    if path.exists():
        return Answer("clash", b"", "no directory")
    if not path.parent.is_dir():
        return Answer("clash", b"", f"not there, and neither is {path.parent}")
    return Answer("absent", b"", "")


def local_directory(text: str, store: Path) -> bytes:
    """Return the directory that is meant, by a path that no symlink is in but, perhaps, its last part.

    Raises KaizenError for one in the store.
    """
    path = Path("/" + os.path.normpath(Path.cwd() / text).lstrip("/"))
    path = Path("/" + os.path.realpath(path.parent).lstrip("/")) / path.name
    inner, outer = Path(os.path.realpath(path)), Path(os.path.realpath(store))
    if inner == outer or outer in inner.parents:
        raise KaizenError(f"{printable(os.fsdecode(path))} is in the store: what is stored is never written to")
    return os.fsencode(path)


def require_apart(place: Place, names: Sequence[bytes], store: Path, *, exact: bool) -> None:
    """Raise KaizenError where what is restored would come into the store, or take its place."""
    if not isinstance(place, LocalPlace):
        return
    own = os.path.realpath(store)
    for name in names:
        where = os.path.realpath(place.path / os.fsdecode(name))
        if f"{where}/".startswith(f"{own}/") or (exact and f"{own}/".startswith(f"{where}/")):
            raise KaizenError(f"{place.shown(name)} has to do with the store: what is stored is never written to")


async def feed(command: Sequence[str], stdin: bytes, reader: Callable[[bytes], None]) -> Result:
    """Run a program that reads `stdin`, to its end; what it says goes to `reader`. Raises KaizenError."""
    with tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        try:
            return await run(command, stdin=file.fileno(), reader=reader)
        except TooMuchOutputError:
            raise KaizenError("what went wrong was complained about without end") from None


def _text(more: bytes) -> str:
    return more.decode("utf-8", "backslashreplace")
