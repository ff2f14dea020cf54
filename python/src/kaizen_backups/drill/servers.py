"""Throw-away database servers: data and socket in a directory that goes, no network, and nothing else to see."""

import asyncio
import os
import pwd
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from kaizen_backups.confine import PLACE, serving
from kaizen_backups.databases.dump import require_program, said
from kaizen_backups.databases.url import Kind, Server
from kaizen_backups.errors import KaizenError, UnavailableError
from kaizen_backups.run import Result, TooMuchOutputError, run

_READY_SECONDS = 120
_PAUSE = 0.05
_LIMIT = 1 << 26  # bytes that a server may say
_ACCOUNTS = {Kind.MYSQL: ("mysql", "mariadb-server"), Kind.POSTGRESQL: ("postgres", "postgresql")}
_POSTGRESQL = Path("/usr/lib/postgresql")
_WHAT_A_SERVER_NEEDS = 300 << 20
"""Bytes that a server takes with nothing in it, rounded up."""


def server_bytes() -> int:
    """Return the bytes that a server takes with nothing in it."""
    return _WHAT_A_SERVER_NEEDS


def require_server(kind: Kind) -> None:
    """Raise UnavailableError, which names the package, where a server of that kind can't be started here."""
    if kind == Kind.MYSQL:
        for program in ("mariadb", "mariadb-install-db", "mariadbd"):
            require_program(program)
    else:
        for program in ("psql", "pg_restore"):
            require_program(program)
        _postgresql("postgres")
    _account(kind)


@asynccontextmanager
async def throw_away(kind: Kind, place: Path) -> AsyncIterator[Server]:
    """Make and start a server in `place`, a new directory; yield how it is reached. Nothing runs afterwards.

    Nobody but root can reach it as long as the directory that `place` is in is root's alone. Raises KaizenError.
    """
    require_server(kind)
    user, group = _account(kind)
    place.mkdir()
    place.chmod(0o711)  # a client in a cage, which is root without its powers, goes through; the umask may be 077
    os.chown(place, user, group)
    made = await run(serving(_make(kind), user=user, group=group, place=place), limit=_LIMIT)
    if made.code != 0:
        raise KaizenError(f"a throw-away {kind} server cannot be made: {said(made)}")
    command = serving(_start(kind), user=user, group=group, place=place)
    # All that belongs to the server has the writing end, and when the last of it has died, reading ends.
    read_end, write_end = os.pipe()
    running = asyncio.create_task(run(command, limit=_LIMIT, stdin=write_end))
    try:
        await _wait_for(_socket_file(kind, place), running, kind)
        where = place / "socket" if kind == Kind.MYSQL else place
        administrator = "root" if kind == Kind.MYSQL else "postgres"
        yield Server(kind, socket=str(where), user=administrator, password="")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, TooMuchOutputError):
            await running
        os.close(write_end)
        await asyncio.to_thread(os.read, read_end, 1)
        os.close(read_end)


async def _wait_for(socket: Path, running: asyncio.Task[Result], kind: Kind) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not socket.exists():
        if running.done() or time.monotonic() > end:
            why = said(running.result()) if running.done() else f"it was not ready after {_READY_SECONDS} s"
            raise KaizenError(f"a throw-away {kind} server does not start: {why}")
        await asyncio.sleep(_PAUSE)


def _socket_file(kind: Kind, place: Path) -> Path:
    return place / ("socket" if kind == Kind.MYSQL else ".s.PGSQL.5432")


def _make(kind: Kind) -> list[str]:
    if kind == Kind.MYSQL:
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force"]
        return ["mariadb-install-db", "--no-defaults", f"--datadir={PLACE}/data", *options]
    options = ["--auth=trust", "--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
    return [_postgresql("initdb"), f"--pgdata={PLACE}/data", *options]


def _start(kind: Kind) -> list[str]:
    """Return the server's program; what it holds need not survive anything."""
    if kind == Kind.MYSQL:
        options = [f"--datadir={PLACE}/data", f"--socket={PLACE}/socket", f"--pid-file={PLACE}/pid"]
        options += [f"--tmpdir={PLACE}", "--skip-networking", "--skip-log-bin"]
        options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--event-scheduler=OFF"]
        options += ["--max-allowed-packet=1G", "--local-infile=OFF"]
        return [require_program("mariadbd"), "--no-defaults", *options]
    settings = ["listen_addresses=", f"unix_socket_directories={PLACE}", "port=5432", "fsync=off"]
    settings += ["full_page_writes=off", "max_wal_size=256MB", "autovacuum=off"]
    settings += ["jit=off"]  # the unit's MemoryDenyWriteExecute would fail it
    return [_postgresql("postgres"), "-D", f"{PLACE}/data", *_each("-c", settings)]


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _postgresql(program: str) -> str:
    """Return where a program of PostgreSQL's server is; Debian keeps those of each version apart."""
    versions = _POSTGRESQL.glob(f"[0-9]*/bin/{program}")
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    return str(newest) if newest else require_program(program)


def _account(kind: Kind) -> tuple[int, int]:
    name, package = _ACCOUNTS[kind]
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise UnavailableError(f"there is no account {name} here: apt-get install {package}") from None
    return account.pw_uid, account.pw_gid
