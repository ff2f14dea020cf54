"""Nights of a collector: who is asked when, what comes late, what was missed, what changed behind its back."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from doors import STORE, Doors, daemon, write_sums
from lab import Fleet

FIRST = date(2026, 11, 2)
A, B, C = "n00.example", "n01.example", "n02.example"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet("nights") as fleet:
        yield fleet


@pytest.fixture(scope="module")
def shared(fleet: Fleet) -> Doors:
    doors = Doors(fleet, 3)
    # A disk of its own: whatever else runs here must not change how much of it is free.
    doors.collector.sh("mkdir -p /backups && mount -t tmpfs -o size=512m,mode=700 store /backups")
    return doors


@pytest.fixture
def doors(shared: Doors) -> Iterator[Doors]:
    """Yield three nodes and their collector, as new."""
    yield shared
    shared.host.sh("rm -rf /srv/*/backups/* /srv/*/backups/.partial*")
    shared.collector.sh("rm -rf /backups/nodes /var/lib/kaizen/history.sqlite*")
    for name in shared.names:
        shared.behind(name, daemon(name))
    shared.list_nodes(shared.names)
    shared.configure(deadline=None, rate={}, floor="16m", keep={"days": 8}, retry_seconds=0, jobs=8)


def day(number: int) -> str:
    return str(FIRST + timedelta(days=number))


def clock(number: int, hour: str = "03:00:00") -> str:
    return f"{day(number)} {hour}"


def night(doors: Doors, number: int, *names: str) -> None:
    """Let nodes make the snapshot of a night; they keep three."""
    for name in names:
        doors.snapshot(name, day(number), {"var/log": f"night {number}\n".encode()})
        for old in sorted(os.listdir(doors.backups(name)))[:-3]:
            doors.host.sh(f"rm -r /srv/{name[:3]}/backups/{old}")


def test_a_node_that_was_off_for_five_nights_comes_back_with_what_it_has(doors: Doors) -> None:
    for number in range(8):
        off = 2 <= number < 7
        night(doors, number, B, *(() if off else (A,)))
        doors.behind(A, "exit 1" if off else daemon(A))
        result = doors.collect(A, B, at=clock(number))
        assert result.code == (1 if off else 0), result.describe()
        assert (A in result.err) == off
    assert doors.stored(B) == [day(number) for number in range(8)]
    assert doors.stored(A) == [day(0), day(1), day(7)]
    states = doors.states(at=clock(7))
    assert states[A]["state"] == states[B]["state"] == "fresh"


def test_nothing_expires_while_a_node_is_off(doors: Doors) -> None:
    for number in range(3):
        night(doors, number, A)
    assert doors.collect(A, at=clock(2)).code == 0
    doors.behind(A, "exit 1")
    for number in (9, 30):
        assert doors.collect(A, at=clock(number)).code == 1
    assert doors.kaizen("prune", at=clock(30)).out == ""
    assert doors.stored(A) == [day(0), day(1), day(2)]


def test_a_collector_that_was_off_for_three_nights_fetches_what_the_nodes_still_have(doors: Doors) -> None:
    for number in range(6):
        night(doors, number, A, B)
        if not 2 <= number < 5:
            assert doors.collect(A, B, at=clock(number)).code == 0
    assert doors.stored(A) == doors.stored(B) == [day(n) for n in (0, 1, 3, 4, 5)]


def test_missed_snapshots_come_oldest_first_and_share_what_is_the_same(doors: Doors) -> None:
    for number in range(3):
        night(doors, number, A)
    result = doors.collect("--json", A, at=clock(2))
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["snapshot"] for event in events if event["event"] == "stored"] == [day(0), day(1), day(2)]
    assert len({(doors.store(A, day(n)) / "etc/name").stat().st_ino for n in range(3)}) == 1


def test_who_is_not_done_yet_is_asked_again_until_it_is(doors: Doors) -> None:
    night(doors, 1, A)
    running = doors.collector.popen(["kaizen", "collect", "--json", "--until", "06:00"], at=clock(1))
    events = []
    with running:
        for line in running.stdout or ():
            events.append(json.loads(line))
            if events[-1]["event"] == "waiting" and events[-1]["node"] == B:
                night(doors, 1, B, C)
    assert running.returncode == 0
    told = [event["event"] for event in events if event["node"] == B]
    assert told.index("waiting") < told.index("done")
    assert doors.stored(A) == doors.stored(B) == doors.stored(C) == [day(1)]


def test_who_is_not_there_at_the_deadline_is_late_and_named(doors: Doors) -> None:
    night(doors, 0, A, B)
    assert doors.collect(A, B, at=clock(0)).code == 0
    night(doors, 1, A)
    doors.behind(C, "exit 1")
    result = doors.collect("-v", "--until", "06:00", at=clock(1, "05:59:54"))
    assert result.code == 1
    assert f"{A}: {day(1)}" in result.out
    assert f"kaizen: {B}: late: no snapshot of {day(1)} by 06:00; its newest is {day(0)}" in result.err
    assert f"kaizen: {C}: late: no snapshot of {day(1)} by 06:00; nothing of it is stored" in result.err
    states = doors.states(at=clock(1))
    assert states[C]["state"] == "never"
    assert states[B]["state"] == "late"


def test_a_deadline_that_is_past_is_one_pass(doors: Doors) -> None:
    """And it may be the setting's, which the one on the command line is as well."""
    doors.configure(deadline="06:00")
    night(doors, 1, A, B, C)
    for until in ("06:00", "deadline"):
        assert doors.collect("--until", until, at=clock(1, "08:00:00")).code == 0


def test_who_refuses_the_key_is_not_asked_again(doors: Doors) -> None:
    night(doors, 1, A, B, C)
    keys = f"/srv/{user(A)}/.ssh/authorized_keys"
    doors.host.sh(f"mv {keys} /tmp/keys")
    try:
        result = doors.collect("--json", "--until", "06:00", at=clock(1))
    finally:
        doors.host.sh(f"mv /tmp/keys {keys}")
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["event"] for event in events if event["node"] == A] == ["asking", "done"]
    assert "does not accept the collector's key" in result.err
    assert doors.stored(B) == [day(1)]


def test_what_may_pass_is_tried_again_at_once(doors: Doors) -> None:
    doors.configure(retry_seconds=20)
    night(doors, 1, A)
    doors.host.write("/usr/local/bin/flaky", f"#!/bin/sh\nmkdir /tmp/tried || exec {daemon(A)}\n", mode=0o755)
    doors.behind(A, "/usr/local/bin/flaky")
    result = doors.collect("--json", A, at=clock(1))
    assert result.code == 0
    events = [json.loads(line)["event"] for line in result.out.splitlines()]
    assert events[:3] == ["asking", "waiting", "asking"]
    assert doors.stored(A) == [day(1)]


def test_one_at_a_time_is_one_at_a_time_and_the_slowest_first(doors: Doors) -> None:
    doors.configure(jobs=1)
    doors.host.write("/usr/local/bin/slow", f"#!/bin/sh\nsleep 1; exec {daemon(B)}\n", mode=0o755)
    doors.behind(B, "/usr/local/bin/slow")
    for number in (1, 2):
        night(doors, number, A, B)
        result = doors.collect("--json", A, B, at=clock(number))
    events = [json.loads(line) for line in result.out.splitlines()]
    order = [(event["event"], event["node"]) for event in events if event["event"] in ("asking", "done")]
    assert order == [("asking", B), ("done", B), ("asking", A), ("done", A)]


def test_the_rate_is_kept_by_all_together_and_by_window(doors: Doors) -> None:
    """At noon as much would take many minutes; at night it is not held up."""
    for name in (A, B):
        # Too much to be received before the rate is looked after for the first time.
        doors.snapshot(name, day(1), {"large": os.urandom(96 << 20)})
    doors.configure(rate={"07:00-19:00": "100k"})
    running = doors.collector.popen(
        ["kaizen", "collect", A, B], at=clock(1, "12:00:00"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not written(doors) and running.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    first = written(doors)
    time.sleep(3)
    assert running.poll() is None
    assert written(doors) - first < 1 << 20
    running.end()
    assert doors.collect(A, B, at=clock(1)).code == 0


def written(doors: Doors) -> int:
    partials = doors.collector.path("/backups/nodes").glob("*/.partial-*/.large.*")
    return sum(path.stat().st_size for path in partials)


def test_a_limit_on_the_command_line_goes_before_the_windows(doors: Doors) -> None:
    doors.snapshot(A, day(1), {"large": os.urandom(4 << 20)})
    doors.configure(rate={"00:00-00:00": "10k"})
    assert doors.collect("--limit-rate", "100m", A, at=clock(1)).code == 0


def test_what_a_node_rewrites_of_what_was_collected_changes_nothing_and_is_reported(doors: Doors) -> None:
    for number in range(3):
        night(doors, number, A)
    assert doors.collect(A, at=clock(2)).code == 0
    before = doors.picture()
    root = doors.backups(A) / day(1)
    (root / "var/log").unlink()
    (root / "var/log").write_text("nothing ever happened\n")
    write_sums(root)
    result = doors.collect(A, at=clock(2))
    assert result.code == 1
    assert result.err == (
        f"kaizen: {A}: {day(1)}: it was collected, and is rewritten there since; the store has it as it was\n"
    )
    assert doors.picture() == before
    assert doors.states()[A]["state"] == "failing"


def test_what_a_node_deletes_of_what_was_collected_stays_and_is_reported(doors: Doors) -> None:
    for number in range(3):
        night(doors, number, A, B)
    assert doors.collect(A, B, at=clock(2)).code == 0
    before = doors.picture()
    doors.host.sh(f"rm -r /srv/{user(A)}/backups/{day(1)} /srv/{user(B)}/backups/*")
    result = doors.collect(A, B, at=clock(2))
    assert result.code == 1
    assert f"kaizen: {A}: {day(1)}: it was collected, and is deleted there before its time" in result.err
    assert f"kaizen: {B}: {day(2)}: it was collected, and is deleted there before its time" in result.err
    assert doors.picture() == before


def test_a_rotten_file_is_no_basis_and_comes_anew_while_the_rest_is_shared(doors: Doors) -> None:
    for number in (0, 1):
        night(doors, number, A)
        assert doors.collect(A, at=clock(number)).code == 0
    victim = doors.store(A, day(1)) / "etc/name"
    status = victim.stat()
    victim.write_bytes(b"N00.example")
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    doors.host.sh(f"rm -r /srv/{user(A)}/backups/{day(0)}")
    result = doors.kaizen("verify")
    assert result.code == 65
    assert result.err == f"kaizen: {A}: {day(0)}, {day(1)}: etc/name does not have the sum that SHA256SUMS gives\n"
    night(doors, 2, A)
    assert doors.collect(A, at=clock(2)).code == 0
    for number in (1, 2):
        assert (doors.store(A, day(number)) / "etc/name").read_text() == A
        same = doors.store(A, day(number)) / "backup.info"
        assert same.stat().st_ino == (doors.store(A, day(0)) / "backup.info").stat().st_ino
    assert (doors.store(A, day(0)) / "etc/name").read_text() == "N00.example", "the node no longer has that night"
    result = doors.kaizen("verify")
    assert result.err == f"kaizen: {A}: {day(0)}: etc/name does not have the sum that SHA256SUMS gives\n"
    assert doors.collect(A, at=clock(2)).code == 0
    assert not [name for name in doors.stored(A) if name.startswith(".")]


def test_a_rotten_snapshot_is_not_replaced_by_anything_but_itself(doors: Doors) -> None:
    night(doors, 1, A)
    assert doors.collect(A, at=clock(1)).code == 0
    (doors.store(A, day(1)) / "var/log").write_text("rot\n")
    assert doors.kaizen("verify").code == 65
    root = doors.backups(A) / day(1)
    (root / "var/log").write_text("another past\n")
    write_sums(root)
    result = doors.collect(A, at=clock(1))
    assert result.code == 1
    assert "what the node has now is not what was collected, so the rotten one stays" in result.err
    assert (doors.store(A, day(1)) / "var/log").read_text() == "rot\n"


def test_what_the_night_lacks_is_told_before_it_begins_and_nothing_begins_that_cannot_end(doors: Doors) -> None:
    doors.configure(keep={"days": 1})
    for number in range(3):
        doors.snapshot(A, day(number), {"large": os.urandom(3 << 20)})
        doors.snapshot(B, day(number))
        assert doors.collect(A, B, at=clock(number)).code == 0
    free = doors.collector.sh("df --output=avail -B1 /backups | tail -1").out.strip()
    doors.configure(floor=int(free) - (2 << 20))
    doors.snapshot(A, day(3), {"large": os.urandom(3 << 20)})
    doors.snapshot(B, day(3))
    result = doors.collect(A, B, at=clock(3))
    assert result.code == 1
    assert "MiB are missing for this one; 'kaizen prune' would free" in result.err
    assert f"kaizen: {A}: not begun: it is expected to need 3.0 MiB" in result.err
    assert doors.stored(A) == [day(2)]
    assert doors.stored(B) == [day(3)]
    doors.configure(floor="16m")
    assert doors.collect(A, B, at=clock(3)).code == 0


def test_what_an_earlier_try_left_does_not_hold_the_room_that_is_needed(doors: Doors) -> None:
    doors.configure(keep={"days": 1})
    for number in range(3):
        doors.snapshot(A, day(number), {"large": os.urandom(3 << 20)})
        assert doors.collect(A, at=clock(number)).code == 0
    doors.collector.sh(f"mkdir {STORE}/{A}/.partial-x; head -c 6M /dev/urandom >{STORE}/{A}/.partial-x/half")
    free = doors.collector.sh("df --output=avail -B1 /backups | tail -1").out.strip()
    doors.configure(floor=int(free) - (2 << 20))
    doors.snapshot(A, day(3), {"large": os.urandom(3 << 20)})
    doors.collect(A, at=clock(3))
    assert doors.stored(A) == [day(3)]


def test_what_a_run_left_that_was_killed_after_publishing_is_gone_after_the_next(doors: Doors) -> None:
    night(doors, 1, A)
    assert doors.collect(A, at=clock(1)).code == 0
    doors.collector.sh(f"cp -al {STORE}/{A}/{day(1)} {STORE}/{A}/.partial-{day(1)}.x")
    assert doors.collect(A, at=clock(1)).code == 0
    assert doors.stored(A) == [day(1)]


def test_a_reception_that_would_leave_less_than_the_floor_is_broken_off(doors: Doors) -> None:
    night(doors, 1, B)
    doors.snapshot(A, day(1), {"large": os.urandom(40 << 20)})
    free = doors.collector.sh("df --output=avail -B1 /backups | tail -1").out.strip()
    doors.configure(floor=int(free) - (8 << 20), retry_seconds=20)
    result = doors.collect("--limit-rate", "16m", A, B, at=clock(1))
    assert "broken off: the store has less than its floor" in result.err
    assert doors.stored(A) == []
    assert doors.stored(B) == [day(1)], result.describe()


def test_a_link_that_is_cut_is_over_within_a_minute(doors: Doors) -> None:
    doors.configure(retry_seconds=20)
    night(doors, 1, B)
    doors.snapshot(A, day(1), {"large": os.urandom(96 << 20)})
    running = doors.collector.popen(["kaizen", "collect", "--json", "--limit-rate", "2m", A], at=clock(1))
    for line in running.stdout or ():
        if json.loads(line)["event"] == "receiving":
            time.sleep(1)
            doors.host.cut()
            break
    began = time.monotonic()
    running.communicate(timeout=90)
    doors.host.mend()
    assert running.returncode == 1
    assert time.monotonic() - began < 60
    assert doors.collect(A, B, at=clock(1)).code == 0
    assert doors.stored(A) == [day(1)]


def test_a_dry_run_says_what_it_would_fetch_and_touches_nothing(doors: Doors) -> None:
    night(doors, 1, A, B)
    result = doors.collect("-n", A, B, at=clock(1))
    assert sorted(result.out.splitlines()) == [f"{name}: would fetch {day(1)}" for name in (A, B)]
    assert doors.stored(A) == []
    assert doors.states()[A]["problem"] == "never collected"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_at_once_and_loses_nothing(doors: Doors, number: signal.Signals) -> None:
    night(doors, 1, B)
    assert doors.collect(B, at=clock(1)).code == 0
    doors.snapshot(A, day(1), {"large": os.urandom(20 << 20)})
    running = doors.collector.popen(["kaizen", "collect", "--json", "--limit-rate", "100k", A], at=clock(1))
    with running:
        for line in running.stdout or ():
            if json.loads(line)["event"] == "receiving":
                break
        running.send_signal(number)
        assert running.wait(timeout=120) == 130
    assert doors.stored(B) == [day(1)]
    assert day(1) not in doors.stored(A)
    assert doors.collect(A, B, at=clock(1)).code == 0
    assert doors.stored(A) == [day(1)]


def test_at_a_terminal_each_node_at_work_is_shown_and_elsewhere_nothing(doors: Doors) -> None:
    night(doors, 1, B)
    # So much that it is not all received before the rate is looked after for the first time.
    doors.snapshot(A, day(1), {f"large{number}": os.urandom(1 << 20) for number in range(96)})
    command = f"kaizen collect --limit-rate 24m {A} {B}"
    shown = doors.collector.run(["script", "-qec", f"stty cols 120; {command}", "/dev/null"], at=clock(1))
    assert re.search(rf"{A} +receiving {day(1)} +[0-9.]+ [KM]?i?B +[0-9.]+ [KM]?i?B/s", shown.out)
    assert "2/2" in shown.out
    assert f"{B}: {day(1)} (" in shown.out
    quiet = doors.collect(A, B, at=clock(1))
    assert (quiet.out, quiet.err) == ("", "")


def user(name: str) -> str:
    return name.partition(".")[0]
