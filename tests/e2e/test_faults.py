"""Nights of ten nodes with kills, cut links and full disks at random moments: what is published is whole, and stays.

KAIZEN_FAULTS=full runs 300 kills, 100 cut links and 100 full disks; otherwise it is a tenth of each.
"""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from itertools import count

import pytest

from doors import STORE, Doors
from lab import Fleet

NODES = 10
DAY = "2026-11-24"
AT = f"{DAY} 03:00:00"
SHARED = {f"etc/{number}": b"%d\n" % number * 50 for number in range(20)}
FULL = os.environ.get("KAIZEN_FAULTS") == "full"


def times(many: int) -> range:
    return range(many if FULL else many // 10)


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with Fleet("faults") as fleet:
        doors = Doors(fleet, NODES, floor=0, limits={"again": 9999}, jobs=5)
        # A disk of its own, so that it can be full.
        doors.collector.sh(f"mkdir -p {STORE} && mount -t tmpfs -o size=96m,mode=700 store {STORE}")
        yield doors


@pytest.fixture
def chance() -> random.Random:
    return random.Random(os.environ.get("KAIZEN_SEED", "6"))


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(2)


def new_night(doors: Doors, number: int, size: int = 100_000) -> str:
    """Let every node make one more snapshot, and forget its older ones; return its name."""
    doors.host.sh("rm -rf /srv/*/backups/*")
    for name in doors.names:
        doors.snapshot(name, f"{DAY}.{number}", {**SHARED, "var/new": os.urandom(size)})
    return f"{DAY}.{number}"


def require_whole(doors: Doors, before: set[str]) -> set[str]:
    """Check that all that was published is there as it was, and that all that is published now is whole."""
    after = doors.picture()
    assert before <= after
    doors.collector.sh(f"""shopt -s nullglob; for snapshot in {STORE}/*/[0-9]*/; do
        cd $snapshot && sha256sum --quiet --strict -c SHA256SUMS; done""")
    return after


def require_complete(doors: Doors, night: str) -> None:
    """Check that an undisturbed run has everything, and leaves nothing half done."""
    result = doors.collect(at=AT)
    assert result.code == 0, result.describe()
    for name in doors.names:
        stored = doors.stored(name)
        assert night in stored
        assert not [entry for entry in stored if entry.startswith(".")]


def keep_the_last(doors: Doors, night: str) -> None:
    """Make room for what comes, as retention would."""
    doors.collector.sh(f"cd {STORE} && for node in *; do (cd $node && ls | sed /^{night}$/d | xargs -r rm -r); done")


def test_a_kill_at_any_moment_costs_nothing_that_is_published(
    doors: Doors, chance: random.Random, numbers: Iterator[int]
) -> None:
    """Five runs a night are killed, each at some moment of the time that a whole run takes on this machine."""
    kills = 0
    night = new_night(doors, next(numbers))
    begun = time.monotonic()
    require_complete(doors, night)
    whole_run = time.monotonic() - begun
    while kills < len(times(300)):
        keep_the_last(doors, night)
        night = new_night(doors, next(numbers))
        before = doors.picture()
        for _ in range(5):
            kills += kill_a_run(doors, chance.random() * whole_run)
            before = require_whole(doors, before)
        require_complete(doors, night)
    assert left_behind(doors) == []


def kill_a_run(doors: Doors, after: float) -> bool:
    """Begin a collection, kill it after so many seconds, and return whether it still ran."""
    running = doors.collector.popen(["kaizen", "collect"], at=AT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    caught = running.poll() is None
    running.end()
    doors.collector.sh("rm -f /dev/shm/*faketime*")
    return caught


def left_behind(doors: Doors) -> list[str]:
    """Return what still runs on the collector of collections that were killed; it gets a moment to end."""
    for _ in range(50):
        found = doors.collector.sh("pgrep -a 'kaizen|rsync|bwrap|^ssh$' || true").out.splitlines()
        if not found:
            break
        time.sleep(0.1)
    return found


def test_a_cut_link_costs_nothing_that_is_published(
    doors: Doors, chance: random.Random, numbers: Iterator[int]
) -> None:
    """All ten nodes' links are cut at once, each at another point of its night."""
    for _ in range(len(times(100)) // NODES):
        night = new_night(doors, next(numbers), size=1_000_000)
        before = doors.picture()
        running = doors.collector.popen(
            ["kaizen", "collect", "--limit-rate", "1m"], at=AT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(1.5 + chance.random() * 4)
        doors.host.cut()
        _, err = running.communicate(timeout=60)  # the promise: a cut link is over within a minute
        doors.host.mend()
        assert running.returncode == 1
        assert b"Traceback" not in err
        require_whole(doors, before)
        require_complete(doors, night)
        keep_the_last(doors, night)


def test_a_full_disk_costs_nothing_that_is_published(
    doors: Doors, chance: random.Random, numbers: Iterator[int]
) -> None:
    for _ in times(100):
        night = new_night(doors, next(numbers))
        before = doors.picture()
        left = chance.randrange(NODES * 110_000)
        # Without a measure of the last nights there is nothing to be wise before the event.
        doors.collector.sh("rm -f /var/lib/kaizen/history.sqlite*")
        doors.collector.sh(f"""cd {STORE}
            free=$(df --output=avail -B1 . | tail -1)
            head -c $((free - {left})) /dev/zero >.ballast""")
        result = doors.collect(at=AT)
        doors.collector.sh(f"rm {STORE}/.ballast")
        assert result.code == 1
        assert "No space left on device" in result.err
        assert "Traceback" not in result.err
        require_whole(doors, before)
        require_complete(doors, night)
        keep_the_last(doors, night)
