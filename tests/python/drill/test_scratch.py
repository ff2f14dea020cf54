"""Scratch space is ours alone, is enough, and goes."""

import os
from pathlib import Path

import pytest

from kaizen_backups.drill.scratch import require_room, room_watch, scratch
from kaizen_backups.errors import NoRoomError
from kaizen_backups.room import free_bytes


def test_it_is_for_us_alone_and_goes_whatever_happens(tmp_path: Path) -> None:
    def fail() -> None:
        with scratch(tmp_path / "new/scratch") as place:
            assert place.stat().st_mode & 0o777 == 0o700
            (place / "deep/er").mkdir(parents=True)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (it is the test's own)
        fail()
    assert os.listdir(tmp_path / "new/scratch") == []


def test_what_a_killed_drill_left_goes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "other/files").mkdir(parents=True)
    (tmp_path / "scratch/.drill-old/files").mkdir(parents=True)
    (tmp_path / "scratch/.drill-old/files/out").symlink_to(tmp_path / "other")
    (tmp_path / "scratch/.drill-link").symlink_to(tmp_path / "other")
    (tmp_path / "scratch/mine").mkdir()
    (tmp_path / "scratch/.drill-foreign").mkdir()
    os.chown(tmp_path / "scratch/.drill-foreign", 1234, 1234)
    with scratch(tmp_path / "scratch"):
        pass
    assert sorted(os.listdir(tmp_path / "scratch")) == [".drill-foreign", ".drill-link", "mine"]
    assert (tmp_path / "other/files").is_dir()


def test_what_would_not_leave_the_floor_free_is_not_begun(tmp_path: Path) -> None:
    free = free_bytes(tmp_path)
    require_room(tmp_path, free // 2, free // 4)
    with pytest.raises(NoRoomError, match=r"expected to need .*: give another place with --scratch"):
        require_room(tmp_path, free // 2, free - free // 4)


def test_what_comes_below_the_floor_is_broken_off(tmp_path: Path) -> None:
    room_watch(tmp_path, 0)(0)
    with pytest.raises(NoRoomError, match="broken off"):
        room_watch(tmp_path, 1 << 60)(0)
