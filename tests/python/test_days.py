"""What became of a node on each date."""

from datetime import date, timedelta, timezone

from kaizen_backups.days import Day, DayState, days
from kaizen_backups.history_records import Attempt, PastNight
from kaizen_backups.snapshots import Snapshot

TODAY = date(2026, 11, 24)
UTC = timezone(timedelta(0))


def night(snapshot: str, received: str | None = None, **more: list[str]) -> PastNight:
    return PastNight(snapshot, received or f"{snapshot[:10]}T03:00:00Z", 3, 100, 1, 10, **more)  # type: ignore[arg-type]


def states(found: list[Day]) -> dict[str, DayState]:
    return {f"{day.date:%d}": day.state for day in found}


def test_every_date_from_the_first_to_today_has_its_state() -> None:
    nights = [
        night("2026-11-16"),
        night("2026-11-17", warnings=["a warning"]),
        night("2026-11-18", unusual=["much smaller"]),
        night("2026-11-19", "2026-11-21T03:00:00Z"),
        night("2026-11-22"),
        night("2026-11-24"),
    ]
    attempts = [
        Attempt("2026-11-20T03:00:00Z", "cannot be reached"),
        Attempt("2026-11-24T03:00:00Z", None),
        Attempt("2026-11-24T02:00:00Z", "cannot be reached"),
    ]
    found = days(nights, attempts, [Snapshot(date(2026, 11, 22))], today=TODAY, zone=UTC)
    assert states(found) == {
        "16": DayState.GOOD,
        "17": DayState.ODD,
        "18": DayState.ODD,
        "19": DayState.LATER,
        "20": DayState.FAILED,
        "21": DayState.MISSING,
        "22": DayState.ROTTEN,
        "23": DayState.MISSING,
        "24": DayState.GOOD,
    }
    assert found[-1].problems == ["cannot be reached"]


def test_what_was_said_all_night_is_said_once() -> None:
    attempts = [Attempt(f"2026-11-24T0{hour}:00:00Z", problem) for hour, problem in enumerate(["x", "x", "y", "x"])]
    assert [day.problems for day in days([], attempts, [], today=TODAY, zone=UTC)] == [["x", "y"]]


def test_today_is_not_missing_before_anything_has_come_of_it() -> None:
    found = days([night("2026-11-22")], [], [], today=TODAY, zone=UTC)
    assert states(found) == {"22": DayState.GOOD, "23": DayState.MISSING}
    failed = [Attempt("2026-11-24T03:00:00Z", "x")]
    assert states(days([night("2026-11-22")], failed, [], today=TODAY, zone=UTC))["24"] == DayState.FAILED


def test_nothing_known_is_no_day_at_all() -> None:
    assert days([], [], [], today=TODAY, zone=UTC) == []


def test_only_the_last_days_when_that_is_asked() -> None:
    found = days([night("2026-01-01"), night("2026-11-24")], [], [], today=TODAY, zone=UTC, last=3)
    assert states(found) == {"22": DayState.MISSING, "23": DayState.MISSING, "24": DayState.GOOD}


def test_times_become_dates_where_the_collector_is() -> None:
    east = timezone(timedelta(hours=10))
    late = [Attempt("2026-11-23T20:00:00Z", "x")]
    assert states(days([], late, [], today=TODAY, zone=east)) == {"24": DayState.FAILED}


def test_two_snapshots_of_a_date_are_one_day_in_their_order() -> None:
    nights = [night(f"2026-11-24.{number}") for number in (10, 2)]
    (day,) = days([night("2026-11-24"), *nights], [], [], today=TODAY, zone=UTC)
    assert [one.snapshot for one in day.nights] == ["2026-11-24", "2026-11-24.2", "2026-11-24.10"]
