"""No collection begins that can't end, and the floor stays free."""

from pathlib import Path

import pytest

from kaizen_backups import room
from kaizen_backups.errors import NoRoomError, NoRoomYetError
from kaizen_backups.room import Room, free_bytes

MIB = 1 << 20


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Set what is free by putting a number in the list."""
    found = [100 * MIB]
    monkeypatch.setattr(room, "free_bytes", lambda _: found[0])
    return found


def make_room(tmp_path: Path, **needs: int) -> Room:
    return Room(tmp_path, 10 * MIB, {node: need * MIB for node, need in needs.items()})


def test_the_file_system_is_asked_also_before_the_store_is_made(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0


def test_what_a_night_lacks_is_told(tmp_path: Path, free: list[int]) -> None:
    room = make_room(tmp_path, a=60, b=50)
    assert room.missing(["a", "b", "new"]) == 20 * MIB
    assert room.missing(["a"]) == 0


def test_what_others_are_expected_to_take_is_not_there(tmp_path: Path, free: list[int]) -> None:
    room = make_room(tmp_path, a=60, b=50)
    with room.reserve("a"):
        with pytest.raises(NoRoomYetError, match=r"need 50\.0 MiB, and the store has 30\.0 MiB above its floor"):
            room.reserve("b").__enter__()
        # What it has taken is no longer free, and no longer held for it.
        free[0] = 60 * MIB
        room.received("a", 40 * MIB)
        with room.reserve("new"):
            pass
    with room.reserve("b"):
        pass


def test_a_reception_is_broken_off_below_the_floor(tmp_path: Path, free: list[int]) -> None:
    room = make_room(tmp_path)
    with room.reserve("a"):
        room.received("a", 1)
        free[0] = 9 * MIB
        with pytest.raises(NoRoomError, match=r"less than its floor of 10\.0 MiB"):
            room.received("a", 2)


def test_who_went_furthest_beyond_what_was_expected_is_broken_off_and_nobody_else(
    tmp_path: Path, free: list[int]
) -> None:
    room = make_room(tmp_path, a=20, b=2)
    with room.reserve("a"), room.reserve("b"), room.reserve("new"):
        room.received("a", 15 * MIB)
        room.received("b", 8 * MIB)
        free[0] = 9 * MIB
        room.received("a", 16 * MIB)
        room.received("new", 1 * MIB)
        with pytest.raises(NoRoomError):
            room.received("b", 9 * MIB)


def test_who_receives_nothing_now_is_not_waited_for(tmp_path: Path, free: list[int]) -> None:
    room = make_room(tmp_path)
    with room.reserve("a"), room.reserve("b"):
        room.received("a", 50 * MIB)
        room.rests("a")
        free[0] = 9 * MIB
        with pytest.raises(NoRoomError):
            room.received("b", 1 * MIB)


def test_a_store_that_runs_out_of_inodes_begins_nothing_and_breaks_nobody_off(
    tmp_path: Path, free: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    room_for = make_room(tmp_path)
    with room_for.reserve("a"):
        monkeypatch.setattr(room, "_few_inodes", lambda _: True)
        room_for.received("a", 1)
        with pytest.raises(NoRoomError, match="not begun: less than 1% of the store's inodes"):
            room_for.reserve("b").__enter__()
