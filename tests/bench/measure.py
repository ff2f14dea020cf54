"""What a command costs: wall time, processor time and memory, and what it adds to a directory; and tables of that."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of processors, bytes of the largest process, bytes and inodes added to the disk."""

    seconds: float
    cpu: float
    memory: float
    added_bytes: float | None = None
    added_inodes: float | None = None

    def with_room(self, added_bytes: int, added_inodes: int) -> "Cost":
        """Return it with what was added to the disk."""
        return replace(self, added_bytes=added_bytes, added_inodes=added_inodes)


@dataclass(frozen=True)
class Command:
    """A program with its arguments, and where it runs."""

    arguments: Sequence[str | Path]
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)


def measured(commands: Iterable[Command]) -> Cost:
    """Run commands one after the other, and return what they cost together. One that fails ends the program."""
    cost = Cost(0, 0, 0)
    for command in commands:
        # GNU time starts it: a process that Python starts is counted with Python's own memory.
        with tempfile.NamedTemporaryFile("r") as figures:
            timed = ["/usr/bin/time", "-q", "-o", figures.name, "-f", "%U %S %M", "--", *map(str, command.arguments)]
            began = time.monotonic()
            ended = subprocess.run(
                timed, cwd=command.cwd, env={**os.environ, **command.env}, capture_output=True, text=True, check=False
            )
            wall = time.monotonic() - began
            if ended.returncode:
                raise SystemExit(f"bench: {command.arguments} failed:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
            user, system, kilobytes = map(float, figures.read().split())
        cost = Cost(cost.seconds + wall, cost.cpu + user + system, max(cost.memory, kilobytes * 1024))
    return cost


def used(directory: Path, *, shared: bool = False) -> tuple[int, int]:
    """Return the bytes that a directory takes on the disk, and its inodes; hard links count once.

    Blocks that files share do not: with `shared` the bytes are those of the whole file system.
    """
    os.sync()
    found = [subprocess.check_output(["du", "-s", *flags, directory]) for flags in (["-B1"], ["--inodes"])]
    size, inodes = (int(line.split()[0]) for line in found)
    if shared:
        whole = os.statvfs(directory)
        size = (whole.f_blocks - whole.f_bfree) * whole.f_frsize
    return size, inodes


def medians(costs: Iterable[Cost]) -> Cost:
    """Return the median of each figure."""
    costs = list(costs)
    values = {}
    for figure in fields(Cost):
        known = [value for cost in costs if (value := getattr(cost, figure.name)) is not None]
        values[figure.name] = statistics.median(known) if known else None
    return Cost(**values)  # type: ignore[arg-type]


def print_table(title: str, rows: Mapping[str, Cost], *, digits: int = 2) -> None:
    """Print a table in Markdown; without the room, where nobody's was measured."""
    roomy = any(cost.added_bytes is not None for cost in rows.values())
    print(f"\n{title}\n")
    print("| | seconds | processor s | largest process MB |" + " added MB | added inodes |" * roomy)
    print("|---|--:|--:|--:|" + "--:|--:|" * roomy)
    for name, cost in rows.items():
        line = f"| {name} | {cost.seconds:.{digits}f} | {cost.cpu:.2f} | {cost.memory / 1e6:.0f} |"
        if roomy:
            size = "-" if cost.added_bytes is None else f"{cost.added_bytes / 1e6:.1f}"
            inodes = "-" if cost.added_inodes is None else f"{cost.added_inodes:.0f}"
            line += f" {size} | {inodes} |"
        print(line)
