"""The node list: what the sources say, merged and checked, and never worse than the last good one by accident."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from kaizen_backups.atomic import write_atomically
from kaizen_backups.changes import key_changes
from kaizen_backups.clashes import clashes
from kaizen_backups.errors import ConfigError, KaizenError, LockedError, UnavailableError, printable
from kaizen_backups.lock import in_turn
from kaizen_backups.merge import Merged, merge
from kaizen_backups.node import Node
from kaizen_backups.nodes_yaml import known_hosts, read_list, to_yaml
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import own_share
from kaizen_backups.shrinking import (
    Memory,
    by_origin,
    losses,
    named,
    now,
    read_memory,
    too_many_lost,
    write_memory,
)
from kaizen_backups.sources import Found, Problem, concerned
from kaizen_backups.sources.facts import read_facts
from kaizen_backups.sources.nodes_d import check_not_vanished, read_nodes_d

__all__ = ["Draft", "NodeList", "draft", "read_list", "refresh"]

ACCEPT = "'kaizen nodes refresh --accept' takes that when it is meant"
"""What to do about too many nodes that are lost."""
_PATIENCE = 600
"""Seconds that a refresh waits for another one: longer than that takes, unless somebody has stopped it."""


@dataclass(frozen=True)
class NodeList:
    """Nodes sorted by name; what could not be used on the way; what is said once; what nodes.d overrides."""

    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...] = ()
    news: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    def get(self, name: str) -> Node:
        """Return the node of that name. Raises KaizenError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KaizenError(f"{printable(name)}: no such node; see 'kaizen nodes'")

    def share(self, settings: Settings) -> list[Node]:
        """Return the nodes that this collector collects, of several or alone. Raises ConfigError."""
        return own_share(self.nodes, settings)


@dataclass(frozen=True)
class Draft:
    """The list as a refresh would make it, and as YAML; the one in use; why it may not replace that (None: it may).

    `memory` is what is to be remembered when it does.
    """

    fresh: NodeList
    yaml: str
    last: tuple[Node, ...]
    memory: Memory
    refusal: str | None


def refresh(settings: Settings, *, accept: bool = False, today: date | None = None) -> NodeList:
    """Build the list from the sources, and write nodes.yaml and known_hosts.

    A node that is broken keeps its last good entry. When a source can't be read, or too many nodes are lost since
    yesterday (`today` is the collector's date) and nobody accepts that, the last good list stays in use, and a problem
    says why and how old it is. Two at once take turns: neither undoes what the other found. Raises ConfigError,
    UnavailableError or LockedError when there is no such list.
    """
    try:
        with in_turn(settings.state, _PATIENCE):
            return _refresh(settings, accept, today)
    except LockedError as error:
        return _last_good(settings, error)


def _refresh(settings: Settings, accept: bool, today: date | None) -> NodeList:
    """Do so as the only one."""
    try:
        made = draft(settings, today)
    except (ConfigError, UnavailableError) as error:
        found = _last_good(settings, error)
    else:
        if made.refusal and not accept:
            found = _last_good(settings, ConfigError(f"{made.refusal}; {ACCEPT}"), made.fresh.problems)
        else:
            found = made.fresh
            write_atomically(settings.nodes_file, made.yaml)
            write_memory(settings.memory_file, made.memory.accepted() if made.refusal else made.memory)
    write_atomically(settings.known_hosts_file, known_hosts(found.nodes))
    return found


def draft(settings: Settings, today: date | None = None) -> Draft:
    """Return what a refresh would make, and change nothing. Raises ConfigError or UnavailableError."""
    sources = _read_sources(settings)
    merged = merge(sources)
    nodes, yaml = tuple(merged.nodes.values()), to_yaml(merged.nodes.values())
    if not merged.problems and _holds(settings.nodes_file, yaml):
        last = nodes  # as a rule; then it need not be read and checked again
    else:
        last = read_list(settings.nodes_file)
        nodes = _with_last_good(merged, last)
        yaml = to_yaml(nodes)
    if settings.sources.nodes_d:
        check_not_vanished(settings.sources.nodes_d, last)
    problems = (*merged.problems, *clashes(nodes))
    fresh = NodeList(nodes, problems, tuple(key_changes(last, nodes)), tuple(merged.overrides))
    today = today or datetime.now().astimezone().date()
    memory = read_memory(settings.memory_file)
    held = memory.held(today) if memory else by_origin(last)
    listed = {node.name for node in nodes}
    lost = losses(held, sources, listed)
    remembered = Memory(good=now(), day=today, named=named(sources, listed), lost=lost)
    return Draft(fresh, yaml, last, remembered, too_many_lost(held, lost, listed))


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_bytes() == text.encode()


def _with_last_good(merged: Merged, last: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the nodes by name, with the last good entry of each that is broken now."""
    broken = concerned(merged.problems, [node.name for node in last])
    found = {node.name: node for node in last if node.name in broken} | merged.nodes
    return tuple(found[name] for name in sorted(found))


def _read_sources(settings: Settings) -> list[Found]:
    """Return what each source knows; the later wins: the catalog over facts, the administrator over both."""
    sources = settings.sources
    found = []
    if sources.facts:
        found.append(read_facts(sources.facts, settings.address_fact))
    if sources.puppetdb:
        from kaizen_backups.sources.puppetdb import read_puppetdb  # HTTP takes a while to load

        found.append(read_puppetdb(sources.puppetdb, settings.address_fact))
    if sources.collector:
        from kaizen_backups.sources.collector import read_collector  # few have it

        found.append(read_collector(sources.collector, settings))
    if sources.nodes_d:
        found.append(read_nodes_d(sources.nodes_d))
    if sources.switches:
        from kaizen_backups.sources.switches import read_switches  # few have any

        found.append(read_switches(sources.switches))
    return found


def _last_good(settings: Settings, error: KaizenError, others: tuple[Problem, ...] = ()) -> NodeList:
    """Return the list in use, with the reason as its first problem. Raises the error when there is no such list."""
    last = read_list(settings.nodes_file)
    if not last:
        raise error
    memory = read_memory(settings.memory_file)
    good = memory.good if memory else datetime.fromtimestamp(settings.nodes_file.stat().st_mtime, UTC)
    why = Problem("", f"{error}; the last good list, {_age(now() - good)} old, stays in use")
    return NodeList(last, (why, *others))


def _age(age: timedelta) -> str:
    """Return an age as a person says it."""
    for unit, name in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours")):
        if age >= 2 * unit:
            return f"{age // unit} {name}"
    return f"{max(age // timedelta(minutes=1), 0)} minutes"
