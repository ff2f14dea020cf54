"""What the other collectors have: each tells, in a fact of its own, the newest snapshot of every node in its share.

So a collector that is dead, or whose nights fail, shows in everybody's status: what it told last grows old. Facts come
through Puppet's signed channel, as host keys do; no collector need reach another.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import KaizenError
from kaizen_backups.node import Node
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import own_name, own_share
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.sources.facts import read_fact
from kaizen_backups.store import NodeStore

FACT = "kaizen_collected"
_NONE = "-"
# Somebody waits for the status; what was told last serves too.
_SECONDS = 10


@dataclass(frozen=True)
class Report:
    """What one collector tells: the newest snapshot that most of its nodes have, and that of each other node."""

    newest: Snapshot | None = None
    others: dict[str, Snapshot | None] = field(default_factory=dict)

    def newest_of(self, node: str) -> Snapshot | None:
        """Return the newest snapshot that the collector has of a node of its share; None when it has none."""
        return self.others.get(node, self.newest)


def own_fact(nodes: Iterable[Node], settings: Settings) -> dict[str, str]:
    """Return what this collector tells the others: a fact of two words, as short as the share is alike."""
    newest = {}
    for node in own_share(nodes, settings):
        stored = NodeStore(settings.store, node.name).snapshots()
        newest[node.name] = str(stored[-1]) if stored else _NONE
    ((most, _),) = Counter(newest.values()).most_common(1) or [(_NONE, 0)]
    others = [f"{name}={snapshot}" for name, snapshot in newest.items() if snapshot != most]
    return {"newest": most, "others": " ".join(others)}


def parse(fact: Any) -> Report | None:
    """Return what a fact tells; None when it tells nothing. It comes from outside: what is no date counts as none."""
    if not isinstance(fact, dict) or not all(isinstance(fact.get(key), str) for key in ("newest", "others")):
        return None
    pairs = (word.partition("=") for word in fact["others"].split())
    return Report(Snapshot.parse(fact["newest"]), {name: Snapshot.parse(snapshot) for name, _, snapshot in pairs})


def read_peers(settings: Settings) -> dict[str, Report]:
    """Return what each other collector tells; one that tells nothing is left out.

    When PuppetDB can't be asked, what was told last counts, and grows old.
    """
    others = [name for name in settings.collectors if name != own_name(settings)]
    try:
        told = _ask(settings, others) if others else {}
    except KaizenError:
        told = _told_last(settings)
    else:
        write_atomically(settings.peers_file, json.dumps(told, sort_keys=True) + "\n")
    reports = {name: parse(fact) for name, fact in told.items()}
    return {name: report for name, report in reports.items() if report}


def _ask(settings: Settings, collectors: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if settings.sources.facts:
        told |= {name: read_fact(settings.sources.facts, name, FACT) for name in collectors}
    if settings.sources.puppetdb:
        from kaizen_backups.puppetdb import ask  # HTTP takes a while to load
        from kaizen_backups.sources.puppetdb import ACTIVE

        condition = f"certname in {json.dumps(collectors)} and {ACTIVE}"
        puppetdb = settings.sources.puppetdb
        patient = min(puppetdb.timeout, _SECONDS)
        (rows,) = ask(puppetdb.model_copy(update={"timeout": patient}), ("inventory", [f"facts.{FACT}"], condition))
        told |= {row["certname"]: row.get(f"facts.{FACT}") for row in rows}
    return told


def _told_last(settings: Settings) -> dict[str, Any]:
    try:
        told = json.loads(settings.peers_file.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
