"""The clock of one node, moved by libfaketime in the environment of the commands that are run
there.

It is an offset, so it ticks on. What it reaches: whatever asks the C library for the time, in the
command and in all children that keep its environment. What it does not reach: the time stamps that
the kernel gives to files (those stay real, and `stat` shows them as they are), static programs, and
children that sudo, ssh, cron or bwrap start with a fresh environment.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from lab.result import LabError

When = datetime | str
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def parse(when: When) -> datetime:
    """A moment as a datetime; one without a zone is meant in the node's own."""
    if isinstance(when, datetime):
        return when
    for form in _FORMATS:
        try:
            return datetime.strptime(when, form)  # noqa: DTZ007 (the zone is the node's)
        except ValueError:
            continue
    raise LabError(f"{when!r} is not a time: write 'YYYY-MM-DD HH:MM:SS'")


def offset(when: When, zone: tzinfo) -> float:
    """How far the moment lies ahead of the machine's clock, in seconds."""
    moment = parse(when)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.timestamp() - time.time()


def moment(ahead: float, zone: tzinfo) -> datetime:
    """What a clock that is `ahead` shows now."""
    return datetime.fromtimestamp(time.time() + ahead, zone)


def zone_of(localtime: Path) -> tzinfo:
    """The zone that an /etc/localtime stands for."""
    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file)
    except FileNotFoundError:
        return UTC


def environment(ahead: float) -> dict[str, str]:
    """What makes a program see the moved clock."""
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{ahead:+.6f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def prefix(ahead: float) -> list[str]:
    """What stands before a command that is to see the moved clock.

    The second env is the first program that loads libfaketime. It must not be bash: the library
    puts a variable of its own into the environment of the first, and a bash in which that happens
    so early loses sight of FAKETIME; then its own $EPOCHSECONDS and printf '%(...)T' show the real
    time while its children show the moved one.
    """
    settings = [f"{name}={value}" for name, value in environment(ahead).items()]
    return ["env", *settings, "env"]


def library() -> Path:
    """libfaketime, the build that also threads can use."""
    for found in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"):
        return found
    raise LabError("libfaketime is missing: apt-get install faketime")
