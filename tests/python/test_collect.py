"""Whom to ask when. What happens at a node is tested on the fleet, in tests/e2e."""

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from kaizen_backups.cli.collect import deadline
from kaizen_backups.collect import Waits, slowest_first
from kaizen_backups.history import History, open_history
from kaizen_backups.night import Event, Night
from kaizen_backups.pace import Pace
from kaizen_backups.room import Room
from kaizen_backups.settings import Settings
from samples import make_node


@pytest.fixture
def history(settings: Settings) -> Iterator[History]:
    with open_history(settings.history_file) as history:
        yield history


def make_night(settings: Settings, history: History, until: datetime | None = None) -> Night:
    def tell(_: Event) -> None:
        pass

    return Night(settings, history, Room(Path("/"), 0, {}), Pace(lambda: None), tell, until)


def test_the_slowest_come_first_and_before_them_the_unknown(history: History) -> None:
    for node, seconds in (("a", 1.0), ("b", 9.0), ("c", 5.0)):
        history.add_attempt(node, seconds, 1, None)
    history.add_attempt("a", 100.0, 0, "cannot be reached")
    nodes = [make_node(name) for name in ("a", "b", "c", "new")]
    assert [node.name for node in slowest_first(nodes, history.usual_seconds())] == ["new", "b", "c", "a"]


def test_in_one_pass_what_may_pass_is_tried_again_for_seconds(settings: Settings, history: History) -> None:
    waits = Waits(make_night(settings, history))
    assert [waits.next(soon=True, later=False) for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 16.0, None]


def test_in_one_pass_nothing_else_is_tried_again(settings: Settings, history: History) -> None:
    assert Waits(make_night(settings, history)).next(soon=False, later=True) is None
    assert Waits(make_night(settings, history)).next(soon=False, later=False) is None
    none = settings.model_copy(update={"retry_seconds": 0})
    assert Waits(make_night(none, history)).next(soon=True, later=False) is None


def test_until_the_deadline_intervals_double_to_a_quarter_of_an_hour(settings: Settings, history: History) -> None:
    until = datetime.now().astimezone() + timedelta(hours=3)
    waits = Waits(make_night(settings, history, until))
    assert [waits.next(soon=False, later=True) for _ in range(6)] == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    assert waits.next(soon=False, later=False) is None


def test_the_last_time_is_at_the_deadline(settings: Settings, history: History) -> None:
    now = datetime.now().astimezone()
    wait = Waits(make_night(settings, history, now + timedelta(seconds=30))).next(soon=False, later=True)
    assert wait is not None
    assert 0 < wait <= 30
    assert Waits(make_night(settings, history, now - timedelta(seconds=1))).next(soon=False, later=True) is None


def test_the_wanted_date_is_the_deadlines_own(settings: Settings, history: History) -> None:
    until = datetime(2026, 11, 25, 6).astimezone()
    assert make_night(settings, history, until).wanted_date() == date(2026, 11, 25)
    night = make_night(settings, history)
    assert night.wanted_date() == night.today()


@pytest.mark.parametrize(
    ("clock", "now", "then"),
    [
        ("06:00", "2026-11-24 03:10", "2026-11-24 06:00"),
        ("06:00", "2026-11-23 22:00", "2026-11-24 06:00"),
        ("06:00", "2026-11-24 07:30", "2026-11-24 06:00"),
        ("00:30", "2026-11-23 23:50", "2026-11-24 00:30"),
        ("23:50", "2026-11-25 00:30", "2026-11-24 23:50"),
    ],
)
def test_a_deadline_is_the_next_of_that_time_unless_just_past(clock: str, now: str, then: str) -> None:
    moment = datetime.fromisoformat(now).astimezone()
    assert deadline(clock, moment) == datetime.fromisoformat(then).astimezone()


def test_a_deadline_is_a_time_of_the_clock_also_in_the_night_in_which_it_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for now in ("2026-10-24 22:00", "2026-10-25 00:30"):
            assert f"{deadline('06:00', datetime.fromisoformat(now).astimezone()):%H:%M %z}" == "06:00 +0100"
    finally:
        monkeypatch.undo()
        time.tzset()
