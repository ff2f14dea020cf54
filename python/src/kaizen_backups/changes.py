"""What two node lists differ in: who came, who went, and what changed, host keys by their fingerprints."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from kaizen_backups.node import Node, fingerprint

_FIELDS = ("address", "role", "user", "port", "origin")


@dataclass(frozen=True)
class Change:
    """One difference: a whole node (`field` is None), or one field of it. `old` and `new` are None where there is none.

    A host key is a field of its own, called after its type.
    """

    node: str
    field: str | None
    old: str | None
    new: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the change as `kaizen nodes diff --json` prints it."""
        return asdict(self)

    def __str__(self) -> str:
        if self.field is None:
            return f"+ {self.node} {self.new}" if self.new else f"- {self.node} {self.old}"
        return f"~ {self.node} {self.field}: {self.old or 'none'} -> {self.new or 'none'}"


def changes(old: Iterable[Node], new: Iterable[Node]) -> list[Change]:
    """Return the differences, by name."""
    before, after = {node.name: node for node in old}, {node.name: node for node in new}
    found: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was and now:
            found += _field_changes(was, now)
        else:
            found.append(Change(name, None, _in_short(was), _in_short(now)))
    return found


def key_changes(old: Iterable[Node], new: Iterable[Node]) -> list[str]:
    """Return a line for each host key that is not as it was at a node that stayed: fingerprints, and the source."""
    after = {node.name: node for node in new}
    return [
        f"{change.node}: its {change.field} host key was {change.old or 'none'} and is {change.new or 'none'} now, "
        f"by {after[change.node].origin}"
        for change in changes(old, after.values())
        if change.field and change.field not in _FIELDS
    ]


def _in_short(node: Node | None) -> str | None:
    return f"{node.address} {node.role} ({node.origin})" if node else None


def _field_changes(was: Node, now: Node) -> list[Change]:
    if was == now:
        return []
    found = [Change(now.name, key, str(getattr(was, key)), str(getattr(now, key))) for key in _FIELDS]
    old, new = _fingerprints(was), _fingerprints(now)
    found += [Change(now.name, kind, old.get(kind), new.get(kind)) for kind in sorted(old.keys() | new.keys())]
    return [change for change in found if change.old != change.new]


def _fingerprints(node: Node) -> dict[str, str]:
    """Return the fingerprints by key type; a type of which there are several has them all."""
    by_type: dict[str, str] = {}
    for key in sorted(node.host_keys):
        kind = key.split(" ")[0]
        by_type[kind] = f"{by_type[kind]} {fingerprint(key)}" if kind in by_type else fingerprint(key)
    return by_type
