"""When the store's room will be used up, by how it went in the last days."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from kaizen_backups.history import parse_stamp

_DAYS = 30
_ENOUGH = 5  # days with a difference to the day before; fewer say nothing
_PRUNED = 8  # times the usual difference
_FAR = 3650  # days; what is that far off is no forecast

Measure = tuple[str, int, int]
"""When (UTC), how many bytes were free, how many there were in all: what `History.room` returns."""


def full_at(room: Iterable[Measure], floor: int = 0) -> datetime | None:
    """Return when no more than `floor` bytes are free; None when it can't be told, or is years away.

    The last measure of each of the last 30 days counts. How much goes in a day is the mean of the differences: a few
    large losses count as much as many small ones. A gain far beyond what a day usually changes is left out: that was a
    prune. So is a day on which the file system itself grew or shrank.
    """
    last_of_day = {at[:10]: (parse_stamp(at), free, total) for at, free, total in sorted(room)}
    measures = list(last_of_day.values())
    if not measures:
        return None
    now, free, _ = measures[-1]
    if free <= floor:
        return now
    recent = [one for one in measures if now - one[0] <= timedelta(days=_DAYS)]
    rate = _loss_in_a_day(recent)
    if rate is None or rate <= 0:
        return None
    days = max(0, free - floor) / rate
    return now + timedelta(days=days) if days <= _FAR else None


def _loss_in_a_day(measures: list[tuple[datetime, int, int]]) -> float | None:
    steps = [((b[0] - a[0]) / timedelta(days=1), a[1] - b[1]) for a, b in pairwise(measures) if a[2] == b[2]]
    if len(steps) < _ENOUGH:
        return None
    usual = median([abs(loss) for _, loss in steps if loss] or [0])
    steps = [(days, loss) for days, loss in steps if loss >= -_PRUNED * usual]
    return sum(loss for _, loss in steps) / sum(days for days, _ in steps)
