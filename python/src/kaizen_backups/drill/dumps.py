"""Every dump of a snapshot, each by itself: its sum, its end, and the databases loaded and counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from kaizen_backups.databases.dump import Dump, check_dump, check_stream
from kaizen_backups.databases.load import engine_for, load
from kaizen_backups.databases.url import Kind, Server
from kaizen_backups.drill.scratch import room_watch
from kaizen_backups.drill.servers import throw_away
from kaizen_backups.errors import DataError, KaizenError, NoRoomError, UnavailableError
from kaizen_backups.history_records import Tables
from kaizen_backups.restore.check import Checker
from kaizen_backups.restore.contents import Kind as EntryKind
from kaizen_backups.restore.contents import gather, lookup, opened
from kaizen_backups.snapshots import Snapshot, is_encrypted_dump
from kaizen_backups.store import NodeStore
from kaizen_backups.tree import show_name

_TOP = b"dumps"
_JSON_LIMIT = 1 << 28  # bytes


def all_dumps(store: NodeStore, snapshot: Snapshot) -> list[bytes]:
    """Return the names of all dumps, of databases or not, sorted. Raises KaizenError where a symlink leads to them."""
    with opened(store.path(snapshot)) as root:
        if lookup(root, _TOP) is None:
            return []
        entries = gather(root, [_TOP], lambda _: b"").entries.values()
        return sorted(entry.name for entry in entries if entry.kind == EntryKind.FILE)


class Servers:
    """One throw-away server of each kind, started when it is needed."""

    def __init__(self, place: Path, stack: AsyncExitStack) -> None:
        self._place = place
        self._stack = stack
        self._running: dict[Kind, Server] = {}

    async def get(self, kind: Kind) -> Server:
        """Return the server of that kind. Raises UnavailableError: that is no dump's fault."""
        if kind not in self._running:
            try:
                self._running[kind] = await self._stack.enter_async_context(throw_away(kind, self._place / kind))
            except KaizenError as error:
                raise UnavailableError(str(error)) from None
        return self._running[kind]


@asynccontextmanager
async def servers(place: Path) -> AsyncIterator[Servers]:
    """Yield servers that have their data below `place`; none runs afterwards."""
    async with AsyncExitStack() as stack:
        yield Servers(place, stack)


class DumpDrill:
    """Tries the dumps of one snapshot, and remembers what is wrong and which tables there are."""

    def __init__(self, store: NodeStore, snapshot: Snapshot, checker: Checker, floor: int) -> None:
        self.problems: list[str] = []
        self.unchecked: list[str] = []
        """The dumps that nobody here can look into: they are encrypted, and only their sum was held against them."""
        self.tables: Tables = {}
        self._store = store
        self._snapshot = snapshot
        self._checker = checker
        self._floor = floor

    async def run(self, names: Iterable[bytes], databases: Iterable[Dump], place: Path) -> None:
        """Try each. Raises NoRoomError, and UnavailableError where a server can't be had; all else is one dump's."""
        by_name = {dump.name: dump for dump in databases}
        async with servers(place) as running:
            for number, name in enumerate(names):
                try:
                    await asyncio.to_thread(self._checker.check, self._snapshot, [name])
                except KaizenError as error:
                    self._note(error)
                    continue
                if is_encrypted_dump(name):
                    self.unchecked.append(f"/{show_name(name)}")
                    continue
                database = by_name.get(name)
                server = await running.get(database.kind) if database else None
                try:
                    if database and server:
                        await self._load(database, server, number, place)
                    else:
                        await self._look(name)
                except NoRoomError:
                    raise
                except KaizenError as error:
                    self._note(error)

    def _note(self, error: KaizenError) -> None:
        self.problems += str(error).removeprefix(f"{self._snapshot}: ").splitlines()

    async def _load(self, dump: Dump, server: Server, number: int, place: Path) -> None:
        await check_dump(self._store, self._snapshot, dump)
        with engine_for(server) as engine:
            await engine.prepare()
            watch = room_watch(place, self._floor)
            # By the way that kaizen restore-db goes: what is proven is that that works.
            loaded = await load(engine, f"drill_{number}", dump, self._store, self._snapshot, create=True, watch=watch)
            self.tables[str(dump)] = loaded.tables
            await engine.give_up(loaded.name, drop=True)  # one at a time takes the least room

    async def _look(self, name: bytes) -> None:
        """Look at what is no database's dump: the users and grants, a queue's definitions, a list of packages."""
        dump = Dump(Kind.MYSQL, "", name)
        end = await check_stream(self._store, self._snapshot, dump, whole=name.endswith(b".json"), limit=_JSON_LIMIT)
        if name.startswith(b"dumps/mysql-globals") and b"-- Dump completed" not in end:
            raise DataError(f"{dump} is cut short: it does not end with '-- Dump completed'")
        if name.startswith(b"dumps/postgresql-globals") and b"database cluster dump complete" not in end:
            raise DataError(f"{dump} is cut short: it does not end with 'database cluster dump complete'")
        if name.endswith(b".json"):
            try:
                json.loads(end)
            except (ValueError, RecursionError):
                raise DataError(f"{dump} is no JSON") from None
