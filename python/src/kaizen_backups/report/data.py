"""All that the status page shows, gathered once from the store, the history and PuppetDB."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from kaizen_backups.days import Day
from kaizen_backups.errors import KaizenError
from kaizen_backups.history import History, parse_stamp
from kaizen_backups.history_records import Drill, Run
from kaizen_backups.node import Node
from kaizen_backups.peers import read_peers
from kaizen_backups.report.advice import Advice, next_step
from kaizen_backups.report.forecast import Measure, full_at
from kaizen_backups.room import all_bytes, free_bytes
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import own_name, shares
from kaizen_backups.signals.verdict import Trouble, collectors_troubles
from kaizen_backups.status import SAFE, NodeStatus, State, fleet_status
from kaizen_backups.status_detail import Detail, detail_of

if TYPE_CHECKING:
    from kaizen_backups.coverage import Coverage

_RUNS = 10
_DRILLS = 10
_NIGHTS = 60
# The page is made at the end of a collection: PuppetDB may not hold it up for long.
_SECONDS = 20


@dataclass(frozen=True)
class Share:
    """One of several collectors: how many nodes it has, and how many of them are safe."""

    collector: str
    own: bool
    nodes: int
    safe: int
    began: datetime | None
    """When its last collection began, as far as it told."""


@dataclass(frozen=True)
class Store:
    """The store of this collector: its room now and over time, in bytes, and when none will be left."""

    path: str
    free: int
    total: int
    room: list[Measure]
    full: datetime | None


@dataclass(frozen=True)
class Fleet:
    """What is said of all nodes together; `statuses` are the worst first."""

    made: datetime
    release: str
    collector: str
    statuses: list[NodeStatus]
    troubles: list[Trouble]
    """What the collector itself suffers from."""
    steps: dict[str, Advice]
    """What to do next, by node, where something is to be done."""
    store: Store
    runs: list[Run]
    shares: list[Share]
    """Of all collectors, where there are several."""
    unprotected: "Coverage | str | None"
    """Who is not backed up; why that can't be told; None where there is no PuppetDB to ask."""
    offsite: bool
    """Whether there are repositories elsewhere."""
    dates: list[date]
    """The nights that the map shows, oldest first."""

    @property
    def counts(self) -> list[tuple[State, int]]:
        """How many nodes are in each state, worst first; states that none is in are left out."""
        counts = Counter(status.state for status in self.statuses)
        return [(state, counts[state]) for state in State if counts[state]]

    @property
    def unsafe(self) -> list[NodeStatus]:
        """The nodes that are not safe."""
        return [status for status in self.statuses if status.state not in SAFE]

    @property
    def odd(self) -> list[NodeStatus]:
        """The nodes that are safe and want a look: not as they were before, with warnings, or not restorable."""
        return [one for one in self.statuses if one.state in SAFE and one.node in self.steps]


@dataclass(frozen=True)
class NodePage:
    """One node in depth; `collector` is the other one that has it, if it is not this one's."""

    detail: Detail
    drills: list[Drill]
    collector: str | None
    step: Advice | None

    def day(self, wanted: date) -> Day | None:
        """Return what became of it on a date; None where nothing is known of that."""
        days = self.detail.days
        place = (wanted - days[0].date).days if days else -1
        return days[place] if 0 <= place < len(days) else None


class Gathered:
    """The fleet, and its nodes one after the other: of a thousand not all need be held at once."""

    def __init__(self, nodes: Sequence[Node], settings: Settings, history: History, now: datetime) -> None:
        """Gather what is said of all nodes; `now` has the collector's time zone. Raises what `fleet_status` does."""
        self._settings, self._history, self._now = settings, history, now
        self._nodes = {node.name: node for node in nodes}
        own, by_collector = own_name(settings), shares(nodes, settings)
        statuses = fleet_status(nodes, settings, history, now)
        steps = {one.node: next_step(one) for one in statuses}
        room = history.room()
        self._status = {status.node: status for status in statuses}
        safe = {status.node for status in statuses if status.state in SAFE}
        self.fleet = Fleet(
            made=now,
            release=version("kaizen-backups"),
            collector=own,
            statuses=statuses,
            troubles=collectors_troubles(settings, statuses, now),
            steps={name: step for name, step in steps.items() if step},
            store=_store(settings, room),
            runs=history.runs(_RUNS),
            shares=_shares(by_collector, safe, settings, history) if settings.collectors else [],
            offsite=bool(settings.offsite),
            unprotected=_unprotected(settings, now.date()),
            dates=[now.date() - timedelta(days=ago) for ago in reversed(range(_NIGHTS))],
        )

    def pages(self) -> Iterator[NodePage]:
        """Yield every node in depth, by name."""
        for name, node in sorted(self._nodes.items()):
            detail = detail_of(node, self._status[name], self._settings, self._history, self._now)
            step = self.fleet.steps.get(name)
            yield NodePage(detail, self._history.drills(name, _DRILLS), self._status[name].collector, step)


def _shares(
    by_collector: Mapping[str, Collection[Node]], safe: Collection[str], settings: Settings, history: History
) -> list[Share]:
    own, peers = own_name(settings), read_peers(settings)
    began = {name: peer.began for name, peer in peers.items()}
    if last := history.last_run():
        began[own] = parse_stamp(last)
    return [
        Share(name, name == own, len(share), sum(node.name in safe for node in share), began.get(name))
        for name, share in by_collector.items()
    ]


def _store(settings: Settings, room: list[Measure]) -> Store:
    free, total = free_bytes(settings.store), all_bytes(settings.store)
    return Store(str(settings.store), free, total, room, full_at(room, settings.floor))


def _unprotected(settings: Settings, today: date) -> "Coverage | str | None":
    puppetdb = settings.sources.puppetdb
    if not puppetdb:
        return None
    from kaizen_backups.coverage import coverage  # HTTP takes a while to load

    patient = puppetdb.model_copy(update={"timeout": min(puppetdb.timeout, _SECONDS)})
    sources = settings.sources.model_copy(update={"puppetdb": patient})
    try:
        return coverage(settings.model_copy(update={"sources": sources}), today)
    except KaizenError as error:
        return str(error)
