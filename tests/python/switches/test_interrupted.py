"""Ctrl-C ends a run over switches at once, though sessions have long to go; nothing of them is stored."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fake_switch import BY_FAMILY, FakeSwitch
from switch_site import Site

PROGRAM = Path(sys.executable).with_name("kaizen")
COUNT = 5
FOREVER = 3600  # seconds: what a session may take


@pytest.fixture
def asked(site: Site) -> Iterator[threading.Barrier]:
    """Yield what is passed when all switches have been asked; they never answer."""
    barrier = threading.Barrier(COUNT + 1)

    def hang() -> None:
        barrier.wait()
        threading.Event().wait()

    with ExitStack() as stack:
        for number in range(COUNT):
            switch = stack.enter_context(FakeSwitch(BY_FAMILY["dell-os10"], watch=hang))
            site.add(f"leaf{number}", switch, timeout=FOREVER)
        yield barrier


@pytest.mark.parametrize("command", ["switches", "collect"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_130_and_nothing_is_half_stored(
    site: Site, asked: threading.Barrier, command: str, number: int
) -> None:
    line = [str(PROGRAM), "--config", str(site.config), command]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            asked.wait()
            program.send_signal(number)
            _, said = program.communicate(timeout=FOREVER / 10)
        finally:
            program.kill()
    assert program.returncode == 130
    assert said == "kaizen: interrupted\n"
    assert not list((site.root / "store").glob("*/*"))
    assert site.kaizen("switches", "--dry-run", "--timeout", "1").exit_code == 1, "the lock is free again"


def test_a_run_that_ends_since_nobody_reads_what_it_says_does_not_wait_for_sessions(
    site: Site, asked: threading.Barrier
) -> None:
    def answer_last() -> None:
        asked.wait()

    with FakeSwitch(BY_FAMILY["dell-os10"], watch=answer_last) as good:
        site.add("good", good)
        line = [str(PROGRAM), "--config", str(site.config), "switches", "--verbose"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
            assert program.stdout
            program.stdout.close()
            try:
                assert program.wait(timeout=FOREVER / 10) == 1
            finally:
                program.kill()
