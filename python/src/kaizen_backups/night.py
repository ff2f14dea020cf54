"""What one run of the collector works with, what it tells while it works, and what became of each node."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from kaizen_backups.history import History
from kaizen_backups.pace import Pace
from kaizen_backups.reception import Brought
from kaizen_backups.room import Room
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot

if TYPE_CHECKING:
    from kaizen_backups.switches.receive import SwitchReceiver


@dataclass(frozen=True)
class Event:
    """Something that happened to a node: what, and the facts that belong to it.

    `kaizen collect --json` prints one a line, and before them "problem", with a problem of the whole run's and no node.

    asking | receiving snapshot | progress bytes | checking snapshot | stored snapshot files bytes new_bytes |
    waiting seconds problems | done, with the outcome's fields. Sizes in bytes.
    """

    kind: str
    node: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Night:
    """One run. `until` is when asking again ends; None for a single pass."""

    settings: Settings
    history: History
    room: Room
    pace: Pace
    tell: Callable[[Event], None]
    until: datetime | None = None
    dry_run: bool = False
    switches: "SwitchReceiver | None" = None
    """What fetches switches, where there are any in this run."""

    def today(self) -> date:
        """Return the collector's own date."""
        return datetime.now().astimezone().date()

    def wanted_date(self) -> date:
        """Return the date of the snapshot that every node should have when the run ends."""
        return self.until.date() if self.until else self.today()

    def seconds_left(self) -> float:
        """Return the seconds until the deadline; 0 or less when it has come, or there is none."""
        return (self.until - datetime.now().astimezone()).total_seconds() if self.until else 0.0


@dataclass
class Outcome:
    """How the collection of one node went; `problems` is empty when all is well. Sizes in bytes."""

    node: str
    received: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    new_bytes: int = 0
    seconds: float = 0.0
    """What its attempts took together, without the waiting between them."""
    late: bool = False
    """The deadline came before its snapshot of the day did."""
    problems: list[str] = field(default_factory=list)
    brought: Brought = field(default_factory=Brought)
    refused: dict[Snapshot, str] = field(default_factory=dict)
    """Snapshots that were received or looked at in this run and are not good, and why: they are not asked for again."""

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as `kaizen collect --json` prints it."""
        return {name: value for name, value in vars(self).items() if name not in ("refused", "brought")}
