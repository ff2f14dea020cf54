"""Names of snapshots, and which of them are kept."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from kaizen_backups.settings import Keep

SUMS = "SHA256SUMS"
INFO = "backup.info"
PARTIAL = ".partial-"
EXPIRED = ".expired-"

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.([2-9]|[1-9]\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, order=True)
class Snapshot:
    """A snapshot's name: the node's local date, and which one of that date (.2, .3, ... from `run --again`)."""

    date: date
    number: int = 1

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the snapshot of that name; None when it is no snapshot's."""
        match = _NAME.fullmatch(name)
        try:
            return cls(date.fromisoformat(match[1]), int(match[2] or 1)) if match else None
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.date}" if self.number == 1 else f"{self.date}.{self.number}"


def kept(snapshots: Iterable[Snapshot], today: date, keep: Keep) -> set[Snapshot]:
    """Return those that stay: by the date in the name, the newest of each week and month, and the newest of all.

    A future date counts as a day that is kept. ISO weeks begin on Monday.
    """
    by_age = sorted(snapshots, reverse=True)
    stay = set(by_age[:1])
    stay |= {s for s in by_age if s.date > today - timedelta(days=keep.days)}
    this_month = today.year * 12 + today.month
    weeks: set[int] = set()
    months: set[int] = set()
    for snapshot in by_age:
        week = _monday(today).toordinal() // 7 - _monday(snapshot.date).toordinal() // 7
        if week < keep.weeks and week not in weeks:
            weeks.add(week)
            stay.add(snapshot)
        month = this_month - (snapshot.date.year * 12 + snapshot.date.month)
        if month < keep.months and month not in months:
            months.add(month)
            stay.add(snapshot)
    return stay


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
