"""The state of every known node: is it safe, and if not, why."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from kaizen_backups.history import Attempt, History
from kaizen_backups.node import Node
from kaizen_backups.peers import Report, read_peers
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import collector_of, own_share
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore


class State(StrEnum):
    """A node's state, worst first."""

    NEVER = "never"
    """No snapshot of it is stored."""
    FAILING = "failing"
    """The last attempt to collect it failed."""
    STALE = "stale"
    """Its newest snapshot is older than yesterday's."""
    LATE = "late"
    """Today's is missing, yesterday's is there."""
    FRESH = "fresh"


SAFE = (State.FRESH, State.LATE)


@dataclass(frozen=True)
class NodeStatus:
    """One node: its newest stored snapshot (received when, UTC; files; bytes), how many are kept, what is wrong."""

    node: str
    role: str
    state: State
    snapshot: str | None
    received: str | None
    files: int | None
    bytes: int | None
    kept: int
    problem: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the status as `kaizen status --json` prints it."""
        return asdict(self)


def fleet_status(nodes: Iterable[Node], settings: Settings, history: History, today: date) -> list[NodeStatus]:
    """Return every node's status, worst first, then by name; of those in another collector's share what that tells."""
    attempts = history.last_attempts()
    nodes = list(nodes)
    own = {node.name for node in own_share(nodes, settings)}
    peers = read_peers(settings) if len(own) < len(nodes) else {}
    found = [
        _node_status(node, settings, history, attempts.get(node.name), today)
        if node.name in own
        else _peers_status(node, settings, peers, today)
        for node in nodes
    ]
    order = list(State)
    return sorted(found, key=lambda status: (order.index(status.state), status.node))


def _node_status(node: Node, settings: Settings, history: History, attempt: Attempt | None, today: date) -> NodeStatus:
    stored = NodeStore(settings.store, node.name).snapshots()
    newest = stored[-1] if stored else None
    state, problem = _state(newest, attempt, today)
    known = history.snapshot(node.name, newest) if newest else None
    if known and known.rotten and state in SAFE:
        state, problem = State.FAILING, f"{newest} has a rotten file; 'kaizen verify' names it"
    return NodeStatus(
        node=node.name,
        role=node.role,
        state=state,
        snapshot=str(newest) if newest else None,
        received=known.received if known else None,
        files=known.files if known else None,
        bytes=known.bytes if known else None,
        kept=len(stored),
        problem=problem,
    )


def _peers_status(node: Node, settings: Settings, peers: Mapping[str, Report], today: date) -> NodeStatus:
    """Return the status of a node that another collector has: by the newest snapshot that it tells of."""
    collector = collector_of(node.name, settings.collectors)
    report = peers.get(collector)
    newest = report.newest_of(node.name) if report else None
    if newest and newest.date > today + timedelta(days=1):
        newest = None  # it would be fresh for ever
    state, problem = _state(newest, None, today)
    if problem:
        problem = f"{collector}, which collects it: {problem if report else 'nothing is heard of that collector'}"
    return NodeStatus(node.name, node.role, state, str(newest) if newest else None, None, None, None, 0, problem)


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
