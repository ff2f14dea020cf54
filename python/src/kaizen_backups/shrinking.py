"""A node list must not lose many nodes by accident, be it at once or in small steps within a day.

Each source is held to what it named itself: a node that PuppetDB names no more is lost, though a fact file names it
still, since its role and its user would then be the node's own words.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from kaizen_backups.atomic import write_atomically
from kaizen_backups.node import Node
from kaizen_backups.sources import Found, concerned

FRACTION = 5
"""More than one node in so many may not be lost in a day."""
PUPPETDB = "PuppetDB"
COLLECTOR = "the collector"
_SAID = {PUPPETDB: "PuppetDB names", "the facts": "the fact files name", COLLECTOR: "the collector has"}
"""The sources that may not lose many nodes. In nodes.d an administrator removes what he means to."""
_ORIGINS = {
    "puppetdb": PUPPETDB,
    "facts": "the facts",
    "onboarded": "nodes.d",
    "switches": "switches.yaml",
    "collector": COLLECTOR,
}

Names = dict[str, list[str]]
"""Nodes' names by what the source that names them is called."""


class Memory(BaseModel):
    """When the list was last found good (UTC), whom each source named then, and whom it lost in the course of `day`.

    A day is the collector's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    good: datetime
    day: date
    named: Names
    lost: Names

    def held(self, today: date) -> Names:
        """Return whom each source may be missed: whom it named last, and whom it has lost today already."""
        lost = self.lost if self.day == today else {}
        return {source: [*names, *lost.get(source, ())] for source, names in self.named.items()}

    def accepted(self) -> "Memory":
        """Return this memory without what is lost: that is meant."""
        return self.model_copy(update={"lost": {}})


def by_origin(nodes: Iterable[Node]) -> Names:
    """Return the nodes' names by where they are known from, which is all that a list says of who named whom."""
    held: Names = {}
    for node in nodes:
        held.setdefault(_ORIGINS[node.origin], []).append(node.name)
    return held


def named(sources: Iterable[Found], listed: Collection[str]) -> Names:
    """Return which of the listed nodes each source names, be it that it states them or has a problem with them."""
    return {source.source: sorted(_names_of(source, listed)) for source in sources}


def losses(held: Mapping[str, Sequence[str]], sources: Sequence[Found], listed: Collection[str]) -> Names:
    """Return whom each source held and has lost: it names them no more, and no later one states them in its place.

    From a source that is not asked any more only who is not listed is lost: to leave it out was somebody's decision.
    """
    lost = {source: [name for name in names if name not in listed] for source, names in held.items()}
    instead: set[str] = set()
    for source in reversed(sources):
        there = _names_of(source, listed) | instead
        if source.source in held:
            lost[source.source] = [name for name in held[source.source] if name not in there]
        instead |= {name for name, stated in source.nodes.items() if {"address", "host_keys"} <= stated.keys()}
    return lost


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


def too_many_lost(
    held: Mapping[str, Sequence[str]], lost: Mapping[str, Sequence[str]], listed: Collection[str]
) -> str | None:
    """Say how many of the nodes held are lost when they are too many; None when the fresh list may be taken.

    That is more than a fifth of one Puppet source's or of all, or the whole of either; one node of several may go.
    """
    everybody = sorted({name for names in held.values() for name in names})
    groups = [(said, held.get(source, ()), lost.get(source, ())) for source, said in _SAID.items()]
    groups.append(("the sources name", everybody, [name for name in everybody if name not in listed]))
    for said, before, gone in groups:
        if before and (len(gone) == len(before) or (len(gone) > 1 and len(gone) * FRACTION > len(before))):
            first = ", ".join(gone[:3]) + (", ..." if len(gone) > 3 else "")
            return f"{said} {len(before) - len(gone)} of the {len(before)} nodes that the list has; gone: {first}"
    return None


def _names_of(source: Found, listed: Collection[str]) -> set[str]:
    return (source.nodes.keys() & set(listed)) | concerned(source.problems, listed)
