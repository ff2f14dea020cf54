"""Nodes of which at most one can be what it says: several with one host key, or at one address and port."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from kaizen_backups.node import Node, fingerprint
from kaizen_backups.sources import Problem

_SHOWN = 5
Shared = TypeVar("Shared", bound=Hashable)


def clashes(nodes: Iterable[Node]) -> list[Problem]:
    """Return a problem, which names them, for all nodes that share host keys, or where they are reached.

    A host may have several doors, each a user of its own; only an administrator can know that, so nodes.d says it.
    What another collector has collected is all behind that one's door.
    """
    nodes = list(nodes)
    by_key = _together((key, node) for node in nodes for key in set(node.host_keys))
    by_place = _together(((node.address, node.port), node) for node in nodes)
    # A copy of a host has all its keys: one problem, not three.
    shared: dict[tuple[str, ...], list[str]] = {}
    for key, there in sorted(by_key.items()):
        if not _doors_of_one_host(there):
            shared.setdefault(_names(there), []).append(f"{key.split(' ')[0]} {fingerprint(key)}")
    found = [
        Problem(names[0], f"{_shown(names)} have the same host key ({', '.join(keys)}); is one a copy of the other?")
        for names, keys in shared.items()
    ]
    for (address, port), there in by_place.items():
        if not _doors_of_one_host(there):
            names = _names(there)
            found.append(Problem(names[0], f"{_shown(names)} have the same address and port, {address} port {port}"))
    return found


def _together(pairs: Iterable[tuple[Shared, Node]]) -> dict[Shared, list[Node]]:
    """Return the nodes by what they share with another one."""
    pairs = list(pairs)
    times = Counter(shared for shared, _ in pairs)
    found: dict[Shared, list[Node]] = {}
    for shared, node in pairs:
        if times[shared] > 1:
            found.setdefault(shared, []).append(node)
    return found


def _doors_of_one_host(nodes: Sequence[Node]) -> bool:
    if all(node.is_copied for node in nodes):
        return True
    by_hand = all(node.origin == "onboarded" for node in nodes)
    return by_hand and len({node.user for node in nodes}) == len(nodes)


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes)


def _shown(names: Sequence[str]) -> str:
    few = names if len(names) <= _SHOWN else [*names[: _SHOWN - 1], f"{len(names) - _SHOWN + 1} more"]
    return f"{', '.join(few[:-1])} and {few[-1]}"
