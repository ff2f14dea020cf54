"""What another collector has shows here, and what it had grows old when it is heard of no more."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.history import History, open_history
from kaizen_backups.node import Node
from kaizen_backups.peers import FACT, own_fact, parse, read_peers, share_hashes
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import collector_of
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.status import NodeStatus, State, began_in_time, fleet_status
from samples import make_node
from stand_in_puppetdb import StandIn

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BEGAN = "2026-11-24T01:07:00Z"
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


def others_settings(settings: Settings) -> Settings:
    """Return the settings of the other collector."""
    return settings.model_copy(update={"name": OTHER, "store": settings.store.with_name("other")})


def others_fact(settings: Settings, nodes: list[Node] | None = None, **changes: str) -> dict[str, str]:
    """Return what the other collector tells, by its own list of nodes, with some words changed."""
    return own_fact(NODES if nodes is None else nodes, others_settings(settings), BEGAN) | changes


def tell(puppetdb: StandIn, fact: Any) -> None:
    """Let the other collector tell this."""
    puppetdb.add(OTHER, facts={FACT: fact})


def statuses(settings: Settings, history: History, now: datetime = NOW) -> dict[str, NodeStatus]:
    return {status.node: status for status in fleet_status(NODES, settings, history, now)}


def states(settings: Settings, history: History, now: datetime = NOW) -> dict[str, State]:
    return {name: status.state for name, status in statuses(settings, history, now).items()}


def test_status_shows_every_node_whoever_collects_it(sharing: Settings, history: History, puppetdb: StandIn) -> None:
    store(sharing, [node for node in NODES if node not in THEIRS], "2026-11-23", "2026-11-24")
    other = others_settings(sharing)
    fresh, late, stale, *_ = THEIRS
    store(other, THEIRS[2:], "2026-11-24")
    store(other, [fresh], "2026-11-23", "2026-11-24.2")
    store(other, [late], "2026-11-23")
    (other.store / stale.name / "2026-11-24").rename(other.store / stale.name / "2026-11-20")
    tell(puppetdb, others_fact(sharing))
    found = states(sharing, history)
    assert len(found) == len(NODES)
    unlike = {name: state for name, state in found.items() if state != State.FRESH}
    assert unlike == {late.name: State.LATE, stale.name: State.STALE}


def test_a_dead_collectors_nodes_are_stale_as_soon_as_a_night_passed_without_it(
    sharing: Settings, history: History, puppetdb: StandIn
) -> None:
    """Though each of them has a snapshot of yesterday."""
    sharing = sharing.model_copy(update={"deadline": time(6)})
    store(others_settings(sharing), THEIRS, "2026-11-24")
    tell(puppetdb, others_fact(sharing))
    morning = datetime(2026, 11, 25, 6, tzinfo=UTC)
    for now, state in ((NOW, State.FRESH), (morning, State.LATE), (morning + timedelta(hours=1), State.STALE)):
        found = statuses(sharing, history, now)
        assert {found[node.name].state for node in THEIRS} == {state}
        # As long as that collector is alive it tells of them itself.
        assert {found[node.name].unheard for node in THEIRS} == {state == State.STALE}
        assert {found[node.name].collector for node in NODES} == {None, OTHER}
    problem = found[THEIRS[0].name].problem
    assert problem == f"{OTHER}, which collects it: no collection has begun there since 2026-11-24 01:07 UTC"


@pytest.mark.parametrize("began", ["-", "yesterday", "2099-01-01T00:00:00Z"])
def test_a_collector_of_which_no_collection_is_known_keeps_nobody_fresh(
    sharing: Settings, history: History, puppetdb: StandIn, began: str
) -> None:
    store(others_settings(sharing), THEIRS, "2026-11-24")
    tell(puppetdb, others_fact(sharing, began=began))
    assert {states(sharing, history)[node.name] for node in THEIRS} == {State.STALE}


@pytest.mark.parametrize(
    ("now", "deadline", "in_time"),
    [
        ("2026-11-24 06:59", "06:00", True),  # the deadline was an hour ago, and nobody has heard yet
        ("2026-11-25 06:59", "06:00", True),
        ("2026-11-25 07:00", "06:00", False),
        ("2026-11-24 02:00", "01:00", True),  # it began late, and was not heard of before
        ("2026-11-25 01:59", "01:00", True),
        ("2026-11-26 02:00", "01:00", False),
        ("2026-11-25 00:30", "23:30", True),  # a deadline before midnight
        ("2026-11-26 00:30", "23:30", False),
        ("2026-11-25 03:07", None, True),
        ("2026-11-25 03:08", None, False),
    ],
)
def test_a_collection_is_due_in_the_day_before_each_deadline(now: str, deadline: str | None, in_time: bool) -> None:
    began = datetime(2026, 11, 24, 1, 7, tzinfo=UTC)
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert began_in_time(began, moment, time.fromisoformat(deadline) if deadline else None) == in_time


def test_a_collector_does_not_vouch_for_nodes_that_its_list_never_had(
    sharing: Settings, history: History, puppetdb: StandIn
) -> None:
    """Its list may be frozen: PuppetDB is out of its reach, and the last good list stays in use."""
    new, *known = THEIRS
    store(others_settings(sharing), THEIRS, "2026-11-24")
    tell(puppetdb, others_fact(sharing, nodes=[node for node in NODES if node != new]))
    found = statuses(sharing, history)
    assert (found[new.name].state, found[new.name].snapshot) == (State.STALE, None)
    counts = f"its share has {len(THEIRS) - 1} nodes there, and {len(THEIRS)} here"
    said = f"{OTHER}, which collects it: its node list is another than this one ({counts}); "
    assert (found[new.name].problem or "").startswith(said)
    assert State.FRESH in {found[node.name].state for node in known}, "the others are not put in doubt with it"


def test_collectors_that_share_between_others_do_not_vouch_for_what_the_other_leaves_to_them(
    sharing: Settings, history: History, puppetdb: StandIn
) -> None:
    three = (OWN, OTHER, "backup3.example")
    left_out = [node for node in THEIRS if collector_of(node.name, three) != OTHER]
    store(others_settings(sharing), THEIRS, "2026-11-24")
    tell(puppetdb, others_fact(sharing.model_copy(update={"collectors": three})))
    found = statuses(sharing, history)
    assert left_out
    assert {found[node.name].state for node in left_out} == {State.STALE}
    said = f"{OTHER}, which collects it: it shares the nodes between other collectors ({' '.join(three)})"
    assert found[left_out[0].name].problem == said


def test_a_node_that_is_told_by_name_is_accounted_for(sharing: Settings, history: History, puppetdb: StandIn) -> None:
    node = THEIRS[0].name
    tell(puppetdb, others_fact(sharing, nodes=[], others=f"{node}=2026-11-24"))
    found = states(sharing, history)
    assert found.pop(node) == State.FRESH
    assert {found[node.name] for node in THEIRS[1:]} == {State.STALE}


def test_a_collector_that_was_never_heard_of_is_named(sharing: Settings, history: History) -> None:
    status = fleet_status(THEIRS, sharing, history, NOW)[0]
    assert status.state == State.NEVER
    assert status.problem == f"{OTHER}, which collects it: nothing is heard of that collector"


def test_what_was_told_last_counts_while_puppetdb_is_down(
    sharing: Settings, history: History, puppetdb: StandIn
) -> None:
    store(others_settings(sharing), THEIRS, "2026-11-24")
    tell(puppetdb, others_fact(sharing))
    before = states(sharing, history)
    puppetdb.answer = lambda _: (500, b"")
    assert states(sharing, history) == before
    sharing.peers_file.write_text("{")
    assert {state for name, state in states(sharing, history).items() if before[name] == State.FRESH} == {State.NEVER}


def write_fact(settings: Settings, name: str, fact: Any) -> None:
    assert settings.sources.facts
    facts = {"networking": {"fqdn": OTHER}, FACT: fact}
    (settings.sources.facts / f"{name}.json").write_text(json.dumps(facts))


@pytest.mark.parametrize("name", [OTHER, OTHER.partition(".")[0]])
def test_a_fact_file_tells_the_same(sharing: Settings, settings: Settings, name: str) -> None:
    fact = {"newest": "2026-11-24", "others": "a.example=2026-11-20 b.example=-"}
    write_fact(settings, name, fact)
    write_fact(settings, "broken", "{")
    report = read_peers(sharing.model_copy(update={"sources": settings.sources}))[OTHER]
    assert report == parse(fact)
    assert [str(report.newest_of(name)) for name in ("a.example", "b.example", "c.example")] == [
        "2026-11-20",
        "None",
        "2026-11-24",
    ]


@pytest.mark.parametrize("fact", [None, "x", {}])
def test_a_puppetdb_that_knows_no_such_fact_does_not_hide_a_fact_file(
    sharing: Settings, settings: Settings, puppetdb: StandIn, fact: Any
) -> None:
    told = others_fact(sharing)
    write_fact(settings, OTHER, told)
    tell(puppetdb, fact)
    both = settings.sources.model_copy(update={"puppetdb": puppetdb.settings})
    assert read_peers(sharing.model_copy(update={"sources": both})) == {OTHER: parse(told)}


def test_a_fact_that_is_nested_absurdly_is_read_all_the_same(sharing: Settings, puppetdb: StandIn) -> None:
    deep: Any = []
    for _ in range(700):
        deep = [deep]
    tell(puppetdb, others_fact(sharing) | {"more": deep})
    assert read_peers(sharing) == {OTHER: parse(others_fact(sharing))}


def test_one_collector_cannot_tell_of_anothers_nodes(sharing: Settings, history: History, puppetdb: StandIn) -> None:
    """Nor can a node that is no collector tell of any."""
    mine = next(node for node in NODES if node not in THEIRS)
    tell(puppetdb, others_fact(sharing, newest="2026-11-24", others=f"{mine.name}=2026-11-24"))
    puppetdb.add("evil.example", facts={FACT: {"newest": "2026-11-24", "others": ""}})
    assert states(sharing, history)[mine.name] == State.NEVER
    assert list(read_peers(sharing)) == [OTHER]


def test_a_date_in_the_future_keeps_nobody_fresh(sharing: Settings, history: History, puppetdb: StandIn) -> None:
    tell(puppetdb, others_fact(sharing, newest="2099-01-01"))
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
    fact = own_fact(NODES, settings, BEGAN)
    assert (fact["newest"], fact["others"]) == ("2026-11-24", f"{NODES[10].name}=2026-11-20 {NODES[11].name}=-")
    report = parse(fact)
    assert report
    assert [report.newest_of(node.name) for node in NODES[9:]] == [
        Snapshot(date(2026, 11, 24)),
        Snapshot(date(2026, 11, 20)),
        None,
    ]
    assert report.began == datetime(2026, 11, 24, 1, 7, tzinfo=UTC)
    nobody = own_fact([], settings)
    assert (nobody["newest"], nobody["others"], nobody["nodes"], nobody["began"]) == ("-", "", "0", "-")


def test_the_size_of_what_is_told_does_not_grow_with_the_share(settings: Settings) -> None:
    one, many = (own_fact([make_node(f"n{n}") for n in range(count)], settings) for count in (1, 2000))
    assert len(many["share"]) == len(one["share"]) < 500


@given(st.sets(st.sampled_from([node.name for node in NODES])), st.sets(st.sampled_from([node.name for node in NODES])))
def test_who_is_on_one_list_alone_is_never_accounted_for(here: set[str], there: set[str]) -> None:
    report = parse({"newest": "2026-11-24", "others": "", "share": share_hashes(there)})
    assert report
    unaccounted = report.unaccounted(here)
    assert here - there <= unaccounted <= here
    assert here != there or not unaccounted
