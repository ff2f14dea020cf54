"""One node's snapshots: received, checked, published, whatever is found out meanwhile; its door is a stand-in."""

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from kaizen_backups.door import Door
from kaizen_backups.errors import DataError
from kaizen_backups.history import History, open_history
from kaizen_backups.night import Night, Outcome
from kaizen_backups.pace import Pace
from kaizen_backups.receive import Receiver
from kaizen_backups.room import Room
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked, check_tree

YESTERDAY, TODAY = Snapshot(date(2026, 11, 23)), Snapshot(date(2026, 11, 24))
Make = Callable[..., Path]


class StandIn:
    """A door behind which there is one snapshot; it notes how each pull was asked for."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.pulls: list[bool] = []

    async def pull(self, _: Snapshot, target: Path, __: Sequence[Path], ___: object, *, checksum: bool) -> None:
        self.pulls.append(checksum)
        shutil.copytree(self.source, target, dirs_exist_ok=True)


@pytest.fixture
def history(settings: Settings) -> Iterator[History]:
    with open_history(settings.history_file) as history:
        yield history


def receiver(door: StandIn | None, settings: Settings, history: History) -> Receiver:
    night = Night(settings, history, Room(Path("/"), 0, {}), Pace(lambda: None), lambda _: None)
    NodeStore(settings.store, "n").prepare()
    return Receiver(cast(Door, door), night, Outcome("n"))


def test_what_a_verification_finds_meanwhile_is_no_basis_any_more(
    settings: Settings, history: History, make_snapshot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.add_snapshot("n", YESTERDAY, check_tree(make_snapshot(f"store/n/{YESTERDAY}")))

    def check_beside_a_verification(*arguments: Any, **options: Any) -> Checked:
        with open_history(settings.history_file) as verification:
            verification.set_verdict("n", [str(YESTERDAY)], rotten=True)
        return check_tree(*arguments, **options)

    monkeypatch.setattr("kaizen_backups.receive.check_tree", check_beside_a_verification)
    door = StandIn(make_snapshot("source"))
    asyncio.run(receiver(door, settings, history)._receive_whole(TODAY))
    assert door.pulls == [False, True], "contents are compared, once it is known"
    assert NodeStore(settings.store, "n").snapshots() == [YESTERDAY, TODAY]
    assert NodeStore(settings.store, "n").partials() == []


@pytest.mark.parametrize("stored", [False, True])
def test_what_does_not_agree_with_its_sums_takes_no_room(
    settings: Settings, history: History, make_snapshot: Make, stored: bool
) -> None:
    if stored:
        history.add_snapshot("n", YESTERDAY, check_tree(make_snapshot(f"store/n/{YESTERDAY}")))
    source = make_snapshot("source")
    (source / "etc/a").write_text("another")
    with pytest.raises(DataError, match="etc/a does not have the sum"):
        asyncio.run(receiver(StandIn(source), settings, history)._receive_whole(TODAY))
    assert NodeStore(settings.store, "n").partials() == []


def test_a_check_ends_with_the_time_that_its_node_has(
    settings: Settings, history: History, make_snapshot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the run would wait for it, hold the lock, and let every later night exit with 75."""
    ended = threading.Event()

    def check_for_ever(*_: object, abandoned: Callable[[], bool], **__: object) -> None:
        while not abandoned():
            time.sleep(0.01)
        ended.set()

    async def check() -> None:
        async with asyncio.timeout(0.1):
            await receiver(None, settings, history)._check(TODAY, make_snapshot(), None)

    monkeypatch.setattr("kaizen_backups.receive.check_tree", check_for_ever)
    with pytest.raises(TimeoutError):
        asyncio.run(check())
    assert ended.is_set()


@pytest.mark.parametrize("disk", ["xfs"], indirect=True)
def test_a_large_file_changed_in_place_takes_what_changed_in_the_store(
    disk: Path, settings: Settings, history: History, make_snapshot: Make
) -> None:
    settings = settings.model_copy(update={"store": disk})
    data = bytearray(os.urandom(8 << 20))
    free = []
    for number, snapshot in enumerate((YESTERDAY, TODAY)):
        data[0] = number
        door = StandIn(make_snapshot(str(snapshot), large=bytes(data)))
        asyncio.run(receiver(door, settings, history)._receive_whole(snapshot))
        free.append(shutil.disk_usage(disk).free)
    assert free[0] - free[1] < 1 << 20
