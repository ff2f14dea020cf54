"""Days as an administrator writes them."""

import re
from datetime import date, timedelta

_AGO = re.compile(r"(\d{1,9}) (day|week)s? ago", re.ASCII)
_DAYS = {"today": 0, "yesterday": 1}
_UNITS = {"day": 1, "week": 7}


def parse_day(text: str, today: date) -> date:
    """Return the day that `2026-11-24`, `today`, `yesterday`, `2 days ago` or `3 weeks ago` stands for.

    Raises ValueError, whose message says what is possible.
    """
    words = " ".join(text.lower().split())
    ago = _AGO.fullmatch(words)
    try:
        if ago:
            return today - timedelta(days=int(ago[1]) * _UNITS[ago[2]])
        if words in _DAYS:
            return today - timedelta(days=_DAYS[words])
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", words, re.ASCII):
            return date.fromisoformat(words)
    except (ValueError, OverflowError):
        pass
    raise ValueError('must be a day, such as 2026-11-24, yesterday or "2 days ago"')
