"""The site's two pictures: a node's size over time, and the store's room."""

from collections.abc import Iterable
from datetime import date

from markupsafe import Markup

from kaizen_backups.days import Day
from kaizen_backups.history import parse_stamp
from kaizen_backups.report.data import Store
from kaizen_backups.report.forecast import Measure
from kaizen_backups.report.picture import Curve, picture
from kaizen_backups.units import size


def size_picture(days: Iterable[Day]) -> Markup:
    """Return how large a node's snapshots were on its days; nothing where there were fewer than two."""
    points = [(day.date, day.nights[-1].bytes) for day in days if day.nights]
    if len(points) < 2:
        return Markup()
    (first, before), (last, now) = points[0], points[-1]
    least, most = (f(count for _, count in points) for f in (min, max))
    return picture(
        [Curve("size", points, filled=True)],
        title="Size of its snapshots",
        description=f"{size(before)} on {first}, {size(now)} on {last}; at least {size(least)}, at most {size(most)}.",
    )


def room_picture(store: Store) -> Markup:
    """Return how much of the store's room was in use; nothing where that is known of fewer than two days."""
    measures = _by_day(store.room)
    if len(measures) < 2:
        return Markup()
    used = [(day, total - free) for day, free, total in measures]
    (first, before), (last, now) = used[0], used[-1]
    return picture(
        [Curve("used", used, filled=True), Curve("total", [(day, total) for day, _, total in measures])],
        title="The store's room",
        description=f"In use: {size(before)} on {first}, {size(now)} on {last}, of {size(measures[-1][2])} then.",
    )


def _by_day(room: Iterable[Measure]) -> list[tuple[date, int, int]]:
    """Return the last measure of each day."""
    by_day = {at[:10]: (parse_stamp(at).date(), free, total) for at, free, total in room}
    return list(by_day.values())
