"""Sizes and windows of the day, as an administrator writes them."""

import re
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

_SIZE = re.compile(r"(\d{1,15})([kmgt]?)", re.ASCII | re.IGNORECASE)
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def parse_size(value: object) -> int:
    """Return the bytes that `20m` stands for: k, m, g, t are powers of 1024. Raises ValueError."""
    match = _SIZE.fullmatch(str(value))
    if not match or isinstance(value, bool):
        raise ValueError("must be a number of bytes, such as 512m or 2t")
    return int(match[1]) << 10 * " kmgt".index(match[2].lower() or " ")


def many(count: int, thing: str) -> str:
    """Return how many there are of a thing, in words: `1 snapshot`, `2 snapshots`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def show_size(count: int) -> str:
    """Return bytes as parse_size reads them, in the largest unit that is exact."""
    for power, unit in ((40, "t"), (30, "g"), (20, "m"), (10, "k")):
        if count and count % (1 << power) == 0:
            return f"{count >> power}{unit}"
    return str(count)


def size(count: int | None) -> str:
    """Return bytes as a person reads them, in powers of 1024."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def parse_clock(text: str) -> time:
    """Return the time of day that `06:00` stands for. Raises ValueError."""
    match = _CLOCK.fullmatch(text)
    if not match:
        raise ValueError("must be a time of day, such as 06:00")
    return time(int(match[1]), int(match[2]))


def _check_window(text: str) -> str:
    if not _WINDOW.fullmatch(text):
        raise ValueError("must be a part of the day, such as 07:00-19:00")
    return text


def in_window(window: str, now: time) -> bool:
    """Tell whether `now` is in the window; one that ends before it begins goes over midnight."""
    begin, end = (parse_clock(part) for part in window.split("-"))
    if begin < end:
        return begin <= now < end
    return now >= begin or now < end


Size = Annotated[int, BeforeValidator(parse_size), "size"]
Rate = Annotated[int, BeforeValidator(parse_size), Field(ge=1024), "size"]
Window = Annotated[str, AfterValidator(_check_window)]
