"""Days as an administrator writes them."""

from datetime import date

import pytest

from kaizen_backups.dates import parse_day

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-02", date(2026, 11, 2)),
        ("today", TODAY),
        ("yesterday", date(2026, 11, 24)),
        ("Yesterday ", date(2026, 11, 24)),
        ("1 day ago", date(2026, 11, 24)),
        ("2 days  ago", date(2026, 11, 23)),
        ("3 weeks ago", date(2026, 11, 4)),
    ],
)
def test_a_day_is_a_date_or_so_long_ago(text: str, day: date) -> None:
    assert parse_day(text, TODAY) == day


@pytest.mark.parametrize(
    "text", ["", "2026-11-31", "26-11-01", "20261101", "2026-W01-1", "two days ago", "999999 weeks ago", "٢ days ago"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 2026-11-24"):
        parse_day(text, TODAY)
