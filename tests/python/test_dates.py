"""Days in words."""

from datetime import date

import pytest

from kaizen_backups.dates import parse_day

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-24", "2026-11-24"),
        ("today", "2026-11-25"),
        (" Yesterday ", "2026-11-24"),
        ("2 days ago", "2026-11-23"),
        ("1 day ago", "2026-11-24"),
        ("3  weeks ago", "2026-11-04"),
    ],
)
def test_a_day_is_what_a_person_means_by_it(text: str, day: str) -> None:
    assert parse_day(text, TODAY) == date.fromisoformat(day)


@pytest.mark.parametrize("text", ["", "tomorrow", "days ago", "-1 days ago", "2026-13-01", "20261124", "2 moons ago"])
def test_what_means_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a day"):
        parse_day(text, TODAY)
