"""What is sent to a repository, and what is not."""

import asyncio

from offsite_nights import DAYS, NODES, Offsite


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
