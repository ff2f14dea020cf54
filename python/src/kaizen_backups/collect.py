"""The collector's night: every node is asked, `jobs` at a time, the slowest first, until all is in or time is up."""

import asyncio
import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kaizen_backups.door import open_door
from kaizen_backups.errors import (
    ConfigError,
    DataError,
    KaizenError,
    NoRoomError,
    NoRoomYetError,
    RefusedError,
    UnavailableError,
)
from kaizen_backups.night import Event, Night, Outcome
from kaizen_backups.node import Node
from kaizen_backups.receive import Receiver
from kaizen_backups.store import NodeStore

_MOST_SECONDS = 900


@dataclass(frozen=True)
class _Answer:
    """How one attempt went, and whether the trouble may pass: within seconds, before the deadline, or not at all."""

    problems: list[str]
    soon: bool = False
    later: bool = False
    final: bool = False


async def collect(nodes: Iterable[Node], night: Night) -> list[Outcome]:
    """Collect nodes; one node's trouble is its own. `night.tell` hears of everything as it happens."""
    slots = asyncio.Semaphore(night.settings.jobs)
    # A node is in one thread at a time, and none waits for another's.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(night.settings.jobs + 1))
    ordered = slowest_first(nodes, night.history.usual_seconds())
    with _sockets(night.settings.state) as sockets:
        work = (_collect_node(n, night, slots, sockets / str(i)) for i, n in enumerate(ordered))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one) for one in work]
        except ExceptionGroup as error:  # whoever was told of it, stdout gone, say: that ends the run
            raise error.exceptions[0] from None
    return [task.result() for task in tasks]


def slowest_first(nodes: Iterable[Node], seconds: dict[str, float]) -> list[Node]:
    """Return the nodes, those first that took longest last time; before them those of which that is not known."""
    return sorted(nodes, key=lambda node: -seconds.get(node.name, float("inf")))


async def _collect_node(node: Node, night: Night, slots: asyncio.Semaphore, socket: Path) -> Outcome:
    outcome = Outcome(node.name)
    waits = Waits(night)
    while True:
        # What a node waits for, it waits for without a slot: the others go on.
        async with night.switches.slots if night.switches and node.is_switch else slots:
            answer = await _attempt(node, night, socket, outcome)
        outcome.problems = answer.problems
        missing, lateness = _lateness(node, night)
        wait = waits.next(soon=answer.soon, later=answer.later or (missing and not answer.final))
        if wait is None:
            break
        night.tell(Event("waiting", node.name, {"seconds": round(wait, 1), "problems": answer.problems}))
        await asyncio.sleep(wait)
    # That it is late is seen from its dates; it is no failure, which would keep its old snapshots from expiring.
    _note(outcome, night)
    if missing and not night.dry_run:
        outcome.late = True
        outcome.problems = [lateness, *outcome.problems]
    night.tell(Event("done", node.name, outcome.as_json()))
    return outcome


class Waits:
    """How long one node is waited for before it is asked again."""

    def __init__(self, night: Night) -> None:
        self._night = night
        self._soon = 1.0
        self._later = float(night.settings.ask_again)
        self._soon_until: float | None = None

    def next(self, *, soon: bool, later: bool) -> float | None:
        """Return the seconds to wait; None when it is not asked again.

        What may pass `soon` is tried for a few seconds, at growing intervals; after that, and for what may pass
        `later`, at intervals that double, until the deadline.
        """
        now = time.monotonic()
        if soon and self._soon_until is None:
            self._soon_until = now + self._night.settings.retry_seconds
        if soon and self._soon_until and now + self._soon < self._soon_until:
            wait, self._soon = self._soon, self._soon * 2
            return wait
        left = self._night.seconds_left()
        if not (soon or later) or left <= 0 or self._night.dry_run:
            return None
        wait, self._later = min(self._later, left), min(self._later * 2, _MOST_SECONDS)
        self._soon, self._soon_until = 1.0, None
        return wait


async def _attempt(node: Node, night: Night, socket: Path, outcome: Outcome) -> _Answer:
    """Ask a node once. Whatever goes wrong, a defect of ours included, must not end the others' night."""
    night.tell(Event("asking", node.name))
    began = time.monotonic()
    try:
        if node.is_switch:
            assert night.switches
            return _Answer(await night.switches.receive(night, outcome))
        async with asyncio.timeout(night.settings.timeout), open_door(node, night.settings, socket) as door:
            return _Answer(await Receiver(door, night, outcome).work())
    except Exception as error:
        return _trouble(error, night)
    finally:
        outcome.seconds = round(outcome.seconds + time.monotonic() - began, 3)


def _trouble(error: Exception, night: Night) -> _Answer:
    """Say what ended an attempt, and whether it may pass."""
    match error:
        case TimeoutError():
            return _Answer([f"it was not done within {night.settings.timeout} s"], later=True)
        case RefusedError() | DataError() | ConfigError():
            return _Answer([str(error)], final=True)
        case UnavailableError() | NoRoomYetError():
            return _Answer([str(error)], soon=True)
        case KaizenError() | OSError():
            return _Answer([str(error)], later=isinstance(error, NoRoomError))
    return _Answer([f"unexpected {type(error).__name__}: {error}"])


def _note(outcome: Outcome, night: Night) -> None:
    """Put the outcome into the history, and let go of what expired there too."""
    if night.dry_run:
        return
    problem = "; ".join(outcome.problems) or None
    try:
        night.history.forget((outcome.node, snapshot) for snapshot in outcome.expired)
        night.history.add_attempt(outcome.node, outcome.seconds, len(outcome.received), problem, outcome.new_bytes)
    except KaizenError as error:
        outcome.problems.append(str(error))


def _lateness(node: Node, night: Night) -> tuple[bool, str]:
    """Return whether the snapshot that should be there by the deadline is missing, and what to say then."""
    if not night.until:
        return False, ""
    wanted = night.wanted_date()
    try:
        newest = max(NodeStore(night.settings.store, node.name).snapshots(), default=None)
    except OSError as error:
        return False, str(error)  # which its attempt has named
    has = f"its newest is {newest}" if newest else "nothing of it is stored"
    missing = newest is None or newest.date < wanted
    return missing, f"late: no snapshot of {wanted} by {night.until:%H:%M}; {has}"


@contextmanager
def _sockets(state: Path) -> Iterator[Path]:
    """Make a place for control sockets: short, since a socket's path may have 107 bytes; private, since whoever opens
    one is logged in. The run holds the lock, so what is there was left by one that was killed."""
    place = Path("/run") / f"kaizen-{hashlib.sha256(str(state).encode()).hexdigest()[:8]}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
