"""What the other collectors have: each tells, in a fact of its own, the newest snapshot of every node in its share.

So a collector that is dead, or whose nights fail, shows in everybody's status: what it told last grows old. It also
tells whom it takes for its share, by hashes: it must not seem to have snapshots of a node that it never heard of. Facts
come through Puppet's signed channel, as host keys do; no collector need reach another.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.node import Node
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import own_name, own_share
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.sources.facts import read_fact
from kaizen_backups.store import NodeStore

FACT = "kaizen_collected"
_WORDS = ("newest", "others", "nodes", "share", "collectors", "began")
_NONE = "-"
# Somebody waits for the status; what was told last serves too.
_SECONDS = 10
# A share is told in so many parts, each by so many digits of its hash: a node more or less puts one part in doubt.
_PARTS = 64
_DIGITS = 6


@dataclass(frozen=True)
class Report:
    """What one collector tells: the newest snapshot that most of its nodes have, and that of each other node.

    Of its share it tells how many nodes that has, and the hashes of its parts; of the collectors, all that it knows of;
    and of its last collection, when that began (None: there was none).
    """

    newest: Snapshot | None = None
    others: dict[str, Snapshot | None] = field(default_factory=dict)
    nodes: str = "?"
    share: str = ""
    collectors: str = ""
    began: datetime | None = None

    def newest_of(self, node: str) -> Snapshot | None:
        """Return the newest snapshot that the collector has of a node of its share; None when it has none."""
        return self.others.get(node, self.newest)

    def unaccounted(self, share: Collection[str]) -> set[str]:
        """Return those nodes of its share, as it is known here, of which it may never have heard."""
        told, known = _split(self.share), _split(share_hashes(share))
        return {name for name in share if name not in self.others and told[_part(name)] != known[_part(name)]}

    def why_unaccounted(self, share: Collection[str], collectors: Iterable[str]) -> str:
        """Say why its share is another there than here."""
        if self.collectors and self.collectors != " ".join(sorted(collectors)):
            return f"it shares the nodes between other collectors ({printable(self.collectors)[:200]})"
        counts = f"its share has {printable(self.nodes)[:20]} nodes there, and {len(share)} here"
        return f"its node list is another than this one ({counts}); 'kaizen nodes refresh' there may say why"


def own_fact(nodes: Iterable[Node], settings: Settings, last_run: str | None = None) -> dict[str, str]:
    """Return what this collector tells the others: a fact of a few words, as short as the share is alike.

    `last_run` is when its last collection began, in UTC, as the history has it.
    """
    newest = {}
    for node in own_share(nodes, settings):
        stored = NodeStore(settings.store, node.name).snapshots()
        newest[node.name] = str(stored[-1]) if stored else _NONE
    ((most, _),) = Counter(newest.values()).most_common(1) or [(_NONE, 0)]
    return {
        "newest": most,
        "others": " ".join(f"{name}={snapshot}" for name, snapshot in newest.items() if snapshot != most),
        "nodes": str(len(newest)),
        "share": share_hashes(newest),
        "collectors": " ".join(sorted(settings.collectors)),
        "began": last_run or _NONE,
    }


def parse(fact: Any) -> Report | None:
    """Return what a fact tells; None when it tells nothing. It comes from outside: what is no date counts as none."""
    words = _words(fact)
    if not {"newest", "others"} <= words.keys():
        return None
    pairs = (word.partition("=") for word in words["others"].split())
    return Report(
        newest=Snapshot.parse(words["newest"]),
        others={name: Snapshot.parse(snapshot) for name, _, snapshot in pairs},
        nodes=words.get("nodes", "?"),
        share=words.get("share", ""),
        collectors=words.get("collectors", ""),
        began=_moment(words.get("began", _NONE)),
    )


def _words(fact: Any) -> dict[str, str]:
    """Return those words of a fact that mean something."""
    if not isinstance(fact, dict):
        return {}
    return {key: fact[key] for key in _WORDS if isinstance(fact.get(key), str)}


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _part(name: str) -> int:
    return hashlib.sha256(name.encode()).digest()[0] % _PARTS


def share_hashes(share: Iterable[str]) -> str:
    """Return the hashes of the share's parts, one after the other."""
    parts = [hashlib.sha256() for _ in range(_PARTS)]
    for name in sorted(share):
        parts[_part(name)].update(f"{name}\n".encode())
    return "".join(part.hexdigest()[:_DIGITS] for part in parts)


def _split(hashes: str) -> Sequence[str]:
    return [hashes[start : start + _DIGITS] for start in range(0, _PARTS * _DIGITS, _DIGITS)]


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
    """Return the words of each collector's fact: PuppetDB's, or a file's where PuppetDB has none."""
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
        told |= {row["certname"]: fact for row in rows if parse(fact := row.get(f"facts.{FACT}"))}
    return {name: _words(fact) for name, fact in told.items()}


def _told_last(settings: Settings) -> dict[str, Any]:
    try:
        told = json.loads(settings.peers_file.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
