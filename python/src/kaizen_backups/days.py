"""What became of a node on each date: its nights side by side with the attempts at it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from enum import StrEnum

from kaizen_backups.history import parse_stamp
from kaizen_backups.history_records import Attempt, PastNight
from kaizen_backups.snapshots import Snapshot


class DayState(StrEnum):
    """What became of a node on a date, best first."""

    GOOD = "good"
    """Its snapshot came."""
    ODD = "odd"
    """Its snapshot came, with warnings or unlike those before."""
    LATER = "later"
    """Its snapshot came on a later date."""
    MISSING = "missing"
    """There is no snapshot of that date, and no attempt that failed."""
    FAILED = "failed"
    """There is no snapshot of that date, and an attempt failed."""
    ROTTEN = "rotten"
    """Its snapshot is stored, and something in it is rotten."""


@dataclass(frozen=True)
class Day:
    """A date: the snapshots of that date, and what the attempts of that date said went wrong, oldest first."""

    date: date
    state: DayState
    nights: list[PastNight] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def days(
    nights: Iterable[PastNight],
    attempts: Iterable[Attempt],
    rotten: Collection[Snapshot],
    *,
    today: date,
    zone: tzinfo | None,
    last: int | None = None,
) -> list[Day]:
    """Return a node's days, oldest first: from the first that anything is known of until today, or the `last` of them.

    Times become dates in `zone`, the collector's. Today is left out as long as nothing has come of it.
    """
    by_date = _by_date(nights)
    problems = _problems(attempts, zone)
    known = sorted({*by_date, *problems})
    if not known:
        return []
    end = max(known[-1], today if today in by_date or today in problems else today - timedelta(days=1))
    begin = max(known[0], end - timedelta(days=last - 1)) if last else known[0]
    dates = (begin + timedelta(days=number) for number in range((end - begin).days + 1))
    return [_day(one, by_date.get(one, []), problems.get(one, []), rotten, zone) for one in dates]


def _by_date(nights: Iterable[PastNight]) -> Mapping[date, list[PastNight]]:
    found: dict[Snapshot, PastNight] = {}
    for night in nights:
        if snapshot := Snapshot.parse(night.snapshot):
            found[snapshot] = night
    by_date: dict[date, list[PastNight]] = {}
    for snapshot in sorted(found):
        by_date.setdefault(snapshot.date, []).append(found[snapshot])
    return by_date


def _problems(attempts: Iterable[Attempt], zone: tzinfo | None) -> Mapping[date, list[str]]:
    found: dict[date, list[str]] = {}
    for attempt in sorted(attempts, key=lambda attempt: attempt.at):
        if attempt.problem:
            said = found.setdefault(_date(attempt.at, zone), [])
            if attempt.problem not in said:
                said.append(attempt.problem)
    return found


def _day(
    one: date, nights: list[PastNight], problems: list[str], rotten: Collection[Snapshot], zone: tzinfo | None
) -> Day:
    if not nights:
        return Day(one, DayState.FAILED if problems else DayState.MISSING, nights, problems)
    if any(Snapshot.parse(night.snapshot) in rotten for night in nights):
        state = DayState.ROTTEN
    elif all(_date(night.received, zone) > one for night in nights):
        state = DayState.LATER
    elif any(night.warnings or night.unusual for night in nights):
        state = DayState.ODD
    else:
        state = DayState.GOOD
    return Day(one, state, nights, problems)


def _date(moment: str, zone: tzinfo | None) -> date:
    """Return the date of a moment that the history has (UTC)."""
    return parse_stamp(moment).astimezone(zone).date()
