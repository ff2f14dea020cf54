"""The collector's night: ask every node for its snapshots, receive the new ones, check, publish, keep."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kaizen_backups.backup_info import read_info
from kaizen_backups.door import Door, open_door
from kaizen_backups.errors import DataError, KaizenError
from kaizen_backups.history import History
from kaizen_backups.node import Node
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot, kept
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked, check_tree

_PARTIAL_BASES = 3


@dataclass
class Outcome:
    """How the collection of one node went; `problems` is empty when all is well."""

    node: str
    received: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    new_bytes: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as `kaizen collect --json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class Night:
    """What one run works with; `today` is the collector's own date."""

    settings: Settings
    history: History
    today: date
    dry_run: bool = False


async def collect(nodes: Iterable[Node], night: Night, done: Callable[[Outcome], None]) -> list[Outcome]:
    """Collect nodes, `jobs` at a time; `done` hears of each as it ends. One node's trouble is its own."""
    slots = asyncio.Semaphore(night.settings.jobs)

    async def one(number: int, node: Node, sockets: Path) -> Outcome:
        async with slots:
            outcome = await _collect_node(node, night, sockets / str(number))
        done(outcome)
        return outcome

    # Short, since a socket's path may have 107 bytes; private, since whoever opens a socket is logged in.
    with tempfile.TemporaryDirectory(prefix="kaizen-", dir="/run") as sockets:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(i, node, Path(sockets))) for i, node in enumerate(nodes)]
    return [task.result() for task in tasks]


async def _collect_node(node: Node, night: Night, socket: Path) -> Outcome:
    outcome = Outcome(node.name)
    began = time.monotonic()
    try:
        async with asyncio.timeout(night.settings.timeout), open_door(node, night.settings, socket) as door:
            await _receive_new(door, NodeStore(night.settings.store, node.name), night, outcome)
    except TimeoutError:
        outcome.problems.append(f"it was not done within {night.settings.timeout} s")
    except (KaizenError, OSError) as error:
        outcome.problems.append(str(error))
    except Exception as error:  # a defect of ours, or of the node's making: it must not end the others' night
        outcome.problems.append(f"unexpected {type(error).__name__}: {error}")
    outcome.seconds = round(time.monotonic() - began, 3)
    if not night.dry_run:
        problem = "; ".join(outcome.problems) or None
        night.history.add_attempt(node.name, outcome.seconds, len(outcome.received), problem)
    return outcome


async def _receive_new(door: Door, store: NodeStore, night: Night, outcome: Outcome) -> None:
    """Receive what the node has and the store lacks, oldest first; then let go of what is out of date."""
    offered = await door.listing()
    stored = store.snapshots()
    new, problems = choose(offered, stored, night)
    outcome.problems += problems
    outcome.wanted = [str(snapshot) for snapshot in new]
    if night.dry_run:
        return
    store.prepare()
    for snapshot in new:
        try:
            checked = await _receive(door, store, snapshot)
        except DataError as error:  # a later one may be good
            outcome.problems.append(str(error))
            continue
        night.history.add_snapshot(outcome.node, snapshot, checked)
        outcome.received.append(str(snapshot))
        outcome.new_bytes += checked.new_bytes
    if not outcome.problems:
        await asyncio.to_thread(_expire, store, night, outcome)


def choose(offered: Iterable[Snapshot], stored: Iterable[Snapshot], night: Night) -> tuple[list[Snapshot], list[str]]:
    """Return the offered snapshots to receive, oldest first, and what is wrong with the offer.

    A date is the node's own and may be one day ahead of ours, as time zones go; later ones are refused. One that
    retention would remove at once is not fetched.
    """
    latest = night.today + timedelta(days=1)
    offer = {snapshot for snapshot in offered if snapshot.date <= latest}
    problems = [f"refused {s}: it is dated in the future" for s in sorted(set(offered) - offer)]
    newest = max(offer, default=None)
    if newest is None:
        problems.append("it has no snapshot; has kaizen-backup run there, and what does its log say?")
    elif newest.date < night.today - timedelta(days=1):
        problems.append(f"its newest snapshot is of {newest.date}; what does kaizen-backup's log there say?")
    stay = kept(offer | set(stored), night.today, night.settings.keep)
    return sorted((offer & stay) - set(stored)), problems


async def _receive(door: Door, store: NodeStore, snapshot: Snapshot) -> Checked:
    """Receive one snapshot into a fresh directory, check it, publish it."""
    stored = store.snapshots()
    last = store.path(stored[-1]) if stored else None
    bases = ([last] if last else []) + store.partials()[:_PARTIAL_BASES]
    for left in store.partials()[_PARTIAL_BASES:]:
        await asyncio.to_thread(store.discard, left)
    try:
        partial, checked = await _pull_and_check(door, store, snapshot, last, bases, checksum=False)
    except DataError:
        if not bases:
            raise
        # A file may have new content under its old size and time: compare contents this once.
        partial, checked = await _pull_and_check(door, store, snapshot, last, bases, checksum=True)
    await asyncio.to_thread(store.publish, partial, snapshot)
    for left in store.partials():
        await asyncio.to_thread(store.discard, left)
    return checked


async def _pull_and_check(
    door: Door, store: NodeStore, snapshot: Snapshot, last: Path | None, bases: list[Path], *, checksum: bool
) -> tuple[Path, Checked]:
    partial = store.new_partial(snapshot)
    await door.pull(snapshot, store.directory, partial, bases, checksum=checksum)
    try:
        read_info(partial)
        return partial, await asyncio.to_thread(check_tree, partial, last)
    except DataError as error:
        raise DataError(f"{snapshot}: {error}") from error


def _expire(store: NodeStore, night: Night, outcome: Outcome) -> None:
    store.finish_removals()
    stored = store.snapshots()
    for snapshot in sorted(set(stored) - kept(stored, night.today, night.settings.keep)):
        store.discard(store.path(snapshot))
        outcome.expired.append(str(snapshot))
