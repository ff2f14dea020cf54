"""Names of snapshots, and which of them are kept."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from kaizen_backups.settings import Keep

SUMS = "SHA256SUMS"
INFO = "backup.info"
PARTIAL = ".partial-"
EXPIRED = ".expired-"
ENCRYPTED = ".age"
"""What the agent appends to a dump's name that is encrypted for the node's dump_recipients."""

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.([2-9]|[1-9]\d{1,3}))?", re.ASCII)


def is_encrypted_dump(name: bytes) -> bool:
    """Tell whether a file of a snapshot, named from its root, is a dump that only its recipients can read."""
    return name.startswith(b"dumps/") and name.endswith(ENCRYPTED.encode())


@dataclass(frozen=True, order=True)
class Snapshot:
    """A snapshot's name: the node's local date, and which one of that date (.2, .3, ... from `run --again`)."""

    date: date
    number: int = 1

    @classmethod
    def parse(cls, name: str) -> "Snapshot | None":
        """Return the snapshot of that name; None when it is no snapshot's."""
        return _parse(name)

    def __str__(self) -> str:
        return f"{self.date}" if self.number == 1 else f"{self.date}.{self.number}"


@lru_cache(2048)  # a thousand nodes have snapshots of the same few dates
def _parse(name: str) -> Snapshot | None:
    match = _NAME.fullmatch(name)
    try:
        return Snapshot(date.fromisoformat(match[1]), int(match[2] or 1)) if match else None
    except ValueError:
        return None


def kept(
    snapshots: Iterable[Snapshot], today: date, keep: Keep, rotten: Collection[Snapshot] = ()
) -> dict[Snapshot, str]:
    """Return those that stay, each with the reason: by the date in the name, the newest of each week and month.

    The newest of all stays, and the newest that is not `rotten`; a rotten one stands for its week or month only where
    that has no other. A future date counts as a day that is kept. ISO weeks begin on Monday.
    """
    by_age = sorted(snapshots, reverse=True)
    best = [s for s in by_age if s not in rotten] + [s for s in by_age if s in rotten]
    stay: dict[Snapshot, str] = {}
    for snapshot in by_age[:1]:
        stay[snapshot] = "the newest"
    for snapshot in best[:1]:
        stay.setdefault(snapshot, "the newest that is whole")
    for snapshot in by_age:
        if snapshot.date > today - timedelta(days=keep.days):
            stay.setdefault(snapshot, f"of the last {keep.days} days")
    monday = _monday(today)
    weeks = ((s, (monday - _monday(s.date)).days // 7) for s in best)
    for snapshot in _first_of_each(weeks, keep.weeks):
        stay.setdefault(snapshot, f"the newest of week {snapshot.date:%G-W%V}")
    months = ((s, (today.year - s.date.year) * 12 + today.month - s.date.month) for s in best)
    for snapshot in _first_of_each(months, keep.months):
        stay.setdefault(snapshot, f"the newest of month {snapshot.date:%Y-%m}")
    return stay


def _first_of_each(aged: Iterable[tuple[Snapshot, int]], periods: int) -> Iterator[Snapshot]:
    """Yield the first snapshot of each period that is not older than so many."""
    seen: set[int] = set()
    for snapshot, period in aged:
        if period < periods and period not in seen:
            seen.add(period)
            yield snapshot


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
