"""What the history has on record of runs, attempts, snapshots and drills."""

from dataclasses import dataclass, field

Tables = dict[str, dict[str, int]]
"""The rows of every table, by dump."""


@dataclass(frozen=True)
class Record:
    """A snapshot as it was received; times in UTC, sizes in bytes. `verified` is when all of it was last read."""

    received: str
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    sums_sha256: str
    verified: str | None
    rotten: bool


@dataclass(frozen=True)
class Attempt:
    """How an attempt at a node ended (UTC); `problem` is None when all went well."""

    at: str
    problem: str | None
    seconds: float = 0.0
    received: int = 0
    """Snapshots."""


@dataclass(frozen=True)
class PastNight:
    """A snapshot as it was when it came; it stays on record when it has expired. Times in UTC, sizes in bytes."""

    snapshot: str
    received: str
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    dumps: dict[str, int] = field(default_factory=dict)
    """The bytes of each file below dumps/."""
    warnings: list[str] = field(default_factory=list)
    """The agent's, some of them where they are many."""
    unusual: list[str] = field(default_factory=list)
    """What is unlike the nights before."""


@dataclass(frozen=True)
class Run:
    """A collection (UTC): how many nodes were asked and failed, what came. One that was killed has no end."""

    began: str
    ended: str | None
    nodes: int
    failed: int | None
    received: int | None
    """Snapshots."""
    new_bytes: int | None


@dataclass(frozen=True)
class Drill:
    """How a drill ended (UTC): which snapshot, what was wrong, and the rows of every table of each dump."""

    at: str
    snapshot: str
    problems: list[str]
    tables: Tables
    unchecked: list[str] = field(default_factory=list)
    """The dumps that nobody could look into: they are encrypted."""
