"""What is fetched, and what of a node's offer is refused. The whole way is tested on the fleet, in tests/e2e."""

from datetime import date

from kaizen_backups.choice import choose, deleted
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot

TODAY = date(2026, 11, 24)


def snapshots(*names: str) -> list[Snapshot]:
    found = [Snapshot.parse(name) for name in names]
    assert all(found)
    return [snapshot for snapshot in found if snapshot]


def chosen(
    settings: Settings, offered: list[Snapshot], stored: list[Snapshot], rotten: list[Snapshot] | None = None
) -> tuple[list[str], list[str]]:
    new, problems = choose(offered, stored, TODAY, settings, rotten or ())
    return [str(snapshot) for snapshot in new], problems


def test_what_is_missing_is_fetched_oldest_first(settings: Settings) -> None:
    offered = snapshots("2026-11-24.2", "2026-11-22", "2026-11-24", "2026-11-23")
    assert chosen(settings, offered, snapshots("2026-11-22")) == (["2026-11-23", "2026-11-24", "2026-11-24.2"], [])


def test_what_retention_would_remove_at_once_is_not_fetched(settings: Settings) -> None:
    offered = snapshots("2026-11-01", "2026-11-16", "2026-11-17", "2026-11-24")
    assert chosen(settings, offered, []) == (["2026-11-17", "2026-11-24"], [])


def test_a_nodes_clock_may_be_a_day_ahead_as_time_zones_go(settings: Settings) -> None:
    assert chosen(settings, snapshots("2026-11-25"), []) == (["2026-11-25"], [])


def test_a_future_date_is_refused_and_named_and_hinders_no_other(settings: Settings) -> None:
    new, problems = chosen(settings, snapshots("2026-11-24", "2026-11-26", "2099-01-01"), [])
    assert new == ["2026-11-24"]
    assert problems == [f"refused {day}: it is dated in the future" for day in ("2026-11-26", "2099-01-01")]


def test_a_node_without_a_snapshot_is_named(settings: Settings) -> None:
    assert "has no snapshot" in chosen(settings, [], [])[1][0]


def test_a_node_that_stopped_making_snapshots_is_named(settings: Settings) -> None:
    assert chosen(settings, snapshots("2026-11-23"), snapshots("2026-11-23")) == ([], [])
    assert "its newest snapshot is of 2026-11-22" in chosen(settings, snapshots("2026-11-22"), [])[1][0]


def test_a_date_has_so_many_snapshots_and_no_more(settings: Settings) -> None:
    new, problems = chosen(settings, snapshots(*(f"2026-11-24.{n}" for n in range(2, 500))), [])
    assert new[-1] == "2026-11-24.24"
    assert problems[0] == "refused 2026-11-24.25: more than 24 snapshots of one date (limits.again)"
    assert len(problems) < 20


def test_a_rotten_one_is_fetched_anew_while_the_node_has_it(settings: Settings) -> None:
    stored = snapshots("2026-11-22", "2026-11-23", "2026-11-24")
    rotten = snapshots("2026-11-22", "2026-11-23")
    assert chosen(settings, snapshots("2026-11-23", "2026-11-24"), stored, rotten) == (["2026-11-23"], [])


def test_what_the_nodes_retention_lets_go_is_not_deleted(settings: Settings) -> None:
    stored = snapshots("2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23")
    assert deleted(snapshots("2026-11-22", "2026-11-23"), stored) == []
    assert deleted(snapshots("2026-11-23", "2026-11-24"), stored) == []
    assert deleted(snapshots("2026-11-24"), stored) == []


def test_what_is_gone_before_its_time_is_deleted(settings: Settings) -> None:
    stored = snapshots("2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23")
    assert deleted(snapshots("2026-11-21", "2026-11-23"), stored) == snapshots("2026-11-22")
    assert deleted(snapshots("2026-11-22"), stored) == snapshots("2026-11-23")
    assert deleted([], stored) == snapshots("2026-11-23")
    assert deleted([], []) == []
