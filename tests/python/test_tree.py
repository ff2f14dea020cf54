"""Walking a tree: all regular files, none outside."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.errors import DataError
from kaizen_backups.tree import directories, open_file, read_file, regular_files, show_name


def walk(root: Path, other: Path | None = None) -> dict[bytes, bool]:
    return {file.name: file.linked for file in regular_files(root, other)}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("secret")
    return tmp_path / "outside"


def test_every_regular_file_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    for name in ("one", "a/two", "a/b/three"):
        (root / name).touch()
    os.mkfifo(root / "a/pipe")
    (root / "a/link").symlink_to("two")
    assert walk(root).keys() == {b"one", b"a/two", b"a/b/three"}


def test_a_symlink_to_a_directory_is_no_directory(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "d").symlink_to(outside)
    assert walk(tmp_path / "root") == {}


def test_a_root_that_is_a_symlink_is_refused(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root").symlink_to(outside)
    with pytest.raises(OSError, match="Not a directory"):
        walk(tmp_path / "root")


def test_the_other_tree_is_not_left_either(tmp_path: Path, outside: Path) -> None:
    """In the older one stands a symlink where the newer has a directory: what it leads to is not looked at."""
    (tmp_path / "new/d/e").mkdir(parents=True)
    (tmp_path / "old").mkdir()
    os.link(outside / "file", tmp_path / "new/d/file")
    os.link(outside / "file", tmp_path / "new/d/e/file")
    (outside / "e").mkdir()
    os.link(outside / "file", outside / "e/file")
    (tmp_path / "old/d").symlink_to(outside)
    assert walk(tmp_path / "new", tmp_path / "old") == {b"d/file": False, b"d/e/file": False}


def test_the_same_file_in_both_trees_is_linked(tmp_path: Path) -> None:
    for name in ("old/d", "new/d"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "own").touch()
    (tmp_path / "old/d/shared").touch()
    os.link(tmp_path / "old/d/shared", tmp_path / "new/d/shared")
    os.link(tmp_path / "old/d/shared", tmp_path / "new/d/moved")
    assert walk(tmp_path / "new", tmp_path / "old") == {b"d/own": False, b"d/shared": True, b"d/moved": False}


def test_nested_deeper_than_allowed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join(["d"] * 6)).mkdir(parents=True)
    list(regular_files(tmp_path, depth=6))
    with pytest.raises(DataError, match=r"deeper than 5 levels \(limits\.depth\)"):
        list(regular_files(tmp_path, depth=5))


def test_no_descriptor_stays_open(make_snapshot: Callable[..., Path]) -> None:
    root = make_snapshot()
    before = os.listdir("/proc/self/fd")
    for _ in regular_files(root, root):
        break
    list(regular_files(root, root))
    assert os.listdir("/proc/self/fd") == before


def test_every_directory_comes_with_what_is_in_it(tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/file").touch()
    (root / "a/link").symlink_to(outside)
    found = {name: {entry.name for entry in entries} for name, _, entries in directories(root)}
    assert found == {b"": {"a"}, b"a/": {"b", "file", "link"}, b"a/b/": set()}
    root.rename(tmp_path / "moved")
    root.symlink_to("moved")
    with pytest.raises(OSError, match="Not a directory"):
        list(directories(root))


def test_a_file_is_opened_by_no_way_through_a_symlink(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root/a").mkdir(parents=True)
    (tmp_path / "root/a/file").write_text("x")
    (tmp_path / "root/out").symlink_to(outside)
    (tmp_path / "root/a/link").symlink_to("file")
    os.mkfifo(tmp_path / "root/a/pipe")
    before = os.listdir("/proc/self/fd")
    with os.fdopen(open_file(tmp_path / "root", b"a/file")) as file:
        assert file.read() == "x"
    for name in (b"out/file", b"a/link", b"a", b"a/pipe", b"a/none", b"a/file/x"):
        with pytest.raises(OSError, match=r"Errno"):
            open_file(tmp_path / "root", name)
    assert os.listdir("/proc/self/fd") == before


def test_a_file_at_the_root_is_read_up_to_its_limit(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(tmp_path, "file", 5) == b"12345"
    with pytest.raises(DataError, match="larger than 4 bytes"):
        read_file(tmp_path, "file", 4)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(outside / "file")
    for name in ("pipe", "link", "none", "outside"):
        with pytest.raises(DataError, match=f"^{name}"):
            read_file(tmp_path, name, 100)


def test_a_name_is_shown_in_one_harmless_line() -> None:
    assert show_name(b"a\n\x1b[2J\xff" + b"x" * 1000).startswith(r"a\n\x1b[2J\xff")
    assert len(show_name(b"x" * 1000)) == 200
