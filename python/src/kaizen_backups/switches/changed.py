"""Which switches' configurations a night has changed, and how, for the mail: their secrets are left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kaizen_backups.search.compare import unified_diff
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.status import NodeStatus
from kaizen_backups.store import NodeStore
from kaizen_backups.switches.redact import redact
from kaizen_backups.switches.stored import CONFIG, ROLE, read_config
from kaizen_backups.units import many

MOST_LINES = 60
"""Lines of one switch's diff that a mail has."""
_ONLY_SECRETS = "nothing but what may be a secret has changed, and is not shown"


@dataclass(frozen=True)
class ConfigChange:
    """A switch whose configuration has changed: since which snapshot, in which, and the redacted diff's lines."""

    node: str
    old: str
    new: str
    diff: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.node} {self.old} {self.new}"


def config_changes(store: Path, found: Iterable[NodeStatus], today: date) -> list[ConfigChange]:
    """Return what is new in today's configurations, by name.

    What the day began with is compared with how the last day began: so each change is told once, those between two
    nights, too.
    """
    changes = (_change(store, status.node, today) for status in found if status.role == ROLE)
    return sorted((change for change in changes if change), key=lambda change: change.node)


def _change(store: Path, name: str, today: date) -> ConfigChange | None:
    node = NodeStore(store, name)
    try:
        stored = node.snapshots()
    except OSError:
        return None  # its status says so
    pair = _two(stored, today)
    if not pair or _linked(node, *pair):
        return None
    old, new = (read_config(node, snapshot) for snapshot in pair)
    if old is None or new is None or old == new:
        return None
    return ConfigChange(name, str(pair[0]), str(pair[1]), _diff(name, old, new))


def _two(stored: list[Snapshot], today: date) -> tuple[Snapshot, Snapshot] | None:
    """Return the first snapshot of the last day before today, and that of today: another one of today is not told of
    before tomorrow, which begins with it.
    """
    earlier = [snapshot for snapshot in stored if snapshot.date < today]
    current = [snapshot for snapshot in stored if snapshot.date == today]
    if not earlier or not current:
        return None
    return min(snapshot for snapshot in earlier if snapshot.date == earlier[-1].date), current[0]


def _linked(node: NodeStore, old: Snapshot, new: Snapshot) -> bool:
    try:
        return (node.path(old) / CONFIG).samefile(node.path(new) / CONFIG)
    except OSError:
        return False


def _diff(name: str, old: str, new: str) -> tuple[str, ...]:
    # The names of the two are said beside it.
    both = [redact(text).encode() for text in (old, new)]
    lines = [line.decode() for line in unified_diff(["old", "new"], both)][2:]
    if not lines:
        return (_ONLY_SECRETS,)
    more = len(lines) - MOST_LINES
    rest = [f"and {many(more, 'more line')}: 'kaizen history {name} /{CONFIG} --diff'"] if more > 0 else []
    return (*lines[:MOST_LINES], *rest)
