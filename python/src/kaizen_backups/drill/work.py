"""One node's drill: everything of its newest snapshot is brought back to scratch space, checked, and removed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from kaizen_backups.backup_info import read_info
from kaizen_backups.databases.dump import Dump, find_dumps
from kaizen_backups.drill.checks import check_databases, check_tree, missing_tables
from kaizen_backups.drill.dumps import DumpDrill, all_dumps
from kaizen_backups.drill.live import Live
from kaizen_backups.drill.sample import Compared, take_sample
from kaizen_backups.drill.scratch import require_room
from kaizen_backups.drill.servers import require_server, server_bytes
from kaizen_backups.errors import KaizenError, NoRoomError, UnavailableError
from kaizen_backups.history import History
from kaizen_backups.history_records import Tables
from kaizen_backups.onboard.module_files import package_version
from kaizen_backups.restore.check import Checker, Whole
from kaizen_backups.restore.contents import gather, opened
from kaizen_backups.restore.place import LocalPlace
from kaizen_backups.restore.plan import Leave
from kaizen_backups.restore.work import Restore, recorded_sums
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import ENCRYPTED, INFO, Snapshot
from kaizen_backups.store import NodeStore

_GROWTH = 8
"""How much larger a database is than its compressed dump: seen were 3 to 6."""
_FILES = "files"


@dataclass
class Outcome:
    """What a drill found: files restored and verified, tables with their rows by dump, and what is wrong.

    `unchecked` names the encrypted dumps, which are neither good nor bad for that; `live` is what the comparison with
    the live node found.

    `not_done` says why there was no drill at all; it then proves nothing, and disproves nothing.
    """

    node: str
    snapshot: str
    seconds: float = 0.0
    files: int = 0
    tables: Tables = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    live: Compared | None = None
    not_done: str | None = None

    @property
    def good(self) -> bool:
        """Was there a drill, and nothing wrong?"""
        return self.not_done is None and not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as `kaizen drill --json` prints it."""
        live = self.live.as_json() if self.live else None
        return {**asdict(self), "live": live, "good": self.good}


def require_servers(settings: Settings, nodes: list[str]) -> None:
    """Raise UnavailableError, which names the package, where a server that one of the nodes needs is missing here."""
    for node in nodes:
        store = NodeStore(settings.store, node)
        for kind in {dump.kind for snapshot in store.snapshots()[-1:] for dump in _databases(store, snapshot)}:
            require_server(kind)


def _databases(store: NodeStore, snapshot: Snapshot) -> list[Dump]:
    try:
        return [dump for dump in find_dumps(store, snapshot) if not dump.encrypted]
    except (KaizenError, OSError):
        return []  # it is named where the dumps are tried


async def drill(
    settings: Settings, history: History, node: str, place: Path, *, accept_missing: bool, live: Live | None = None
) -> Outcome:
    """Drill a node's newest snapshot below `place`, and put what was found into the history.

    With `live` a sample of the files is compared with the live node. A node that cannot be asked disproves nothing.
    """
    began = time.monotonic()
    store = NodeStore(settings.store, node)
    snapshot = store.snapshots()[-1]
    outcome = Outcome(node, str(snapshot))
    inode, stop = _inode(store, snapshot), Event()
    checker = Checker(store, recorded_sums(history, node, store.snapshots()), _stoppable(stop))
    try:
        await _try(_Try(settings, history, store, snapshot, outcome, place, accept_missing, live), checker)
    except (NoRoomError, UnavailableError) as error:
        outcome.not_done = str(error)
    except (KaizenError, OSError) as error:
        outcome.problems += str(error).splitlines()
    finally:
        stop.set()
    outcome.problems = list(dict.fromkeys(outcome.problems))
    outcome.seconds = round(time.monotonic() - began, 1)
    if _inode(store, snapshot) != inode:
        outcome.not_done, outcome.problems = f"{snapshot} went out of the store meanwhile", []
    if outcome.not_done is None:
        history.add_drill(
            node, snapshot, outcome.seconds, outcome.problems, outcome.tables, unchecked=outcome.unchecked
        )
    return outcome


def _inode(store: NodeStore, snapshot: Snapshot) -> int:
    try:
        return store.path(snapshot).lstat().st_ino
    except OSError:
        return 0


@dataclass(frozen=True)
class _Try:
    settings: Settings
    history: History
    store: NodeStore
    snapshot: Snapshot
    outcome: Outcome
    place: Path
    accept_missing: bool
    live: Live | None

    @property
    def node(self) -> str:
        return self.outcome.node


async def _try(this: _Try, checker: Checker) -> None:
    outcome, store, snapshot = this.outcome, this.store, this.snapshot
    names, there = all_dumps(store, snapshot), find_dumps(store, snapshot)
    databases = [dump for dump in there if not dump.encrypted]
    _require_room(this, databases)
    try:
        whole = await asyncio.to_thread(checker.check, snapshot, [b""])
        outcome.files = await _restore_files(this, whole)
        with opened(this.place / _FILES) as root:
            outcome.problems += check_tree(root, read_info(store.path(snapshot)), package_version())
            sample = take_sample(root, whole, this.live.chance) if this.live else []
        if this.live:
            outcome.live = await this.live.compare(this.node, sample)
            outcome.problems += outcome.live.problems
    except NoRoomError:
        raise
    except (KaizenError, OSError) as error:
        outcome.problems += _without(this, str(error))
    dumps = DumpDrill(store, snapshot, checker, this.settings.floor)
    try:
        await dumps.run([INFO.encode(), *names], databases, this.place)
    finally:
        outcome.tables = dumps.tables
        outcome.problems += dumps.problems
        outcome.unchecked = dumps.unchecked
    outcome.problems += check_databases(dumps.tables)
    last = this.history.last_drills(good=True).get(this.node)
    if last and not this.accept_missing:
        named = [str(dump).removesuffix(ENCRYPTED) for dump in there]
        outcome.problems += missing_tables(dumps.tables, last.tables, named)


def _stoppable(stop: Event) -> Callable[[int], None]:
    """Return what ends a thread that reads, which can't be cancelled, at the next file."""

    def go_on(_bytes: int) -> None:
        if stop.is_set():
            raise KaizenError("broken off")

    return go_on


def _without(this: _Try, message: str) -> list[str]:
    """Return what went wrong, a line each, without the node and the snapshot before it."""
    lines = (line.removeprefix(f"{this.node}: ").removeprefix(f"{this.snapshot}: ") for line in message.splitlines())
    return list(lines)


def _require_room(this: _Try, databases: list[Dump]) -> None:
    """Raise NoRoomError when what is restored, and the largest of the databases, would not fit."""
    with opened(this.store.path(this.snapshot)) as root:
        files = gather(root, [b""], lambda _: b"")
        dumps = gather(root, [dump.name for dump in databases], lambda _: b"")
        need = files.size_of(files.entries) + _GROWTH * max(
            (dumps.size_of([dump.name]) for dump in databases), default=0
        )
    need += server_bytes() * len({dump.kind for dump in databases})
    require_room(this.place, need, this.settings.floor)


async def _restore_files(this: _Try, whole: Whole) -> int:
    """Bring all files back, as `kaizen restore NODE /` does; return how many were held against their sums."""
    restore = Restore(this.store, this.snapshot, [b""], whole, node=this.node)
    target = this.place / _FILES
    target.mkdir(mode=0o700)
    place, leave = LocalPlace(str(target).encode()), Leave()
    return (await restore.carry_out(await restore.plan(place, leave), place, leave)).verified
