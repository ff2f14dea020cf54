"""Exit codes of every program of this project (the agent, files/backups/kaizen-backup, has the same)."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a program's end means; 64 and above follow sysexits(3)."""

    GOOD = 0
    FAILED = 1
    """It finished, but something failed or is stale, and it is named."""
    USAGE = 2
    DATA = 65
    """Data does not verify."""
    UNAVAILABLE = 69
    """A service or host cannot be reached."""
    LOCKED = 75
    """Another run holds the lock."""
    CONFIG = 78
    """Bad configuration."""
    INTERRUPTED = 130
