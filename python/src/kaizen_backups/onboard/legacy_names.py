"""Of which day an old backup is, by its name: dates as people and `date` write them."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from kaizen_backups.errors import printable

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
# A time that goes on with more digits is another date.
_TIME = (
    rf"(?:(?:[-_.T@ ]?{_HOUR}{_SIXTY}(?:{_SIXTY})?|[-_.T@ ]{_HOUR}[-_.:h]{_SIXTY}(?:[-_.:m]{_SIXTY})?s?)"
    r"Z?(?![-_.]?\d))?(?!\d)"
)
_MONTH = r"(?P<word>[A-Za-z]{3})[a-z]{0,6}"
_SHAPES = [
    re.compile(rf"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<s>[-_./]?)(?P<m>\d\d)(?P=s)(?P<d>\d\d){_TIME}", re.ASCII),
    re.compile(rf"(?<!\d)(?P<d>\d\d?)(?P<s>[-_. ]?){_MONTH}(?P=s)(?P<y>(?:19|20)\d\d){_TIME}", re.ASCII),
    re.compile(rf"(?<![A-Za-z]){_MONTH}(?P<s>[-_. ])(?P<d>\d\d?)(?P=s)(?P<y>(?:19|20)\d\d){_TIME}", re.ASCII),
]
_EITHER = re.compile(r"(?<!\d)\d\d?([-_.])\d\d?\1(?:19|20)\d\d(?!\d)", re.ASCII)
_BETWEEN = "-_.@ "


class UndatedError(Exception):
    """A name does not say of which day it is; the message says why."""


@dataclass(frozen=True)
class Dated:
    """The day that a file is of, and its name without that day: the same every night."""

    day: date
    name: str


def dated(path: PurePosixPath) -> Dated:
    """Return the day of a file, named from the top of the old backups: the file's own, or its directories'.

    Raises UndatedError.
    """
    parts = path.parts
    for number in reversed(range(len(parts))):
        if found := _in_name(parts[number]):
            day, rest = found
            return Dated(day, "/".join([*parts[:number], *([rest] if rest else []), *parts[number + 1 :]]))
    # 2026/09/01/...: a directory for each.
    above = "/".join(parts[:-1])
    match = _SHAPES[0].search(above)
    whole = _day(match) if match else None
    if not match or not whole:
        raise UndatedError("its name has no date")
    rest = f"{above[: match.start()]}/{above[match.end() :]}/{parts[-1]}"
    return Dated(whole, "/".join(part for part in rest.split("/") if part))


def _in_name(name: str) -> tuple[date, str] | None:
    """Return the one day that a name has, and the rest of it; None where it has none. Raises UndatedError."""
    matches = [(match, day) for shape in _SHAPES for match in shape.finditer(name) if (day := _day(match))]
    days = {day for _, day in matches}
    if len(days) > 1:
        raise UndatedError(f"it has several dates: {' and '.join(str(day) for day in sorted(days))}")
    if days:
        match, day = matches[0]
        before, after = name[: match.start()].rstrip(_BETWEEN), name[match.end() :]
        return day, before + after if before else after.lstrip(_BETWEEN)
    if either := _EITHER.search(name):
        raise UndatedError(f"{printable(either[0])} can be read in two ways: call it YYYY-MM-DD")
    return None


def _day(match: re.Match[str]) -> date | None:
    groups = match.groupdict()
    try:
        month = _MONTHS.index(groups["word"].lower()) + 1 if groups.get("word") else int(groups["m"])
        return date(int(groups["y"]), month, int(groups["d"]))
    except ValueError:  # no month, or no day of it
        return None
