"""One rate for all receptions, which may change with the time of day."""

from datetime import datetime

from kaizen_backups.pace import Pace, rate_at


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def received(rate: int | None, link: int, seconds: float) -> int:
    """Return the bytes that come over a link of that speed in that time, looked at ten times a second."""
    clock = Clock()
    pace = Pace(lambda: rate, clock)
    total, flows = 0, True
    for _ in range(round(seconds * 10)):
        clock.now += 0.1
        came = link // 10 if flows else 0
        total += came
        flows = pace.spend(came)
    return total


def test_without_a_rate_the_link_is_the_limit() -> None:
    assert received(None, 1000, 10) == 10_000


def test_a_fast_link_is_slowed_to_the_rate() -> None:
    for link in (2_000, 10_000, 100_000):
        assert 9_000 <= received(1000, link, 10) <= 11_000 + link // 10


def test_a_slow_link_is_left_alone() -> None:
    assert received(1000, 500, 10) == 5000


def test_all_receptions_share_the_rate() -> None:
    clock = Clock()
    pace = Pace(lambda: 1000, clock)
    clock.now = 1
    assert pace.spend(400)
    assert not pace.spend(400)


def test_an_idle_hour_is_not_saved_up() -> None:
    clock = Clock()
    pace = Pace(lambda: 1000, clock)
    clock.now = 3600
    assert not pace.spend(1000)


def test_the_rate_is_that_of_the_first_window_that_holds() -> None:
    windows = {"07:00-19:00": 20, "18:00-07:00": 50}
    assert [rate_at(windows, datetime(2026, 11, 24, hour)) for hour in (3, 8, 18, 19)] == [50, 20, 20, 50]  # noqa: DTZ001
    assert rate_at({"07:00-19:00": 20}, datetime(2026, 11, 24, 19)) is None  # noqa: DTZ001
    assert rate_at({}, datetime(2026, 11, 24)) is None  # noqa: DTZ001


def test_what_is_only_said_to_have_come_lets_nobody_rest_for_long() -> None:
    clock = Clock()
    pace = Pace(lambda: 1000, clock)
    pace.spend(1 << 60)
    clock.now += 6
    assert pace.spend(0)
