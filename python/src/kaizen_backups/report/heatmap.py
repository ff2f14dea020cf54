"""The map of all nodes by all nights: what stands in each of its cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kaizen_backups.days import Day, DayState
from kaizen_backups.report.data import NodePage
from kaizen_backups.status import NodeStatus

_LONGEST = 240


@dataclass(frozen=True)
class Look:
    """How a state is shown: a class of the style sheet, a sign that can be read without colour, and its meaning."""

    css: str
    sign: str
    words: str


LOOKS = {
    DayState.GOOD: Look("g", "·", "its snapshot came"),
    DayState.ODD: Look("o", "O", "odd: it came with warnings, or unlike those before"),
    DayState.LATER: Look("l", "L", "late: it came on a later date"),
    DayState.MISSING: Look("m", "M", "missing: there is none, and no attempt failed"),
    DayState.FAILED: Look("f", "F", "failed: there is none, and an attempt failed"),
    DayState.ROTTEN: Look("r", "R", "rotten: something that is stored of it is not as it came"),
}


@dataclass(frozen=True)
class Cell:
    """One node on one date; nothing to add where all is good."""

    look: Look
    title: str | None


@dataclass(frozen=True)
class Row:
    """One node on all dates; None where nothing is known, and no cells at all where another collector has it."""

    status: NodeStatus
    collector: str | None
    cells: list[Cell | None]


def row(page: NodePage, dates: Sequence[date]) -> Row:
    """Return a node's row of the map."""
    if page.collector:
        return Row(page.detail.status, page.collector, [])
    return Row(page.detail.status, None, [_cell(page.day(wanted)) for wanted in dates])


def _cell(day: Day | None) -> Cell | None:
    if day is None:
        return None
    look = LOOKS[day.state]
    if day.state == DayState.GOOD:
        return Cell(look, None)
    said = [words for night in day.nights for words in [*night.unusual, *night.warnings]] + day.problems
    title = f"{day.date} {'; '.join([look.words.partition(':')[0], *said])}"
    return Cell(look, title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…")


def months(dates: Sequence[date]) -> list[tuple[str, int]]:
    """Return the months of the dates, and how many of the dates are in each: the map's first line."""
    found: list[tuple[str, int]] = []
    for day in dates:
        name = f"{day:%Y-%m}"
        if found and found[-1][0] == name:
            found[-1] = (name, found[-1][1] + 1)
        else:
            found.append((name, 1))
    return found
