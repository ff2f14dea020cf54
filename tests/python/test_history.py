"""The history: what it says of nodes and snapshots, and how it survives a change of its tables, or its loss."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from kaizen_backups.errors import KaizenError
from kaizen_backups.history import History, open_history, stamp
from kaizen_backups.rebuild import rebuild
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked

CHECKED = Checked(3, 2048, 1, 1024, "0" * 64)
# As release 0.1.0 made it.
FIRST = """
CREATE TABLE snapshots (node TEXT NOT NULL, snapshot TEXT NOT NULL, received TEXT NOT NULL, files INTEGER NOT NULL,
    bytes INTEGER NOT NULL, new_files INTEGER NOT NULL, new_bytes INTEGER NOT NULL, sums_sha256 TEXT NOT NULL,
    PRIMARY KEY (node, snapshot)) STRICT;
CREATE TABLE attempts (node TEXT NOT NULL, at TEXT NOT NULL, seconds REAL NOT NULL, received INTEGER NOT NULL,
    problem TEXT) STRICT;
CREATE INDEX attempts_by_node ON attempts (node, at);
INSERT INTO snapshots VALUES ('n', '2026-11-24', '2026-11-24T03:00:00Z', 3, 2048, 1, 1024, 'abc');
INSERT INTO attempts VALUES ('n', '2026-11-24T03:00:00Z', 1.5, 1, NULL);
PRAGMA user_version = 1;
"""


def day(number: int) -> Snapshot:
    found = Snapshot.parse(f"2026-11-{number}")
    assert found
    return found


@pytest.fixture
def history(settings: Settings) -> Iterator[History]:
    with open_history(settings.history_file) as history:
        yield history


@pytest.fixture
def stored(settings: Settings, make_snapshot: Callable[..., Path]) -> list[Snapshot]:
    """Return two snapshots of one node that are in the store."""
    for number in (23, 24):
        make_snapshot(f"store/n/2026-11-{number}", **{"etc/a": b"%d\n" % number})
    return NodeStore(settings.store, "n").snapshots()


def test_a_history_of_the_first_release_is_brought_up_to_date(settings: Settings) -> None:
    settings.state.mkdir()
    with sqlite3.connect(settings.history_file) as connection:
        connection.executescript(FIRST)
    connection.close()
    for _ in range(2):
        with open_history(settings.history_file) as history:
            assert [night.snapshot for night in history.nights("n")] == ["2026-11-24"]
            record = history.snapshot("n", day(24))
            assert record
            assert (record.sums_sha256, record.rotten) == ("abc", False)
            assert record.verified == record.received == "2026-11-24T03:00:00Z"
            assert history.usual_seconds() == {"n": 1.5}


def test_a_step_that_fails_leaves_what_was(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from kaizen_backups import history_schema

    with open_history(settings.history_file) as history:
        history.add_snapshot("n", day(24), CHECKED)
    monkeypatch.setattr(history_schema, "_STEPS", (*history_schema._STEPS, "CREATE TABLE more (x); nonsense;"))
    with pytest.raises(KaizenError, match="syntax error"), open_history(settings.history_file):
        pass
    monkeypatch.undo()
    with open_history(settings.history_file) as history:
        assert history.snapshot("n", day(24))


def test_what_a_night_needs_is_the_largest_of_the_last_three_and_never_the_first(history: History) -> None:
    for new_bytes in (10_000, 900, 50, 70, 60):
        history.add_attempt("n", 1.0, 1, None, new_bytes)
    history.add_attempt("n", 1.0, 0, "cannot be reached", 0)
    history.add_attempt("new", 1.0, 1, None, 10_000)
    assert history.needs() == {"n": 70}


def test_the_last_run_is_the_one_that_began_last(history: History) -> None:
    assert history.last_run() is None
    history.begin_run(3)
    assert history.last_run()
    assert history.last_run() <= stamp()  # type: ignore[operator]


def test_verdicts_are_kept_and_a_fresh_copy_is_whole_again(history: History) -> None:
    history.add_snapshot("n", day(23), CHECKED)
    history.add_snapshot("n", day(24), CHECKED)
    history.set_verdict("n", ["2026-11-23", "2026-11-22"], rotten=True)
    assert history.rotten("n") == {day(22), day(23)}
    assert history.rotten("other") == set()
    history.add_snapshot("n", day(23), CHECKED)
    history.set_verdict("n", ["2026-11-22"], rotten=False)
    assert history.rotten("n") == set()


def test_an_expired_snapshot_is_off_the_record(history: History) -> None:
    history.add_snapshot("n", day(24), CHECKED)
    history.forget([("n", "2026-11-24")])
    assert history.snapshot("n", day(24)) is None


def test_a_broken_history_says_what_to_do(settings: Settings) -> None:
    settings.state.mkdir()
    settings.history_file.write_bytes(b"not a database, but long enough to look like something" * 100)
    with pytest.raises(KaizenError, match="kaizen history rebuild"), open_history(settings.history_file):
        pass


def test_a_lost_history_is_made_anew_from_the_store(settings: Settings, stored: list[Snapshot]) -> None:
    added, problems = rebuild(settings)
    assert (added, problems) == (2, [])
    with open_history(settings.history_file) as history:
        record = history.snapshot("n", stored[0])
        assert record
        assert (record.files, record.bytes) == (3, 25)
        assert len(record.sums_sha256) == 64
        assert record.verified is None
    assert rebuild(settings) == (0, [])


def test_what_is_still_known_is_worth_more_than_what_is_found(settings: Settings, stored: list[Snapshot]) -> None:
    with open_history(settings.history_file) as history:
        history.add_snapshot("n", stored[0], CHECKED)
        history.add_snapshot("gone", stored[0], CHECKED)
    assert rebuild(settings) == (1, [])
    with open_history(settings.history_file) as history:
        record = history.snapshot("n", stored[0])
        assert record
        assert record.sums_sha256 == CHECKED.sums_sha256
        assert history.known() == {("n", "2026-11-23"), ("n", "2026-11-24")}


def damage_file(path: Path) -> None:
    path.write_bytes(b"junk" * 1000)


def damage_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize("damage", [damage_file, damage_page])
def test_a_broken_history_is_set_aside(
    settings: Settings, stored: list[Snapshot], damage: Callable[[Path], None]
) -> None:
    rebuild(settings)
    damage(settings.history_file)
    added, problems = rebuild(settings)
    assert added == 2
    assert "was broken, and is now" in problems[0]
    assert len(list(settings.state.glob("history.sqlite.broken-*"))) == 1


def test_one_of_a_later_release_is_not_set_aside(settings: Settings, stored: list[Snapshot]) -> None:
    settings.state.mkdir()
    with sqlite3.connect(settings.history_file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(KaizenError, match="later release"):
        rebuild(settings)
    assert list(settings.state.glob("history.sqlite.broken-*")) == []


def test_a_snapshot_that_has_no_sums_is_named(settings: Settings, stored: list[Snapshot]) -> None:
    (settings.store / "n" / "2026-11-23" / "SHA256SUMS").unlink()
    added, (problem,) = rebuild(settings)
    assert added == 1
    assert problem == "n: 2026-11-23: SHA256SUMS: No such file or directory"


def test_a_history_that_is_whole_is_not_set_aside_for_want_of_room(
    settings: Settings, stored: list[Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(settings)
    monkeypatch.setattr("kaizen_backups.history.migrate", raise_full)
    with pytest.raises(KaizenError, match="database or disk is full") as raised:
        rebuild(settings)
    assert "rebuild" not in str(raised.value)
    assert list(settings.state.glob("*.broken-*")) == []


def raise_full(connection: sqlite3.Connection) -> None:
    """Do what a full disk does."""
    connection.execute("PRAGMA max_page_count = 1")
    connection.execute(
        "CREATE TABLE filling AS WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT i FROM n"
    )


def test_a_verdict_that_came_before_the_record_stays_and_the_record_comes(
    settings: Settings, stored: list[Snapshot]
) -> None:
    with open_history(settings.history_file) as history:
        history.set_verdict("n", [str(stored[0])], rotten=True)
        assert history.on_record() == set()
    assert rebuild(settings) == (2, [])
    with open_history(settings.history_file) as history:
        record = history.snapshot("n", stored[0])
        assert record
        assert len(record.sums_sha256) == 64
        assert record.rotten
        assert record.verified


def test_what_came_more_than_a_week_ago_is_no_measure(history: History) -> None:
    for count in (1, 2 << 40):
        history.add_attempt("n", 1, 1, None, count)
    assert history.needs() == {"n": 2 << 40}
    history._db.execute("UPDATE attempts SET at = '2026-01-01T00:00:00Z'")
    assert history.needs() == {}


def test_the_last_drill_and_the_last_good_one_are_known(history: History) -> None:
    assert history.last_drills() == {}
    tables = {"/dumps/mysql/nova.sql.zst": {"instances": 3}}
    history.add_drill("n", day(23), 1.5, [], tables)
    history.add_drill("n", day(24), 1.5, ["it is rotten"], {})
    history.add_drill("m", day(24), 1.5, ["it is rotten"], {})
    assert {node: drill.problems for node, drill in history.last_drills().items()} == {
        "n": ["it is rotten"],
        "m": ["it is rotten"],
    }
    ((node, good),) = history.last_drills(good=True).items()
    assert (node, good.snapshot, good.tables) == ("n", "2026-11-23", tables)


def test_a_night_stays_on_record_when_its_snapshot_has_expired(history: History) -> None:
    history.add_snapshot("n", day(23), CHECKED, "2026-11-23T03:00:00Z", ["a warning"])
    history.add_snapshot("n", day(24), CHECKED, "2026-11-24T03:00:00Z")
    history.forget([("n", "2026-11-23")])
    assert history.snapshot("n", day(23)) is None
    newest, oldest = history.nights("n")
    assert (newest.snapshot, oldest.snapshot) == ("2026-11-24", "2026-11-23")
    assert (oldest.files, oldest.bytes, oldest.warnings) == (3, 2048, ["a warning"])


def test_a_night_is_held_against_those_before_it_and_not_against_later_ones(history: History) -> None:
    large, small = Checked(100, 50 << 20, 9, 9, "0"), Checked(10, 1 << 20, 9, 9, "0")
    for number in range(10, 16):
        history.add_snapshot("n", day(number), large)
    history.add_snapshot("n", day(20), small)
    history.add_snapshot("other", day(21), small)
    # One that was missed, and comes late.
    for number in (21, 22, 23, 24):
        history.add_snapshot("n", day(number), small)
    history.add_snapshot("n", day(16), large)
    odd = {night.snapshot: night.unusual for night in history.nights("n")}
    assert odd["2026-11-20"] == [
        "much smaller: 1.0 MiB, where 50.0 MiB are usual",
        "far fewer files: 10, where 100 are usual",
    ]
    assert odd["2026-11-16"] == []
    assert history.nights("other")[0].unusual == []


def test_the_size_a_week_before_is_that_of_the_last_night_up_to_then(history: History) -> None:
    for number in (10, 14, 19, 24):
        history.add_snapshot("n", day(number), Checked(3, number, 1, 1, "0"))
    found = [history.bytes_before("n", day(number)) for number in (17, 14)]
    found.append(history.bytes_before("n", Snapshot(date(2026, 1, 1))))
    assert found == [14, 14, 10]
    assert history.bytes_before("other", day(17)) is None


def test_a_rebuilt_history_has_the_nights_of_what_is_stored(settings: Settings, stored: list[Snapshot]) -> None:
    rebuild(settings)
    with open_history(settings.history_file) as history:
        assert [night.snapshot for night in history.nights("n")] == [str(snapshot) for snapshot in reversed(stored)]


def test_each_nodes_last_attempt_is_the_one_that_was_made_last(history: History) -> None:
    for node, problem in (("a", None), ("b", "x"), ("a", "y"), ("c", "z"), ("b", None)):
        history.add_attempt(node, 1.0, 0, problem)
    found = history.last_attempts()
    assert {node: attempt.problem for node, attempt in found.items()} == {"a": "y", "b": None, "c": "z"}
    assert [attempt.problem for attempt in history.attempts("a", 9)] == ["y", None]
