"""Pictures of sizes over time, as SVG: their colours are the page's, their words are text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from kaizen_backups.units import size

_WIDTH, _HEIGHT = 400, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 8, 8, 22
_LINES = 4


@dataclass(frozen=True)
class Curve:
    """What is drawn: a value of each date, oldest first; the space under the curve is filled where `filled`."""

    name: str
    """A class of the style sheet, which gives it its colour."""
    points: Sequence[tuple[date, int]]
    filled: bool = False


def picture(curves: Sequence[Curve], *, title: str, description: str) -> Markup:
    """Return the curves over a common time and from zero on; nothing where they have fewer than two dates."""
    dates = sorted({day for curve in curves for day, _ in curve.points})
    if len(dates) < 2:
        return Markup()
    most = max(value for curve in curves for _, value in curve.points)
    step = _step(most)
    top = -(-max(most, 1) // step) * step
    frame = _Frame(dates[0], dates[-1], top)
    parts = [_grid(frame, step), *(_curve(frame, curve) for curve in curves), _dates(frame)]
    return Markup(
        '<svg class="picture" viewBox="0 0 {width} {height}" role="img" aria-labelledby="pt pd">'
        '<title id="pt">{title}</title><desc id="pd">{description}</desc>{parts}</svg>'
    ).format(width=_WIDTH, height=_HEIGHT, title=title, description=description, parts=Markup("").join(parts))


@dataclass(frozen=True)
class _Frame:
    """Where a date and a value are in the picture."""

    first: date
    last: date
    top: int

    def x(self, day: date) -> float:
        share = (day - self.first).days / (self.last - self.first).days
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: int) -> float:
        return round(_TOP + (1 - value / self.top) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _step(most: int) -> int:
    """Return the distance of the lines: 1, 2 or 5 times a ten, in the unit in which sizes are shown."""
    unit = 1
    while unit * 1024 <= most and unit < 1 << 40:
        unit *= 1024
    wanted = max(most, 1) / _LINES
    for ten in (0.1, 1, 10, 100, 1000):
        for factor in (1, 2, 5):
            if (step := int(unit * ten * factor)) >= wanted:
                return max(step, 1)
    return int(wanted) + 1


def _grid(frame: _Frame, step: int) -> Markup:
    line = Markup(
        '<path class="grid" d="M{left} {y:g}H{right}"/><text x="{end}" y="{base:g}" class="end">{words}</text>'
    )
    lines = (
        line.format(
            left=_LEFT,
            right=_WIDTH - _RIGHT,
            end=_LEFT - 6,
            y=frame.y(value),
            base=frame.y(value) + 3.5,
            words=size(value) if value else "0",
        )
        for value in range(0, frame.top + 1, step)
    )
    return Markup("").join(lines)


def _curve(frame: _Frame, curve: Curve) -> Markup:
    if not curve.points:
        return Markup()
    path = "L".join(f"{frame.x(day):g} {frame.y(value):g}" for day, value in curve.points)
    drawn = Markup('<path class="{kind} {name}" d="M{path}"/>')
    line = drawn.format(kind="line", name=curve.name, path=path)
    if not curve.filled:
        return line
    ground = f"V{frame.y(0):g}H{frame.x(curve.points[0][0]):g}Z"
    return drawn.format(kind="area", name=curve.name, path=path + ground) + line


def _dates(frame: _Frame) -> Markup:
    words = Markup('<text x="{left}" y="{y}">{first}</text><text x="{right}" y="{y}" class="end">{last}</text>')
    return words.format(left=_LEFT, right=_WIDTH - _RIGHT, y=_HEIGHT - 6, first=frame.first, last=frame.last)
