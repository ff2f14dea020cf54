"""One node in depth: its status, every day that is on record, and what its last attempts said."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kaizen_backups.days import Day, days
from kaizen_backups.history import History
from kaizen_backups.history_records import Attempt
from kaizen_backups.node import Node
from kaizen_backups.settings import Settings
from kaizen_backups.status import NodeStatus, fleet_status
from kaizen_backups.store import NodeStore

_ATTEMPTS = 2000


@dataclass(frozen=True)
class Detail:
    """One node. `days` are the oldest first, `attempts` the newest; `stored` names the snapshots that are there."""

    status: NodeStatus
    address: str
    origin: str
    days: list[Day]
    attempts: list[Attempt]
    stored: list[str]
    verified: str | None
    """When all that is stored of it was last read (UTC)."""
    drill_problems: list[str]
    """What its last drill found wrong."""

    def as_json(self, last: int = 20) -> dict[str, Any]:
        """Return what `kaizen status NODE --json` prints: all days, and the `last` attempts."""
        return {
            **self.status.as_json(),
            "address": self.address,
            "origin": self.origin,
            "verified": self.verified,
            "drill_problems": self.drill_problems,
            "stored": self.stored,
            "days": [{**asdict(day), "date": str(day.date)} for day in self.days],
            "attempts": [asdict(attempt) for attempt in self.attempts[:last]],
        }


def node_detail(node: Node, fleet: Sequence[Node], settings: Settings, history: History, now: datetime) -> Detail:
    """Return a node of the fleet in depth; `now` has the collector's time zone. Raises what `fleet_status` does."""
    # Whether another collector can be relied on for it shows only with all of that one's share.
    status = next(one for one in fleet_status(fleet, settings, history, now) if one.node == node.name)
    return detail_of(node, status, settings, history, now)


def detail_of(node: Node, status: NodeStatus, settings: Settings, history: History, now: datetime) -> Detail:
    """Return a node in depth whose status is known."""
    attempts = history.attempts(node.name, _ATTEMPTS)
    try:
        stored = [str(snapshot) for snapshot in NodeStore(settings.store, node.name).snapshots()]
    except OSError:
        stored = []  # the status says it
    last_drill = history.drills(node.name, 1)
    return Detail(
        status=status,
        address=node.address,
        origin=node.origin,
        days=days(history.nights(node.name), attempts, history.rotten(node.name), today=now.date(), zone=now.tzinfo),
        attempts=attempts,
        stored=stored,
        verified=history.node_verified(node.name),
        drill_problems=last_drill[0].problems if last_drill else [],
    )
