"""Days as a person says them."""

import re
from datetime import date, timedelta

_AGO = re.compile(r"(\d{1,4}) (day|week)s? ago", re.ASCII)
_WORDS = {"today": 0, "yesterday": 1}


def parse_day(text: str, today: date) -> date:
    """Return the day that `2026-11-24`, `today`, `yesterday` `2 days ago` or `1 week ago` means. Raises ValueError."""
    words = " ".join(text.lower().split())
    ago = _AGO.fullmatch(words)
    if ago:
        return today - timedelta(days=int(ago[1]) * (7 if ago[2] == "week" else 1))
    if words in _WORDS:
        return today - timedelta(days=_WORDS[words])
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", words, re.ASCII):
            return date.fromisoformat(words)
    except ValueError:
        pass
    raise ValueError("must be a day, such as 2026-11-24, yesterday or '2 days ago'")
