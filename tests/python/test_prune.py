"""What stays, what goes and why; and that nothing else goes."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from kaizen_backups import prune
from kaizen_backups.history import History, open_history
from kaizen_backups.prune import Plan, carry_out, plans, would_free
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked

TODAY = date(2026, 11, 24)
CHECKED = Checked(3, 2048, 1, 1024, "0" * 64)


@pytest.fixture
def history(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    monkeypatch.setattr(prune, "_today", lambda: TODAY)
    with open_history(settings.history_file) as history:
        yield history


def store(settings: Settings, history: History, node: str, days: int, problem: str | None = None) -> NodeStore:
    """Store a snapshot of each of the last so many days, with a file of its own and one that all share."""
    node_store = NodeStore(settings.store, node)
    node_store.prepare()
    for age in reversed(range(days)):
        path = node_store.path(Snapshot(TODAY - timedelta(days=age)))
        path.mkdir()
        (path / "own").write_bytes(b"x" * 8192)
        shared = sorted(node_store.directory.glob("*/shared"))
        if shared:
            os.link(shared[0], path / "shared")
        else:
            (path / "shared").write_bytes(b"x" * 65536)
        history.add_snapshot(node, Snapshot(TODAY - timedelta(days=age)), CHECKED)
    history.add_attempt(node, 1.0, 1, problem)
    return node_store


def plan(settings: Settings, history: History, node: str) -> Plan:
    (found,) = plans(settings, history, [node])
    return found


def prune_node(settings: Settings, history: History, node: str) -> str | None:
    ((_, problem),) = carry_out([plan(settings, history, node)], settings, history)
    return problem


def test_what_is_out_of_date_goes(settings: Settings, history: History) -> None:
    node_store = store(settings, history, "n", 11)
    prune_node(settings, history, "n")
    assert len(node_store.snapshots()) == 8
    assert sorted(os.listdir(node_store.directory)) == [str(snapshot) for snapshot in node_store.snapshots()]
    assert len(history.known()) == 8
    assert plan(settings, history, "n").going == []


def test_every_snapshot_has_its_reason(settings: Settings, history: History) -> None:
    store(settings, history, "n", 10)
    history.set_verdict("n", ["2026-11-23", "2026-11-15"], rotten=True)
    reasons = {str(snapshot): (stays, reason) for snapshot, stays, reason in plan(settings, history, "n").snapshots}
    assert reasons["2026-11-24"] == (True, "the newest")
    assert reasons["2026-11-23"] == (True, "of the last 8 days (rotten)")
    assert reasons["2026-11-16"] == (False, "no rule keeps it")
    assert reasons["2026-11-15"] == (False, "no rule keeps it (rotten)")


def test_nothing_goes_of_a_node_whose_last_collection_failed(settings: Settings, history: History) -> None:
    node_store = store(settings, history, "n", 10, problem="cannot be reached")
    found = plan(settings, history, "n")
    assert found.going == []
    assert found.snapshots[0][2] == "out of date, but its last collection failed"
    prune_node(settings, history, "n")
    assert len(node_store.snapshots()) == 10


def test_nothing_goes_of_a_node_that_no_collection_is_known_of(
    settings: Settings, history: History, make_snapshot: Callable[..., Path]
) -> None:
    for number in (1, 2):
        make_snapshot(f"store/n/2020-01-0{number}")
    assert plan(settings, history, "n").going == []


def test_the_newest_that_is_whole_outlives_its_days(settings: Settings, history: History) -> None:
    store(settings, history, "n", 10)
    history.set_verdict("n", [str(TODAY - timedelta(days=age)) for age in range(9)], rotten=True)
    assert [str(snapshot) for snapshot in plan(settings, history, "n").going] == ["2026-11-16"]


def test_a_prune_that_was_killed_is_finished_by_the_next(
    settings: Settings, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    node_store = store(settings, history, "n", 10)
    stay = node_store.snapshots()[2:]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("kaizen_backups.store._remove", killed)
        with pytest.raises(KeyboardInterrupt):
            prune_node(settings, history, "n")
    assert node_store.snapshots() == stay
    prune_node(settings, history, "n")
    assert sorted(os.listdir(node_store.directory)) == [str(snapshot) for snapshot in stay]


def test_what_cannot_be_removed_is_named_and_stays_on_record(
    settings: Settings, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(settings, history, "n", 10)

    def refuse(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        assert prune_node(settings, history, "n") == "Operation not permitted"
    assert len(history.known()) == 10
    assert prune_node(settings, history, "n") is None


def test_what_pruning_would_free_is_what_nothing_else_shares(settings: Settings, history: History) -> None:
    store(settings, history, "n", 10)
    assert would_free(settings, history, ["n"]) == 2 * 8192
    store(settings, history, "failed", 10, problem="cannot be reached")
    assert would_free(settings, history, ["failed"]) == 0


def test_what_an_unfinished_reception_left_goes_after_a_week(
    settings: Settings, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    node_store = store(settings, history, "n", 1)
    (node_store.directory / ".partial-x").mkdir()
    prune_node(settings, history, "n")
    assert len(node_store.partials()) == 1
    later = time.time() + 8 * 86400
    monkeypatch.setattr("kaizen_backups.store.time.time", lambda: later)
    prune_node(settings, history, "n")
    assert os.listdir(node_store.directory) == [str(TODAY)]
