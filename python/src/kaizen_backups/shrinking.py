"""A node list must not lose many nodes by accident, be it at once or in small steps within a day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from kaizen_backups.atomic import write_atomically
from kaizen_backups.node import Node

FRACTION = 5
"""More than one node in so many may not be lost in a day."""
_SOURCES = {"puppetdb": "PuppetDB", "facts": "the fact files"}


class Memory(BaseModel):
    """When the list was last found good (UTC), and whom it held, by origin, as `day` (the collector's) began."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    good: datetime
    day: date
    held: dict[str, list[str]]

    def on(self, today: date, last: Iterable[Node]) -> "Memory":
        """Return this memory if it is today's; else one of whom the last list holds, as today begins."""
        return self if self.day == today else Memory(good=self.good, day=today, held=by_origin(last))


def by_origin(nodes: Iterable[Node]) -> dict[str, list[str]]:
    """Return the nodes' names by where they are known from."""
    held: dict[str, list[str]] = {}
    for node in nodes:
        held.setdefault(node.origin, []).append(node.name)
    return held


def read_memory(path: Path) -> Memory | None:
    """Return what is remembered; None when there is nothing yet, or nothing that can be read."""
    try:
        return Memory.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_memory(path: Path, memory: Memory) -> None:
    """Remember."""
    write_atomically(path, memory.model_dump_json() + "\n")


def now() -> datetime:
    """Return the time, in UTC and whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def too_many_lost(held: Mapping[str, Sequence[str]], fresh: Iterable[str]) -> str | None:
    """Say how many of the nodes held are lost when they are too many; None when the fresh list may be taken.

    That is more than a fifth of all or of one Puppet source's, or the whole of either; one node of several may go.
    """
    there = set(fresh)
    everybody = [name for names in held.values() for name in names]
    groups = [(title, held.get(origin, [])) for origin, title in _SOURCES.items()]
    for title, names in [*groups, ("the sources", everybody)]:
        lost = [name for name in names if name not in there]
        if names and (len(lost) == len(names) or (len(lost) > 1 and len(lost) * FRACTION > len(names))):
            verb = "names" if title == "PuppetDB" else "name"
            first = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
            return f"{title} {verb} {len(names) - len(lost)} of the {len(names)} nodes that the list has; gone: {first}"
    return None
