"""An imported file is a hard link to the day before's only where nothing about it differs: they share all of it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.onboard.legacy_links import link_unchanged


def tree(root: Path, *names: str) -> Path:
    """Make a tree of equal files; its directories have an old time."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("same\n")
        path.chmod(0o640)
        os.utime(path, ns=(5, 1_790_000_000_123_456_789))
    for name in names:
        os.utime((root / name).parent, ns=(7, 7))
    return root


def is_linked(one: Path, other: Path, name: str) -> bool:
    return (one / name).samefile(other / name)


def test_an_equal_file_becomes_a_link_and_its_directory_keeps_its_time(tmp_path: Path) -> None:
    last, new = tree(tmp_path / "last", "etc/a"), tree(tmp_path / "new", "etc/a", "etc/b")
    link_unchanged(new, last)
    assert is_linked(new, last, "etc/a")
    assert sorted(os.listdir(new / "etc")) == ["a", "b"]
    assert (new / "etc").stat().st_mtime_ns == 7


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.chmod(0o600),
        lambda path: os.chown(path, 1234, -1),
        lambda path: os.chown(path, -1, 1234),
        lambda path: os.utime(path, ns=(5, 1_790_000_000_123_456_788)),
        lambda path: os.setxattr(path, "user.x", b"y"),
    ],
    ids=["mode", "owner", "group", "time", "attribute"],
)
def test_a_file_of_which_anything_differs_stays_its_own(tmp_path: Path, change: Callable[[Path], None]) -> None:
    last, new = tree(tmp_path / "last", "etc/a"), tree(tmp_path / "new", "etc/a")
    change(new / "etc/a")
    before = (new / "etc/a").stat(), (last / "etc/a").stat()
    link_unchanged(new, last)
    assert not is_linked(new, last, "etc/a")
    assert ((new / "etc/a").stat(), (last / "etc/a").stat()) == before


def test_other_bytes_of_the_same_size_and_time_stay_their_own(tmp_path: Path) -> None:
    last, new = tree(tmp_path / "last", "etc/a"), tree(tmp_path / "new", "etc/a")
    with (new / "etc/a").open("r+b") as file:
        file.write(b"S")
    os.utime(new / "etc/a", ns=(5, 1_790_000_000_123_456_789))
    link_unchanged(new, last)
    assert (new / "etc/a").read_text() == "Same\n"
    assert (last / "etc/a").read_text() == "same\n"


def test_no_link_is_followed_out_of_the_snapshot_before(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", "a")
    last, new = tmp_path / "last", tree(tmp_path / "new", "etc/a", "b")
    last.mkdir()
    (last / "etc").symlink_to(outside)
    (last / "b").symlink_to(outside / "a")
    link_unchanged(new, last)
    assert (outside / "a").stat().st_nlink == 1


def test_links_among_the_files_of_one_tree_are_neither_made_nor_lost(tmp_path: Path) -> None:
    last, new = tree(tmp_path / "last", "a", "b", "c", "d"), tree(tmp_path / "new", "a", "b", "c", "d")
    (last / "b").unlink()
    (last / "b").hardlink_to(last / "a")
    (new / "d").unlink()
    (new / "d").hardlink_to(new / "c")
    link_unchanged(new, last)
    assert not (new / "a").samefile(new / "b")
    assert (new / "c").samefile(new / "d")
