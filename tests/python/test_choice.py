"""What is fetched, and what of a node's offer is refused. The whole way is tested on the fleet, in tests/e2e."""

from datetime import date

import pytest

from kaizen_backups.collect import Night, choose
from kaizen_backups.history import open_history
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot


def snapshots(*names: str) -> list[Snapshot]:
    found = [Snapshot.parse(name) for name in names]
    assert all(found)
    return [snapshot for snapshot in found if snapshot]


@pytest.fixture
def night(settings: Settings) -> Night:
    with open_history(settings.history_file) as history:
        return Night(settings, history, date(2026, 11, 24))


def chosen(night: Night, offered: list[Snapshot], stored: list[Snapshot]) -> tuple[list[str], list[str]]:
    new, problems = choose(offered, stored, night)
    return [str(snapshot) for snapshot in new], problems


def test_what_is_missing_is_fetched_oldest_first(night: Night) -> None:
    offered = snapshots("2026-11-24.2", "2026-11-22", "2026-11-24", "2026-11-23")
    assert chosen(night, offered, snapshots("2026-11-22")) == (["2026-11-23", "2026-11-24", "2026-11-24.2"], [])


def test_what_retention_would_remove_at_once_is_not_fetched(night: Night) -> None:
    offered = snapshots("2026-11-01", "2026-11-16", "2026-11-17", "2026-11-24")
    assert chosen(night, offered, []) == (["2026-11-17", "2026-11-24"], [])


def test_a_nodes_clock_may_be_a_day_ahead_as_time_zones_go(night: Night) -> None:
    assert chosen(night, snapshots("2026-11-25"), []) == (["2026-11-25"], [])


def test_a_future_date_is_refused_and_named_and_hinders_no_other(night: Night) -> None:
    new, problems = chosen(night, snapshots("2026-11-24", "2026-11-26", "2099-01-01"), [])
    assert new == ["2026-11-24"]
    assert problems == [f"refused {day}: it is dated in the future" for day in ("2026-11-26", "2099-01-01")]


def test_a_node_without_a_snapshot_is_named(night: Night) -> None:
    assert "has no snapshot" in chosen(night, [], [])[1][0]


def test_a_node_that_stopped_making_snapshots_is_named(night: Night) -> None:
    assert chosen(night, snapshots("2026-11-23"), snapshots("2026-11-23")) == ([], [])
    assert "its newest snapshot is of 2026-11-22" in chosen(night, snapshots("2026-11-22"), [])[1][0]
