"""The store: a snapshot is there whole or not at all, and is never written to again."""

import os
from datetime import date
from pathlib import Path

import pytest

from kaizen_backups.errors import KaizenError
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore, existing

DAY = Snapshot(date(2026, 11, 24))


@pytest.fixture
def store(tmp_path: Path) -> NodeStore:
    store = NodeStore(tmp_path / "store", "n1.example")
    store.prepare()
    return store


def test_the_store_is_for_root_alone(store: NodeStore) -> None:
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert store.directory.parent.stat().st_mode & 0o777 == 0o700


def test_a_published_snapshot_has_its_name_and_the_partial_is_gone(store: NodeStore) -> None:
    partial = store.new_partial(DAY)
    (partial / "file").write_text("x")
    store.publish(partial, DAY)
    assert store.snapshots() == [DAY]
    assert (store.path(DAY) / "file").read_text() == "x"
    assert store.partials() == []


def test_a_stored_snapshot_is_never_replaced(store: NodeStore) -> None:
    store.publish(store.new_partial(DAY), DAY)
    with pytest.raises(KaizenError, match="is there already"):
        store.publish(store.new_partial(DAY), DAY)


def test_a_rotten_snapshot_is_replaced_and_never_missing(store: NodeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in ("rotten", "whole"):
        partial = store.new_partial(DAY)
        (partial / "file").write_text(content)
        if content == "rotten":
            store.publish(partial, DAY)

    def killed(*_: object) -> None:
        assert (store.path(DAY) / "file").read_text() == "whole"
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "discard", killed)
        with pytest.raises(KeyboardInterrupt):
            store.replace(partial, DAY)
    assert (store.path(DAY) / "file").read_text() == "whole"
    assert store.snapshots() == [DAY]


def test_names_that_are_not_stored_are_told(store: NodeStore, tmp_path: Path) -> None:
    (tmp_path / "store" / ".hidden").mkdir()
    (tmp_path / "store" / "file").touch()
    assert existing(tmp_path / "store", []) == ["n1.example"]
    assert existing(tmp_path / "nowhere", []) == []
    with pytest.raises(KaizenError, match="n2: nothing of it is stored"):
        existing(tmp_path / "store", ["n2"])


def test_partials_files_and_symlinks_are_no_snapshots(store: NodeStore) -> None:
    store.new_partial(DAY)
    (store.directory / "2026-11-01").write_text("")
    (store.directory / "2026-11-02").symlink_to("/etc")
    (store.directory / "2026-11-03-old").mkdir()
    assert store.snapshots() == []


def test_a_removal_that_was_killed_leaves_no_snapshot_and_is_finished_later(store: NodeStore) -> None:
    store.publish(store.new_partial(DAY), DAY)
    gone = store.directory / ".expired-x"
    gone.mkdir()
    store.path(DAY).rename(gone / "2026-11-24")
    assert store.snapshots() == []
    store.finish_removals()
    assert list(store.directory.iterdir()) == []


def test_removing_follows_no_symlink(store: NodeStore, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("x")
    partial = store.new_partial(DAY)
    (partial / "link").symlink_to(tmp_path / "outside")
    store.publish(partial, DAY)
    store.discard([store.path(DAY)])
    assert (tmp_path / "outside" / "file").read_text() == "x"
    assert list(store.directory.iterdir()) == []


def test_a_tree_of_any_depth_is_removed(store: NodeStore) -> None:
    partial = store.new_partial(DAY)
    here = os.open(partial, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    store.discard([partial])
    assert list(store.directory.iterdir()) == []


def test_what_is_no_directory_holds_no_snapshots(store: NodeStore) -> None:
    store.directory.rmdir()
    store.directory.write_text("a file")
    assert store.snapshots() == []
