"""When will the store be full?"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.history import stamp
from kaizen_backups.report.forecast import Measure, full_at

TODAY = datetime(2026, 11, 24, 4, tzinfo=UTC)
TOTAL = 1_000_000


def room(changes: Iterable[int], free: int = TOTAL) -> list[Measure]:
    """Return a measure a day, the last one today; each change is what the free room grew by since the day before."""
    values = list(accumulate(changes, initial=free))
    return [(stamp(TODAY - timedelta(days=len(values) - 1 - n)), value, TOTAL) for n, value in enumerate(values)]


def days_left(measures: list[Measure], floor: int = 0) -> float | None:
    full = full_at(measures, floor)
    return (full - TODAY) / timedelta(days=1) if full else None


def test_a_store_that_loses_the_same_every_day_is_full_when_it_is_used_up() -> None:
    assert days_left(room([-10_000] * 20)) == pytest.approx(80)


def test_the_floor_is_no_room() -> None:
    assert days_left(room([-10_000] * 20), floor=300_000) == pytest.approx(50)
    assert days_left(room([-10_000] * 20), floor=900_000) == 0


def test_a_store_below_its_floor_is_full_now_whatever_the_days_before_were() -> None:
    assert days_left(room([0] * 3, free=5), floor=5) == 0


def test_a_prune_does_not_hide_that_it_fills_up() -> None:
    changes = [-10_000] * 10 + [500_000] + [-10_000] * 9
    assert days_left(room(changes, 400_000)) == pytest.approx(71)


def test_a_large_night_a_week_counts_as_much_as_seven_small_ones() -> None:
    assert days_left(room([-1_000, -1_000, -1_000, -1_000, -1_000, -1_000, -64_000] * 4)) == pytest.approx(72)


def test_what_expires_once_a_week_makes_up_for_the_week() -> None:
    assert days_left(room([-10_000, -10_000, -10_000, -10_000, -10_000, -10_000, 60_000] * 4)) is None


@pytest.mark.parametrize("changes", [[], [-10_000] * 4, [0] * 20, [10_000] * 20, [-1] * 20])
def test_nothing_is_foretold_of_a_store_that_is_new_or_steady(changes: list[int]) -> None:
    assert days_left(room(changes, TOTAL // 2)) is None


def test_what_was_more_than_a_month_ago_does_not_count() -> None:
    assert days_left(room([-10_000] * 50 + [0] * 31)) is None


def test_a_larger_disk_is_not_taken_for_a_prune_nor_for_a_gain() -> None:
    before, after = room([-10_000] * 20), []
    for at, free, total in before:
        grown = at > stamp(TODAY - timedelta(days=7))
        after.append((at, free + 50_000 * grown, total + 50_000 * grown))
    assert days_left(after) == pytest.approx(85)


def test_of_several_collections_a_day_the_last_counts() -> None:
    measures = room([-10_000] * 20)
    noon = [(at.replace("T04", "T01"), free // 2, total) for at, free, total in measures]
    assert days_left(sorted([*measures, *noon])) == pytest.approx(80)


@given(st.lists(st.integers(-TOTAL, TOTAL), max_size=60))
def test_whatever_the_room_did_the_end_is_none_or_not_in_the_past(changes: list[int]) -> None:
    left = days_left(room(changes))
    assert left is None or left >= 0
