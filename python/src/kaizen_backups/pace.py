"""How fast a run may receive: one rate, shared by all receptions, that may change with the time of day.

rsync's own --bwlimit would be one connection's, fixed at its start, and obeyed by the sender, who is not trusted.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from kaizen_backups.units import in_window

_BURST_SECONDS = 0.5
_DEBT_SECONDS = 5.0


def rate_at(windows: Mapping[str, int], now: datetime) -> int | None:
    """Return the rate, in bytes a second, of the first window that `now` is in; None where there is none."""
    return next((rate for window, rate in windows.items() if in_window(window, now.time())), None)


class Pace:
    """A bucket that fills with the rate: what is received is taken from it, and reception rests while it is empty."""

    def __init__(self, rate: Callable[[], int | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._filled = clock()
        self._credit = 0.0

    def spend(self, count: int) -> bool:
        """Take so many bytes that were received; return whether more may come now."""
        now = self._clock()
        rate = self._rate()
        elapsed, self._filled = now - self._filled, now
        if rate is None:
            self._credit = 0.0
            return True
        self._credit = min(self._credit + rate * elapsed, rate * _BURST_SECONDS) - count
        # What is said to have come need not have: a file may be all holes, or its size a lie. Nobody rests for long.
        self._credit = max(self._credit, -rate * _DEBT_SECONDS)
        return self._credit >= 0
