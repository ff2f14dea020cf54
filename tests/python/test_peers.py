"""What another collector has shows here, and what it had grows old when it is heard of no more."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from kaizen_backups.history import History, open_history
from kaizen_backups.node import Node
from kaizen_backups.peers import FACT, own_fact, parse, read_peers
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import collector_of
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.status import State, fleet_status
from samples import make_node
from stand_in_puppetdb import StandIn

TODAY = date(2026, 11, 24)
OWN, OTHER = "backup1.example", "backup2.example"
NODES = [make_node(f"n{number}.example") for number in range(12)]
THEIRS = [node for node in NODES if collector_of(node.name, [OWN, OTHER]) == OTHER]


@pytest.fixture
def history(settings: Settings) -> Iterator[History]:
    with open_history(settings.history_file) as history:
        yield history


@pytest.fixture
def sharing(settings: Settings, puppetdb: StandIn) -> Settings:
    """Return the settings of one of two collectors, with a PuppetDB."""
    sources = settings.sources.model_copy(update={"puppetdb": puppetdb.settings, "facts": None})
    return settings.model_copy(update={"collectors": (OWN, OTHER), "name": OWN, "sources": sources})


def store(settings: Settings, nodes: list[Node], *snapshots: str) -> None:
    for node in nodes:
        for snapshot in snapshots:
            (settings.store / node.name / snapshot).mkdir(parents=True)


def tell(puppetdb: StandIn, settings: Settings, fact: Any = None) -> None:
    """Let the other collector tell what it has, or this."""
    other = settings.model_copy(update={"name": OTHER, "store": settings.store.with_name("other")})
    puppetdb.add(OTHER, facts={FACT: own_fact(NODES, other) if fact is None else fact})


def states(settings: Settings, history: History) -> dict[str, State]:
    return {status.node: status.state for status in fleet_status(NODES, settings, history, TODAY)}


def test_status_shows_every_node_whoever_collects_it(sharing: Settings, history: History, puppetdb: StandIn) -> None:
    store(sharing, [node for node in NODES if node not in THEIRS], "2026-11-23", "2026-11-24")
    other = sharing.model_copy(update={"store": sharing.store.with_name("other")})
    fresh, late, stale, *_ = THEIRS
    store(other, THEIRS[2:], "2026-11-24")
    store(other, [fresh], "2026-11-23", "2026-11-24.2")
    store(other, [late], "2026-11-23")
    (other.store / stale.name / "2026-11-24").rename(other.store / stale.name / "2026-11-20")
    tell(puppetdb, sharing)
    found = states(sharing, history)
    assert len(found) == len(NODES)
    unlike = {name: state for name, state in found.items() if state != State.FRESH}
    assert unlike == {late.name: State.LATE, stale.name: State.STALE}


def test_a_dead_collectors_nodes_become_late_and_then_stale(
    sharing: Settings, history: History, puppetdb: StandIn
) -> None:
    store(sharing, [node for node in NODES if node not in THEIRS], "2026-11-24", "2026-11-25", "2026-11-26")
    store(sharing.model_copy(update={"store": sharing.store.with_name("other")}), THEIRS, "2026-11-24")
    tell(puppetdb, sharing)
    for day, state in ((24, State.FRESH), (25, State.LATE), (26, State.STALE)):
        for status in fleet_status(THEIRS, sharing, history, date(2026, 11, day)):
            assert status.state == state
    assert status.problem == f"{OTHER}, which collects it: nothing newer than 2026-11-24"


def test_a_collector_that_was_never_heard_of_is_named(sharing: Settings, history: History) -> None:
    status = fleet_status(THEIRS, sharing, history, TODAY)[0]
    assert status.state == State.NEVER
    assert status.problem == f"{OTHER}, which collects it: nothing is heard of that collector"


def test_what_was_told_last_counts_while_puppetdb_is_down(
    sharing: Settings, history: History, puppetdb: StandIn
) -> None:
    store(sharing.model_copy(update={"store": sharing.store.with_name("other")}), THEIRS, "2026-11-24")
    tell(puppetdb, sharing)
    before = states(sharing, history)
    puppetdb.answer = lambda _: (500, b"")
    assert states(sharing, history) == before
    sharing.peers_file.write_text("{")
    assert {state for name, state in states(sharing, history).items() if before[name] == State.FRESH} == {State.NEVER}


def test_a_fact_file_tells_the_same(sharing: Settings, settings: Settings, puppetdb: StandIn) -> None:
    assert settings.sources.facts
    fact = {"newest": "2026-11-24", "others": "a.example=2026-11-20 b.example=-"}
    facts = {"networking": {"fqdn": OTHER}, FACT: fact}
    (settings.sources.facts / f"{OTHER}.json").write_text(json.dumps(facts))
    (settings.sources.facts / "broken.json").write_text("{")
    report = read_peers(sharing.model_copy(update={"sources": settings.sources}))[OTHER]
    assert report == parse(fact)
    assert [str(report.newest_of(name)) for name in ("a.example", "b.example", "c.example")] == [
        "2026-11-20",
        "None",
        "2026-11-24",
    ]


def test_one_collector_cannot_tell_of_anothers_nodes(sharing: Settings, history: History, puppetdb: StandIn) -> None:
    """Nor can a node that is no collector tell of any."""
    mine = next(node for node in NODES if node not in THEIRS)
    tell(puppetdb, sharing, {"newest": "2026-11-24", "others": f"{mine.name}=2026-11-24"})
    puppetdb.add("evil.example", facts={FACT: {"newest": "2026-11-24", "others": ""}})
    assert states(sharing, history)[mine.name] == State.NEVER
    assert list(read_peers(sharing)) == [OTHER]


def test_a_date_in_the_future_keeps_nobody_fresh(sharing: Settings, history: History, puppetdb: StandIn) -> None:
    tell(puppetdb, sharing, {"newest": "2099-01-01", "others": ""})
    assert {states(sharing, history)[node.name] for node in THEIRS} == {State.NEVER}


@pytest.mark.parametrize("fact", [None, 5, "x", [], {}, {"newest": 5, "others": ""}, {"newest": "x", "others": []}])
def test_a_fact_that_is_none_tells_nothing(fact: Any) -> None:
    assert parse(fact) is None


@pytest.mark.parametrize("newest", ["", "-", "yesterday", "2026-13-01", "../x"])
def test_what_is_no_snapshot_counts_as_none(newest: str) -> None:
    report = parse({"newest": newest, "others": f"a={newest} b= =c d =="})
    assert report
    assert {report.newest_of(name) for name in ("a", "b", "c", "d", "")} == {None}


def test_what_is_told_is_short_and_means_the_same(settings: Settings) -> None:
    store(settings, NODES[:10], "2026-11-24")
    store(settings, NODES[10:11], "2026-11-20")
    fact = own_fact(NODES, settings)
    assert fact == {"newest": "2026-11-24", "others": f"{NODES[10].name}=2026-11-20 {NODES[11].name}=-"}
    report = parse(fact)
    assert report
    assert [report.newest_of(node.name) for node in NODES[9:]] == [
        Snapshot(date(2026, 11, 24)),
        Snapshot(date(2026, 11, 20)),
        None,
    ]
    assert own_fact([], settings) == {"newest": "-", "others": ""}
