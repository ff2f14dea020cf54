"""What a host says of itself. It comes from outside: what is no line of a description is left out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from kaizen_backups.errors import printable

HELLO = "hello kaizen 1"
DONE = "done"
_ENTRY = re.compile(r"entry (absent|file|directory|link|other) (\S+) (\S+) (\S+) (\S+) (\S+) (/.+)")
_FACT = re.compile(r"fact ([a-z]+)(?: (.*))?")


@dataclass(frozen=True)
class Entry:
    """One path as it is on the host; `sum` is its content's SHA-256, `label` its SELinux type (`-`: not known)."""

    kind: str
    mode: str
    owner: str
    group: str
    sum: str
    label: str


@dataclass
class HostFacts:
    """A description: single facts by name, lists of facts by name, and the paths that were looked at."""

    single: dict[str, str] = field(default_factory=dict)
    many: dict[str, list[str]] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a fact that there is once at most; empty when it is not there."""
        return self.single.get(name, "")

    def all(self, name: str) -> list[str]:
        """Return every fact of that name."""
        return self.many.get(name, [])

    def has(self, name: str, value: str) -> bool:
        """Tell whether there is such a fact with that value."""
        return value in self.many.get(name, [])


def parse(lines: Iterable[str]) -> HostFacts:
    """Read the lines of a description."""
    facts = HostFacts()
    for line in lines:
        if match := _ENTRY.fullmatch(line):
            facts.entries[match[7]] = Entry(*match.groups()[:6])
        elif match := _FACT.fullmatch(line):
            value = printable((match[2] or "").strip())
            facts.single.setdefault(match[1], value)
            facts.many.setdefault(match[1], []).append(value)
    return facts
