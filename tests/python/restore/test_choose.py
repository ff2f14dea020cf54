"""Which snapshot is meant; which path."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from kaizen_backups.errors import KaizenError
from kaizen_backups.restore.choose import choose_snapshot, parse_path, require_there
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore

TODAY = date(2026, 11, 25)
STORED = [s for name in ("2026-11-20", "2026-11-23", "2026-11-23.2", "2026-11-24") if (s := Snapshot.parse(name))]


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("latest", "2026-11-24"),
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23.2", "2026-11-23.2"),
        ("2 days ago", "2026-11-23.2"),
        ("yesterday", "2026-11-24"),
    ],
)
def test_a_name_is_that_snapshot_and_a_day_its_newest(at: str, name: str) -> None:
    assert str(choose_snapshot(STORED, at, TODAY)) == name


@pytest.mark.parametrize("at", ["today", "2026-11-22", "2026-11-24.2", "3 days ago"])
def test_where_there_is_none_those_that_there_are_are_named(at: str) -> None:
    with pytest.raises(
        KaizenError, match=r"no snapshot .*; there are 2026-11-20, 2026-11-23, 2026-11-23.2, 2026-11-24"
    ):
        choose_snapshot(STORED, at, TODAY)


def test_words_that_mean_nothing_are_refused() -> None:
    with pytest.raises(KaizenError, match="--at the other day: must be a day"):
        choose_snapshot(STORED, "the other day", TODAY)


def test_paths_are_absolute_and_plain() -> None:
    assert (parse_path("/etc/nova/"), parse_path("/"), parse_path("/-x\udcff\n*")) == (b"etc/nova", b"", b"-x\xff\n*")
    for path in ("etc", "", "/etc/../x", "/etc/./x", "//etc", "/etc//x", "/..", "/SHA256SUMS"):
        with pytest.raises(ValueError, match=r"absolute path|no file of the node"):
            parse_path(path)


def test_a_path_that_is_missing_is_said_to_be_where_it_is(tmp_path: Path, make_snapshot: Callable[..., Path]) -> None:
    make_snapshot("store/n/2026-11-20")
    make_snapshot("store/n/2026-11-23", **{"etc/gone": b"x"})
    make_snapshot("store/n/2026-11-24")
    store = NodeStore(tmp_path / "store", "n")
    newest = store.snapshots()[-1]
    require_there(store, newest, [b"etc/a", b""])
    with pytest.raises(KaizenError, match=r"/etc/gone is not in 2026-11-24; it is in 2026-11-23$"):
        require_there(store, newest, [b"etc/gone"])
    with pytest.raises(KaizenError, match="in no other snapshot either"):
        require_there(store, newest, [b"etc/never"])
