"""One database from a snapshot's dump into a server, and nothing else of that server touched."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kaizen_backups.databases.dump import Dump, open_dump
from kaizen_backups.databases.engine import Engine, private_directory
from kaizen_backups.databases.mysql import MySQL
from kaizen_backups.databases.postgresql import PostgreSQL
from kaizen_backups.databases.url import Kind, Server
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")  # what no server has to have quoted in an odd way
_OWN = frozenset({"mysql", "sys", "information_schema", "performance_schema", "postgres", "template0", "template1"})


@dataclass(frozen=True)
class Loaded:
    """A database that was loaded: its name, the locked account that its objects belong to, every table's rows."""

    name: str
    account: str
    tables: dict[str, int]


def check_name(name: str) -> str:
    """Return a new database's name. Raises ValueError for one that is not plain, or a server's own."""
    if not _NAME.fullmatch(name) or name.lower() in _OWN:
        raise ValueError("must be a plain name: letters, digits, '_' and '-', at most 63, and none of the server's own")
    return name


def name_for(database: str, snapshot: Snapshot) -> str:
    """Return what a database is called by itself: nova_restored_20261124. Raises ValueError for an odd name."""
    number = f"_{snapshot.number}" if snapshot.number > 1 else ""
    return check_name(f"{database}_restored_{snapshot.date:%Y%m%d}{number}")


def choose_dump(dumps: Sequence[Dump], database: str, kind: Kind) -> Dump:
    """Return a database's dump for a kind of server. Raises KaizenError, which says which there are."""
    for dump in dumps:
        if (dump.database, dump.kind) == (database, kind):
            return dump
    others = ", ".join(f"{printable(dump.database)} ({dump.kind})" for dump in dumps) or "none"
    raise KaizenError(f"there is no {kind} dump of '{printable(database)}'; there are: {others}")


@contextmanager
def engine_for(server: Server) -> Iterator[Engine]:
    """Yield what talks to a server. Raises UnavailableError where a program is missing here."""
    with private_directory() as private:
        yield MySQL(server, private) if server.kind == Kind.MYSQL else PostgreSQL(server, private)


async def look(engine: Engine, name: str) -> bool:
    """Log in and tell whether the database has to be made. Raises KaizenError for one that is not empty."""
    await engine.prepare()
    empty = await engine.is_empty(name)
    if empty is False:
        raise KaizenError(f"{engine.server}: the database {name} is there and is not empty: choose another name (--as)")
    return empty is None


async def load(
    engine: Engine,
    name: str,
    dump: Dump,
    store: NodeStore,
    snapshot: Snapshot,
    *,
    create: bool,
    watch: Callable[[int], None] | None = None,
) -> Loaded:
    """Load a dump that was checked. Raises KaizenError; a database that was made for it is then gone again."""
    descriptor = open_dump(store, snapshot, dump)
    try:
        await engine.begin(name, create=create)
        await engine.load(name, dump.readers, descriptor, watch)
        tables = await engine.count(name)
        await engine.lock(name)
    except KaizenError as error:
        raise type(error)(f"{dump}: {error}; {await _give_up(engine, name, create=create)}") from None
    except BaseException:
        await _give_up(engine, name, create=create)
        raise
    finally:
        os.close(descriptor)
    return Loaded(name, engine.account.name, tables)


async def _give_up(engine: Engine, name: str, *, create: bool) -> str:
    """Take back what was begun; return what is left, in words."""
    try:
        await engine.give_up(name, drop=create)
    except KaizenError as error:
        return f"the half-filled database {name} and the account {engine.account.name} may still be there ({error})"
    if create:
        return f"the half-filled database {name} was dropped"
    return f"the database {name}, which was there before, is half-filled"
