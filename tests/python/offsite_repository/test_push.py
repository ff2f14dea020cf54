"""What is sent to a repository, and what is not; it comes back as it was."""

import asyncio
import shutil
from datetime import date
from pathlib import Path

import pytest

from doors import picture
from kaizen_backups.errors import DataError, KaizenError
from kaizen_backups.history_offsite import Copy
from kaizen_backups.offsite.check import check
from kaizen_backups.offsite.restore import StoreRestore, copies_of, restore_copy
from offsite import DAYS, NODES, SECRET, Offsite, parse

TODAY = date(2026, 11, 24)


def test_each_node_and_date_is_a_snapshot_of_restic_with_its_host_and_time(offsite: Offsite) -> None:
    offsite.receive_all()
    pushed = offsite.push()
    assert pushed.problems == []
    assert sorted(pushed.sent) == [f"{node} {day}" for node in NODES for day in DAYS]
    found = {(one["hostname"], str(one["time"])[:19]) for one in offsite.listed()}
    assert found == {(node, f"{day}T04:00:00") for node in NODES for day in DAYS}


def test_what_is_there_is_not_sent_again_though_the_history_is_lost(offsite: Offsite) -> None:
    offsite.receive_all()
    offsite.push()
    offsite.history.set_copies("disk", [])
    again = offsite.push()
    assert (again.sent, again.added_bytes, again.problems) == ([], 0, [])
    assert len(offsite.listed()) == 4


def test_what_vanished_there_is_sent_again(offsite: Offsite) -> None:
    offsite.receive(NODES[0], DAYS[0])
    offsite.push()
    (only,) = offsite.history.copies("disk")
    asyncio.run(offsite.restic.require("forget", only.id))
    assert offsite.push().sent == [f"{NODES[0]} {DAYS[0]}"]


def test_what_is_not_verified_or_rotten_is_not_sent(offsite: Offsite) -> None:
    offsite.receive_all()
    offsite.history.set_verdict(NODES[0], [DAYS[0]], rotten=True)
    offsite.nights[NODES[1]].add("2026-11-25", {"etc/x": b"never checked"})
    pushed = offsite.push()
    assert f"{NODES[0]} {DAYS[0]}" not in pushed.sent
    assert len(pushed.sent) == 3
    assert pushed.unverified == [f"{NODES[1]} 2026-11-25"]


def test_a_dry_run_says_what_would_go_and_sends_nothing(offsite: Offsite) -> None:
    offsite.receive(NODES[0], DAYS[0])
    assert offsite.push(dry_run=True).sent == [f"{NODES[0]} {DAYS[0]}"]
    assert offsite.listed() == []
    assert offsite.history.offsite_state("disk").pushed is None


def test_a_push_that_failed_is_on_record_until_one_ends_well(offsite: Offsite) -> None:
    offsite.receive(NODES[0], DAYS[0])
    away = offsite.place / "away"
    (offsite.place / "repository").rename(away)
    failed = offsite.push()
    assert failed.sent == []
    assert "it can't be reached" in (offsite.history.offsite_state("disk").push_problem or "")
    away.rename(offsite.place / "repository")
    assert offsite.push().problems == []
    state = offsite.history.offsite_state("disk")
    assert state.push_problem is None
    assert state.pushed


def test_nothing_that_is_there_can_be_read_without_the_password(offsite: Offsite) -> None:
    offsite.receive_all()
    offsite.push()
    for path in (offsite.place / "repository").rglob("*"):
        text = path.read_bytes() if path.is_file() else b""
        for word in (SECRET, b"etc/secret", b"secret", *(node.encode() for node in NODES), b"2026-11-23"):
            assert word not in text + str(path.relative_to(offsite.place)).encode()


def test_a_copy_comes_back_and_its_sums_are_right(offsite: Offsite, tmp_path: Path) -> None:
    offsite.receive_all()
    offsite.push()
    copies = offsite.history.copies("disk")
    target = tmp_path / "back"
    target.mkdir()
    asyncio.run(restore_copy(offsite.restic, copies_of(copies, NODES[1], DAYS[0], TODAY), target))
    stored = offsite.nights[NODES[1]].directory / DAYS[0]
    assert picture(target, "*") == picture(stored, "*")
    with pytest.raises(KaizenError, match=r"no snapshot of 2026-11-20; there are 2026-11-23"):
        copies_of(copies, NODES[1], "2026-11-20", TODAY)


def test_a_copy_that_is_not_what_was_collected_is_not_taken_for_good(offsite: Offsite, tmp_path: Path) -> None:
    offsite.receive(NODES[0], DAYS[0])
    offsite.push()
    (copy,) = offsite.history.copies("disk")
    other = Copy(copy.id, copy.node, copy.snapshot, copy.received, "0" * 64)
    target = tmp_path / "back"
    target.mkdir()
    with pytest.raises(DataError, match="the copy is not what was sent"):
        asyncio.run(restore_copy(offsite.restic, [other], target))


def test_an_empty_store_has_everything_again_with_its_links_and_its_record(offsite: Offsite) -> None:
    offsite.receive_all()
    offsite.push()
    store = offsite.settings.store
    before = picture(store, "*/[0-9]*/*")
    for node in NODES:
        shutil.rmtree(store / node)
        for day in DAYS:
            offsite.history.forget([(node, day)])
    work = StoreRestore(offsite.restic, offsite.history, lambda _line: None)
    asyncio.run(work.work(offsite.history.copies("disk")))
    assert (work.problems, work.restored) == ([], 4)
    assert picture(store, "*/[0-9]*/*") == before
    secrets = {(store / NODES[0] / day / "etc/secret").stat().st_ino for day in DAYS}
    assert len(secrets) == 1
    record = offsite.history.snapshot(NODES[0], parse(DAYS[0]))
    assert record
    assert (record.received, record.rotten) == (f"{DAYS[0]}T04:00:00Z", False)
    assert offsite.push().sent == []


def test_a_check_reads_the_next_part_each_time_and_names_damage(offsite: Offsite) -> None:
    offsite.receive_all()
    offsite.push()
    for part in (1, 2):
        asyncio.run(check(offsite.restic, offsite.history))
        assert offsite.history.offsite_state("disk").part == part
    offsite.damage()
    with pytest.raises(DataError, match=r"offsite\.disk: it is damaged"):
        asyncio.run(check(offsite.restic, offsite.history, everything=True))
    state = offsite.history.offsite_state("disk")
    assert "damaged" in (state.check_problem or "")
    assert state.checked
