"""Who collects whom, where several collectors share the nodes: rendezvous hashing, so they need not talk to agree."""

import hashlib
import socket
from collections.abc import Iterable, Sequence

from kaizen_backups.errors import ConfigError, printable
from kaizen_backups.node import Node
from kaizen_backups.settings import Settings


def collector_of(node: str, collectors: Sequence[str]) -> str:
    """Return the collector, of at least one, that a node belongs to: the one that draws the highest lot for it.

    When a collector is added, the nodes for which it draws the highest lot move to it; when one is gone, its nodes go
    to the next highest; no other node moves. A collector's own snapshots belong to another one, if there is any.
    """
    others = [name for name in collectors if name != node]
    return max(others or collectors, key=lambda collector: (_lot(node, collector), collector))


def own_name(settings: Settings) -> str:
    """Return which collector this one is. Raises ConfigError when it is none of `collectors`."""
    name = settings.name or socket.getfqdn().lower()
    if settings.collectors and name not in settings.collectors:
        known = ", ".join(settings.collectors)
        raise ConfigError(f"name: this collector is {printable(name)}, which is none of the collectors ({known})")
    return name


def shares(nodes: Iterable[Node], settings: Settings) -> dict[str, list[Node]]:
    """Return each collector's nodes; without `collectors` this one has them all. Raises ConfigError."""
    collectors = settings.collectors or (own_name(settings),)
    found: dict[str, list[Node]] = {collector: [] for collector in sorted(collectors)}
    for node in nodes:
        found[collector_of(node.name, collectors)].append(node)
    return found


def own_share(nodes: Iterable[Node], settings: Settings) -> list[Node]:
    """Return the nodes that this collector collects. Raises ConfigError."""
    return shares(nodes, settings)[own_name(settings)] if settings.collectors else list(nodes)


def _lot(node: str, collector: str) -> bytes:
    # Neither name may hold a blank, so no two pairs are the same text.
    return hashlib.sha256(f"{collector} {node}".encode()).digest()
