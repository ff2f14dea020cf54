"""Names and retention."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.settings import Keep
from kaizen_backups.snapshots import Snapshot, kept

TODAY = date(2026, 11, 24)


def names(snapshots: Iterable[Snapshot]) -> list[str]:
    return [str(s) for s in sorted(snapshots)]


def nights(first: date, last: date) -> list[Snapshot]:
    return [Snapshot(first + timedelta(days=n)) for n in range((last - first).days + 1)]


@pytest.mark.parametrize("name", ["2026-11-24", "2026-11-24.2", "2026-11-24.10", "2028-02-29"])
def test_a_snapshots_name_is_read_and_written_the_same(name: str) -> None:
    assert str(Snapshot.parse(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "2026-11-24.1", "2026-11-24.0", "2026-11-24.02", "2026-11-24.", "2026-11-24.99999",
        "2026-11-24\n", " 2026-11-24", "2026-11-24/", "../2026-11-24", "2026-13-01", "2026-02-30", "20261124",
        "٢٠٢٦-11-24", "2026-11-24-old", ".partial-2026-11-24", "-2026-11-24",
    ],
)  # fmt: skip
def test_anything_else_is_no_snapshot(name: str) -> None:
    assert Snapshot.parse(name) is None


def test_the_tenth_of_a_day_comes_after_the_second() -> None:
    assert names({Snapshot(TODAY, 10), Snapshot(TODAY), Snapshot(TODAY, 2)}) == [
        "2026-11-24",
        "2026-11-24.2",
        "2026-11-24.10",
    ]


def test_a_year_of_nights_leaves_the_last_eight_days() -> None:
    year = nights(TODAY - timedelta(days=365), TODAY)
    assert names(kept(year, TODAY, Keep(days=8))) == [f"2026-11-{day}" for day in range(17, 25)]


def test_the_newest_stays_however_old() -> None:
    assert names(kept(nights(date(2020, 1, 1), date(2020, 1, 5)), TODAY, Keep(days=8))) == ["2020-01-05"]


def test_weeks_and_months_keep_the_newest_of_each() -> None:
    year = nights(date(2026, 1, 1), TODAY)
    assert names(kept(year, TODAY, Keep(days=1, weeks=3, months=3))) == [
        "2026-09-30",
        "2026-10-31",
        "2026-11-15",
        "2026-11-22",
        "2026-11-24",
    ]


def test_a_future_date_pushes_nothing_out() -> None:
    usual = nights(TODAY - timedelta(days=7), TODAY)
    stay = kept([*usual, Snapshot(date(2099, 1, 1))], TODAY, Keep(days=8))
    assert set(usual) <= stay.keys()


def test_each_that_stays_has_its_reason() -> None:
    stay = kept(nights(date(2026, 9, 1), TODAY), TODAY, Keep(days=2, weeks=2, months=2))
    assert {str(snapshot): reason for snapshot, reason in stay.items()} == {
        "2026-11-24": "the newest",
        "2026-11-23": "of the last 2 days",
        "2026-11-22": "the newest of week 2026-W47",
        "2026-10-31": "the newest of month 2026-10",
    }


def test_the_newest_that_is_whole_stays_beside_a_rotten_one() -> None:
    old = nights(date(2020, 1, 1), date(2020, 1, 5))
    stay = kept(old, TODAY, Keep(days=8), rotten=old[-2:])
    assert {str(s): reason for s, reason in stay.items()} == {
        "2020-01-05": "the newest",
        "2020-01-03": "the newest that is whole",
    }


def test_a_rotten_one_stands_for_its_week_only_where_there_is_no_other() -> None:
    week = nights(date(2026, 11, 16), date(2026, 11, 22))
    assert week[-2] in kept([*week, Snapshot(TODAY)], TODAY, Keep(days=1, weeks=2), rotten=week[-1:])
    assert week[-1] in kept([week[-1], Snapshot(TODAY)], TODAY, Keep(days=1, weeks=2), rotten=week[-1:])


days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(st.sets(st.builds(Snapshot, days, st.integers(1, 3))), days, st.integers(1, 400))
def test_retention_never_removes_the_newest_nor_anything_in_its_days(
    snapshots: set[Snapshot], today: date, keep_days: int
) -> None:
    stay = kept(snapshots, today, Keep(days=keep_days))
    assert stay.keys() <= snapshots
    assert not snapshots or max(snapshots) in stay
    assert {s for s in snapshots if 0 <= (today - s.date).days < keep_days} <= stay.keys()


@given(st.sets(st.builds(Snapshot, days)), days)
def test_retention_applied_again_removes_nothing_more(snapshots: set[Snapshot], today: date) -> None:
    keep = Keep(days=8, weeks=4, months=6)
    once = kept(snapshots, today, keep)
    assert kept(once, today, keep) == once
