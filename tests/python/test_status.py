"""The five states, worst first."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from kaizen_backups.errors import KaizenError
from kaizen_backups.history import History, open_history
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.status import State, fleet_status
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked
from samples import make_node

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def history(settings: Settings) -> Iterator[History]:
    with open_history(settings.history_file) as history:
        yield history


def store(settings: Settings, history: History, node: str, *names: str, problem: str | None = None) -> None:
    for name in names:
        (settings.store / node / name).mkdir(parents=True)
        snapshot = Snapshot.parse(name)
        assert snapshot
        history.add_snapshot(node, snapshot, Checked(3, 2048, 1, 1024, "0" * 64))
    history.add_attempt(node, 1.5, len(names), problem)


def test_every_node_has_its_state_and_the_worst_come_first(settings: Settings, history: History) -> None:
    store(settings, history, "fresh", "2026-11-23", "2026-11-24")
    store(settings, history, "late", "2026-11-23")
    store(settings, history, "stale", "2026-11-20")
    store(settings, history, "failing", "2026-11-24", problem="cannot be reached")
    store(settings, history, "refused", problem="Permission denied")
    nodes = [make_node(name) for name in ("fresh", "late", "stale", "failing", "refused", "new")]
    found = fleet_status(nodes, settings, history, NOW)
    assert [(status.node, status.state, status.problem) for status in found] == [
        ("new", State.NEVER, "never collected"),
        ("refused", State.NEVER, "Permission denied"),
        ("failing", State.FAILING, "cannot be reached"),
        ("stale", State.STALE, "nothing newer than 2026-11-20"),
        ("late", State.LATE, "today's snapshot is not here yet"),
        ("fresh", State.FRESH, None),
    ]
    fresh = found[-1]
    assert (fresh.snapshot, fresh.files, fresh.bytes, fresh.kept) == ("2026-11-24", 3, 2048, 2)


def test_a_rotten_newest_snapshot_is_not_safe_until_a_whole_one_comes(settings: Settings, history: History) -> None:
    store(settings, history, "n", "2026-11-23", "2026-11-24")
    history.set_verdict("n", ["2026-11-23"], rotten=True)
    assert fleet_status([make_node("n")], settings, history, NOW)[0].state == State.FRESH
    history.set_verdict("n", ["2026-11-24"], rotten=True)
    (status,) = fleet_status([make_node("n")], settings, history, NOW)
    assert (status.state, status.problem) == (State.FAILING, "2026-11-24 has a rotten file; 'kaizen verify' names it")


def test_a_failure_is_forgotten_when_the_next_attempt_goes_well(settings: Settings, history: History) -> None:
    store(settings, history, "n", "2026-11-24", problem="cannot be reached")
    history.add_attempt("n", 1.0, 0, None)
    assert fleet_status([make_node("n")], settings, history, NOW)[0].state == State.FRESH


def test_only_what_is_really_in_the_store_counts(settings: Settings, history: History) -> None:
    store(settings, history, "n", "2026-11-24")
    (settings.store / "n" / "2026-11-24").rmdir()
    assert fleet_status([make_node("n")], settings, history, NOW)[0].state == State.NEVER


def test_a_history_of_a_later_release_is_left_alone(settings: Settings) -> None:
    settings.history_file.parent.mkdir(exist_ok=True)
    with sqlite3.connect(settings.history_file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(KaizenError, match="later release"), open_history(settings.history_file):
        pass


def test_a_node_that_cannot_be_read_in_the_store_is_failing_and_the_others_are_shown(
    settings: Settings, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(node: NodeStore) -> list[Snapshot]:
        if node.directory.name == "bad":
            raise OSError(5, "Input/output error")
        return original(node)

    original = NodeStore.snapshots
    monkeypatch.setattr(NodeStore, "snapshots", failing)
    store(settings, history, "good", "2026-11-24")
    bad, good = fleet_status([make_node("good"), make_node("bad")], settings, history, NOW)
    assert (bad.node, bad.state) == ("bad", State.FAILING)
    assert "Input/output error" in str(bad.problem)
    assert good.state == State.FRESH


def test_since_when_a_node_is_proven_restorable_is_said_and_whether_the_last_drill_failed(
    settings: Settings, history: History
) -> None:
    store(settings, history, "n", "2026-11-24")
    newest = Snapshot.parse("2026-11-24")
    assert newest

    def status() -> tuple[bool, bool]:
        (found,) = fleet_status([make_node("n")], settings, history, NOW)
        return found.proven is not None, found.drill_failed is not None

    assert status() == (False, False)
    history.add_drill("n", newest, 1.0, ["x"], {})
    assert status() == (False, True)
    history.add_drill("n", newest, 1.0, [], {})
    assert status() == (True, False)
    history.add_drill("n", newest, 1.0, ["x"], {})
    assert status() == (True, True)


def test_what_the_last_good_drill_could_not_look_into_is_not_proven(settings: Settings, history: History) -> None:
    newest = Snapshot(NOW.date())
    for unchecked, problems in ((["/dumps/a.age"], []), ([], ["x"])):
        history.add_drill("n", newest, 1.0, problems, {}, unchecked=unchecked)
        (found,) = fleet_status([make_node("n")], settings, history, NOW)
        assert (found.proven is not None, found.unchecked) == (True, ["/dumps/a.age"])
