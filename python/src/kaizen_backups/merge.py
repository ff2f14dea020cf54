"""Many sources, one node each: joined by name, field by field; contradictions are named, and every field is checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from kaizen_backups.errors import ConfigError, printable
from kaizen_backups.node import SWITCH, Node, fingerprint, is_host_key, is_loopback
from kaizen_backups.sources import Found, Problem

_FIELDS = ("address", "role", "user", "port", "host_keys")


@dataclass
class Merged:
    """The nodes by name, what could not be used, and where an administrator's word replaced another."""

    nodes: dict[str, Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)


def merge(sources: Sequence[Found]) -> Merged:
    """Join what the sources state; where two state the same field, the later one counts."""
    merged = Merged(problems=[problem for source in sources for problem in source.problems])
    for name in sorted({name for source in sources for name in source.nodes}):
        stating = [source for source in sources if name in source.nodes]
        if len(stating) > 1 and _is_switch(name, stating[-1]):
            switches = stating.pop().source
            said = f"{name}: {stating[-1].source} has a node of that name, and {switches} a switch, which is left out"
            merged.problems.append(Problem(name, f"{said}; call one of them otherwise"))
        try:
            merged.nodes[name] = _checked(name, stating)
        except ConfigError as error:
            merged.problems.append(Problem(name, str(error)))
        if name in merged.nodes and len(stating) > 1:
            _compare(name, stating, merged)
    return merged


def _is_switch(name: str, source: Found) -> bool:
    return bool(source.nodes[name].get("origin") == SWITCH)


def _compare(name: str, stating: Sequence[Found], merged: Merged) -> None:
    """Name the fields of a node in which a source contradicts the one that counts, the last that states it."""
    for key in _FIELDS:
        values = [(source, source.nodes[name][key]) for source in stating if key in source.nodes[name]]
        for other, value in values[:-1]:
            last, used = values[-1]
            if not _differ(value, used):
                continue
            said = f"{name}: {key}: {_shown(value)} in {other.source}, {_shown(used)} in {last.source}, which is used"
            if last.by_hand:
                merged.overrides.append(said)
            else:
                merged.problems.append(Problem(name, said))


def _differ(one: Any, other: Any) -> bool:
    """Do two statements contradict each other? Host keys do not when one source knows fewer of the same."""
    if isinstance(one, list) and isinstance(other, list):
        few, many = sorted((one, other), key=len)
        return any(key not in many for key in few)
    return bool(one != other)


def _shown(value: Any) -> str:
    """Return a statement for a message: of host keys their fingerprints, of what is no key nothing."""
    if isinstance(value, list):
        return " ".join(fingerprint(key) for key in value if is_host_key(key)) or "none"
    return _short(str(value))


def _checked(name: str, stating: Sequence[Found]) -> Node:
    """Return the node. Raises ConfigError, which names it and the field that is none."""
    stated = {key: value for source in stating for key, value in source.nodes[name].items()}
    if not stated.get("host_keys") and stated.get("origin") != SWITCH:
        raise ConfigError(f"{_short(name)}: no usable host key is known, so it can't be collected")
    if "address" not in stated:
        raise ConfigError(
            f"{_short(name)}: address: none is known, so it can't be collected; see the setting address_fact"
        )
    try:
        node = Node.model_validate({**stated, "name": name})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        # Only a scalar: anything else may be of any size.
        value = first["input"]
        found = f"; it is {_short(repr(value))}" if isinstance(value, str | int | None) else ""
        raise ConfigError(f"{_short(name)}: {_short(key)}: {message}{found}") from error
    if is_loopback(node.address) and not _by_hand(stating, name, "address"):
        raise ConfigError(f"{name}: address: {node.address} is the collector itself; only nodes.d may say that")
    return node


def _by_hand(stating: Sequence[Found], name: str, key: str) -> bool:
    """Say whether the statement of a field that counts, the last, is an administrator's."""
    return [source.by_hand for source in stating if key in source.nodes[name]][-1]


def _short(text: str) -> str:
    return printable(text)[:100]
