"""What is the same for every kind of server: a throw-away account, a new database, and what comes into it.

The dump is not trusted: what it says is carried out by a server that may hold other databases, with the rights of
whoever is logged in. So it is loaded by an account that is made for it and has rights on the new database alone, by a
client in a cage that sees nothing but the dump and that account's password. Whatever else the dump tries is refused.
The account stays, locked: it is the owner, or the definer, of what the dump brought.
"""

import os
import secrets
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.databases.dump import said
from kaizen_backups.databases.pipeline import pipe
from kaizen_backups.databases.url import Server
from kaizen_backups.errors import KaizenError, RefusedError, UnavailableError
from kaizen_backups.run import Result, TooMuchOutputError, run

CREDENTIALS = "/credentials"
SOCKET = "/socket"
_ANSWER = 1 << 28  # bytes


class Account:
    """A name and a password that are made up for one load."""

    def __init__(self) -> None:
        self.name = f"kaizen_{secrets.token_hex(6)}"
        self.password = secrets.token_urlsafe(24)


class Engine(ABC):
    """A server of one kind. What it is asked by the operator's account has no word of the dump in it."""

    def __init__(self, server: Server, private: Path) -> None:
        self.server = server
        self.account = Account()
        self._private = private

    # -- with the operator's account

    @abstractmethod
    async def prepare(self) -> None:
        """Log in, and find out what has to be known of the server. Raises UnavailableError."""

    @abstractmethod
    async def is_empty(self, name: str) -> bool | None:
        """Tell whether a database has nothing in it; None when there is none of that name."""

    @abstractmethod
    async def begin(self, name: str, *, create: bool) -> None:
        """Make the account and, where it is to be created, the database."""

    @abstractmethod
    async def lock(self, name: str) -> None:
        """Let nothing begin by itself in the database, and nobody log in by the account any more."""

    @abstractmethod
    async def give_up(self, name: str, *, drop: bool) -> None:
        """Remove the account and, where we created it, the database; it must not matter how far `begin` came."""

    # -- with the account that was made up

    @abstractmethod
    def loading(self, name: str) -> list[list[str]]:
        """Return the programs that load the unpacked dump, one behind the other."""

    @abstractmethod
    async def count(self, name: str) -> dict[str, int]:
        """Return the rows of every table."""

    @abstractmethod
    def hint(self, complaint: str) -> str:
        """Return what to do about a complaint of the server's, "" when nothing is known."""

    async def load(
        self, name: str, readers: Sequence[Sequence[str]], dump: int, watch: Callable[[int], None] | None
    ) -> None:
        """Load a dump. Raises KaizenError with what the server said."""
        *earlier, client = await pipe([*readers, *self.loading(name)], dump, watch)
        failed = client if client.code != 0 else next((result for result in earlier if result.code != 0), None)
        if failed:
            complaint = said(failed, [self.account.password])
            raise KaizenError(f"{complaint}{self.hint(complaint)}")

    async def _ask(self, command: Sequence[str], sql: str) -> list[list[str]]:
        """Return the rows of an answer. What is asked goes by stdin: there may be a password in it."""
        result = await self._tell(command, sql)
        if result.code != 0:
            hidden = [self.account.password, *([self.server.password] if self.server.password else [])]
            complaint = said(result, hidden)
            raise self._kind_of(result)(f"{self.server}: {complaint}")
        return [line.split("\t") for line in result.out.splitlines()]

    async def _tell(self, command: Sequence[str], sql: str) -> Result:
        with tempfile.TemporaryFile() as file:
            file.write(sql.encode())
            file.seek(0)
            try:
                return await run(command, stdin=file.fileno(), limit=_ANSWER)
            except TooMuchOutputError:
                raise KaizenError(f"{self.server}: it answered without end") from None

    @staticmethod
    def _kind_of(result: Result) -> type[KaizenError]:
        if "Access denied for user" in result.err or "authentication failed" in result.err:
            return RefusedError
        if any(word in result.err for word in ("ERROR 2002", "ERROR 2003", "ERROR 2005", "connection to server")):
            return UnavailableError
        return KaizenError

    def _write(self, name: str, content: str) -> Path:
        """Write a file for our eyes alone."""
        path = self._private / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        return path


def with_home(command: Sequence[str], more: Mapping[str, str] | None = None) -> list[str]:
    """Return the argument list that runs a client which finds the operator's own settings."""
    variables = {"HOME": os.environ.get("HOME", "/root"), **(more or {})}
    return ["env", *(f"{name}={value}" for name, value in variables.items()), *command]


@contextmanager
def private_directory() -> Iterator[Path]:
    """Yield a directory for credentials, on a file system in memory where there is one; it goes afterwards."""
    memory = Path("/run")
    parent = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="kaizen-db-", dir=parent) as directory:
        yield Path(directory)
