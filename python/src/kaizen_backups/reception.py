"""Watches one rsync that receives: what it was announced, what it wrote, and whether that is still allowed."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kaizen_backups.errors import DataError
from kaizen_backups.settings import Limits
from kaizen_backups.units import size

_MOMENT = 0.002
_LINE = 100
_DIGITS = 20
_NEW = (b">", b"c")  # what rsync's --itemize-changes begins with for what is received, or made
OUT_FORMAT = "%l %i"
"""What rsync is to print for everything that it comes to (with -ii): its size, before it is received."""


@dataclass(frozen=True)
class Brought:
    """What came of one node in this run: bytes, and inodes that are new."""

    bytes: int = 0
    inodes: int = 0


class Reception:
    """Counts what comes, and raises DataError when it is more than the limits allow.

    What a node announces may be a lie, so what the receiver really writes is counted as well.
    """

    def __init__(
        self, limits: Limits, received: Callable[[int], bool], breath: float = 30, before: Brought | None = None
    ) -> None:
        """Take the limits, and what is told of the bytes written so far and answers whether more may come now.

        `before` is what came of the node earlier in this run: the limits hold for all of it. A receiver that rests
        for longer than `breath` seconds gets a moment, lest it take that for the node's silence.
        """
        self._limits = limits
        self._before = before or Brought()
        self._received = received
        self._rest = b""
        self._files = 0
        self._bytes = self._inodes = 0
        self._breath = breath
        self._stopped: set[int] = set()
        self._rests_since = 0.0

    @property
    def announced(self) -> int:
        """The bytes of all files that rsync has begun to receive."""
        return self._bytes

    def brought(self) -> Brought:
        """Return what came of the node in this run, this reception included."""
        return Brought(self._before.bytes + self._bytes, self._before.inodes + self._inodes)

    def read(self, chunk: bytes) -> None:
        """Take rsync's stdout."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._files += len(lines)
        for line in lines:
            number, _, item = line.partition(b" ")
            if item.startswith(_NEW):
                self._inodes += 1
            if item.startswith(b">") and number.isdigit() and len(number) < _DIGITS:
                self._bytes += int(number)
        # Whatever a node has its rsync say comes out here, too, and need not have an end.
        self._rest = self._rest[:_LINE]

    def watch(self, pid: int) -> None:
        """Look at the process tree of `pid`. Raises DataError, and what `received` raises."""
        tree = _tree(pid)
        written = sum(_written(process) for process in tree)
        self._judge(written)
        self._rest_while(not self._received(written), tree)

    def finish(self) -> None:
        """Judge what was announced in all, however quickly it came. Raises DataError."""
        self._judge(0)

    def _judge(self, written: int) -> None:
        if max(self._files, self._before.inodes + self._inodes) > self._limits.files:
            raise DataError(f"it holds more than {self._limits.files} files (limits.files)")
        if self._before.bytes + max(self._bytes, written) > self._limits.bytes:
            raise DataError(f"it brings more than {size(self._limits.bytes)} (limits.bytes)")

    def _rest_while(self, resting: bool, tree: list[int]) -> None:
        """Stop the receiver, or let it go on; ssh outside keeps the connection alive meanwhile."""
        now = time.monotonic()
        if self._stopped and (not resting or now - self._rests_since > self._breath):
            _signal(self._stopped, signal.SIGCONT)
            self._stopped = set()
            if resting:
                select.select([], [], [], _MOMENT)
        if resting and not self._stopped:
            self._stopped = set(tree)
            self._rests_since = now
        if resting:
            _signal(self._stopped, signal.SIGSTOP)


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def guarded(command: list[str], limits: Limits) -> list[str]:
    """Return the argument list that runs `command` with the kernel's own limits on a file's size and on memory."""
    memory = (256 << 20) + 512 * limits.files
    return ["prlimit", f"--fsize={limits.bytes}", f"--as={memory}", "--core=0", "--", *command]


def _tree(pid: int) -> list[int]:
    """Return a process's descendants."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        with suppress(OSError):
            children = [int(n) for n in Path(f"/proc/{current}/task/{current}/children").read_text().split()]
            found += children
            waiting += children
    return found


def _written(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("wchar: "):
                return int(line[7:])
    return 0
