"""The state of every known node: is it safe, and if not, why."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from kaizen_backups.history import History, parse_stamp
from kaizen_backups.history_records import Attempt
from kaizen_backups.node import Node
from kaizen_backups.peers import Report, read_peers
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import own_name, shares
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore


class State(StrEnum):
    """A node's state, worst first."""

    NEVER = "never"
    """No snapshot of it is stored."""
    FAILING = "failing"
    """The last attempt to collect it failed."""
    STALE = "stale"
    """Its newest snapshot is older than yesterday's, or the collector that has it can't be relied on."""
    LATE = "late"
    """Today's is missing, yesterday's is there."""
    FRESH = "fresh"


SAFE = (State.FRESH, State.LATE)

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
# What a collector tells is heard of after its next run of Puppet.
_HEARD = timedelta(hours=1)
# Without a deadline, how much later than the day before a collection may begin and be heard of.
_LATER = timedelta(hours=2)


@dataclass(frozen=True)
class NodeStatus:
    """One node: its newest whole snapshot (received when, UTC; files; bytes), how many are kept, what is wrong."""

    node: str
    role: str
    state: State
    snapshot: str | None
    received: str | None
    files: int | None
    bytes: int | None
    kept: int
    problem: str | None
    new_files: int | None = None
    """How many of the files are new in that snapshot."""
    new_bytes: int | None = None
    bytes_before: int | None = None
    """The size a week earlier, or at the node's first snapshot where that is younger."""
    warnings: list[str] = field(default_factory=list)
    """What the agent warned of when it made that snapshot."""
    unusual: list[str] = field(default_factory=list)
    """What is unlike the nights before."""
    proven: str | None = None
    """When a drill last brought its newest snapshot of that time back and found all of it good (UTC)."""
    unchecked: list[str] = field(default_factory=list)
    """The dumps that this drill could not look into, since they are encrypted."""
    drill_failed: str | None = None
    """When its last drill was, where that failed."""
    rotten: list[str] = field(default_factory=list)
    """Its stored snapshots that have a rotten file, oldest first."""
    collector: str | None = None
    """Which of the other collectors has it; None: this one."""
    unheard: bool = False
    """Whether that collector can't be relied on to say so itself when the node is not safe."""
    offsite: str | None = None
    """When the newest snapshot of which every repository has a copy came (UTC); None also where there is none."""

    @property
    def growth(self) -> float | None:
        """How much larger it is than a week earlier, as a share; None where that is not known."""
        if self.bytes is None or not self.bytes_before:
            return None
        return self.bytes / self.bytes_before - 1

    def age(self, now: datetime) -> timedelta | None:
        """Return how long ago the newest whole snapshot came."""
        return now - parse_stamp(self.received) if self.received else None

    def as_json(self) -> dict[str, Any]:
        """Return the status as `kaizen status --json` prints it."""
        return asdict(self)


def fleet_status(nodes: Iterable[Node], settings: Settings, history: History, now: datetime) -> list[NodeStatus]:
    """Return every node's status, worst first, then by name; of those in another collector's share what that tells.

    `now` has the collector's time zone. Raises ConfigError when this collector is none of `collectors`.
    """
    by_collector = shares(nodes, settings)
    own = by_collector.pop(own_name(settings))
    fleet = _Fleet(settings, history, history.last_attempts(), history.all_rotten(), now.date())
    found = [_node_status(node, fleet) for node in own]
    found = _with_copies(_with_drills(found, history), settings, history)
    peers = read_peers(settings) if any(by_collector.values()) else {}
    for collector, share in by_collector.items():
        found += _peers_statuses(collector, share, peers.get(collector), settings, now)
    order = list(State)
    return sorted(found, key=lambda status: (order.index(status.state), status.node))


def _with_drills(found: Iterable[NodeStatus], history: History) -> list[NodeStatus]:
    last, good = history.last_drills(), history.last_drills(good=True)
    return [
        replace(
            status,
            proven=good[status.node].at if status.node in good else None,
            unchecked=good[status.node].unchecked if status.node in good else [],
            drill_failed=last[status.node].at if status.node in last and last[status.node].problems else None,
        )
        for status in found
    ]


def _with_copies(found: Iterable[NodeStatus], settings: Settings, history: History) -> list[NodeStatus]:
    """Add how old the newest copy is: of several repositories the one that is worst off counts."""
    newest = [history.newest_copies(name) for name in settings.offsite]
    named = [(status, [copies.get(status.node, "") for copies in newest]) for status in found]
    return [replace(status, offsite=min(received, default="") or None) for status, received in named]


@dataclass(frozen=True)
class _Fleet:
    """What is asked once for all nodes."""

    settings: Settings
    history: History
    attempts: dict[str, Attempt]
    rotten: set[tuple[str, str]]
    today: date


def _node_status(node: Node, fleet: _Fleet) -> NodeStatus:
    try:
        stored = NodeStore(fleet.settings.store, node.name).snapshots()
    except OSError as error:
        return NodeStatus(node.name, node.role, State.FAILING, None, None, None, None, 0, f"in the store: {error}")
    newest = stored[-1] if stored else None
    state, problem = _state(newest, fleet.attempts.get(node.name), fleet.today)
    rotten = [snapshot for snapshot in stored if (node.name, str(snapshot)) in fleet.rotten]
    if newest in rotten and state in SAFE:
        state, problem = State.FAILING, f"{newest} has a rotten file; 'kaizen verify' names it"
    whole = next((snapshot for snapshot in reversed(stored) if snapshot not in rotten), newest)
    night = fleet.history.night(node.name, whole) if whole else None
    before = fleet.history.bytes_before(node.name, Snapshot(whole.date - _WEEK)) if whole else None
    return NodeStatus(
        node=node.name,
        role=node.role,
        state=state,
        snapshot=str(whole) if whole else None,
        received=night.received if night else None,
        files=night.files if night else None,
        bytes=night.bytes if night else None,
        kept=len(stored),
        problem=problem,
        new_files=night.new_files if night else None,
        new_bytes=night.new_bytes if night else None,
        bytes_before=before,
        warnings=night.warnings if night else [],
        unusual=night.unusual if night else [],
        rotten=[str(snapshot) for snapshot in rotten],
    )


def _peers_statuses(
    collector: str, share: Collection[Node], report: Report | None, settings: Settings, now: datetime
) -> list[NodeStatus]:
    """Return the statuses of the nodes that another collector has: by what it tells, where that can be relied on."""
    names = [node.name for node in share]
    unknown = report.unaccounted(names) if report else set(names)
    found = []
    for node in share:
        newest = report.newest_of(node.name) if report and node.name not in unknown else None
        if newest and newest.date > now.date() + _DAY:
            newest = None  # it would be fresh for ever
        state, problem = _state(newest, None, now.date())
        unheard = not report or node.name in unknown or not began_in_time(report.began, now, settings.deadline)
        if not report:
            problem = "nothing is heard of that collector"
        elif node.name in unknown:
            state, problem = State.STALE, report.why_unaccounted(names, settings.collectors)
        elif newest and unheard:
            since = f"since {report.began:%Y-%m-%d %H:%M} UTC" if report.began else "that is known of"
            state, problem = State.STALE, f"no collection has begun there {since}"
        if problem:
            problem = f"{collector}, which collects it: {problem}"
        snapshot = str(newest) if newest else None
        status = NodeStatus(node.name, node.role, state, snapshot, None, None, None, 0, problem)
        found.append(replace(status, collector=collector, unheard=unheard))
    return found


def began_in_time(began: datetime | None, now: datetime, deadline: time | None) -> bool:
    """Say whether a collector whose last collection began then has not missed the last one that was due.

    One is due in the day before each deadline, and, where there is none, once in a day. A time in the future is none.
    """
    if began is None or began > now + _DAY:
        return False
    heard = now - _HEARD
    if deadline:
        last = datetime.combine(heard.date(), deadline, heard.tzinfo)
        return began >= (last if last <= heard else last - _DAY) - _DAY
    return began >= now - _LATER - _DAY


def _state(newest: Snapshot | None, attempt: Attempt | None, today: date) -> tuple[State, str | None]:
    problem = attempt.problem if attempt else None
    if newest is None:
        return State.NEVER, problem or "never collected"
    if problem:
        return State.FAILING, problem
    if newest.date >= today:
        return State.FRESH, None
    if newest.date == today - timedelta(days=1):
        return State.LATE, "today's snapshot is not here yet"
    return State.STALE, f"nothing newer than {newest}"
