"""Several collectors share the nodes: each node has one, and only what must move moves."""

import socket
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.errors import ConfigError
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import collector_of, own_name, own_share, shares
from samples import make_node

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.example)?", fullmatch=True)
collectors = st.lists(names, min_size=1, max_size=6, unique=True)
NODES = [f"node{number:05}.kaizen.example" for number in range(3000)]


def sharing(settings: Settings, *names: str, name: str | None = None) -> Settings:
    return settings.model_copy(update={"collectors": names, "name": name})


@given(st.lists(names, unique=True), collectors, names)
def test_adding_a_collector_moves_nodes_only_to_it(nodes: list[str], known: list[str], new: str) -> None:
    for node in nodes:
        assert collector_of(node, [*known, new]) in (new, collector_of(node, known))


@given(st.lists(names, unique=True), collectors, st.randoms())
def test_the_order_of_the_collectors_says_nothing(nodes: list[str], known: list[str], random: object) -> None:
    other = list(known)
    random.shuffle(other)  # type: ignore[attr-defined]
    assert [collector_of(node, known) for node in nodes] == [collector_of(node, other) for node in nodes]


@given(collectors)
def test_no_collector_keeps_its_own_snapshots_while_there_is_another(known: list[str]) -> None:
    for name in known:
        assert (collector_of(name, known) != name) == (len(known) > 1)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_one_more_collector_takes_its_part_from_all_the_others(count: int) -> None:
    """About 1 of N + 1 nodes moves: the bounds are five standard deviations wide."""
    known = [f"backup{number}.example" for number in range(count)]
    before = {node: collector_of(node, known) for node in NODES}
    moved = Counter(before[node] for node in NODES if collector_of(node, [*known, "new.example"]) != before[node])
    part = 1 / (count + 1)
    slack = 5 * (len(NODES) * part * (1 - part)) ** 0.5
    assert abs(moved.total() - len(NODES) * part) < slack
    assert moved.keys() == set(known)


def test_every_node_has_one_collector_and_all_have_about_as_many(settings: Settings) -> None:
    nodes = [make_node(name) for name in NODES]
    found = shares(nodes, sharing(settings, "b", "a", "c", name="a"))
    assert list(found) == ["a", "b", "c"]
    assert sorted((node for share in found.values() for node in share), key=lambda node: node.name) == nodes
    assert all(800 < len(share) < 1200 for share in found.values())
    assert own_share(nodes, sharing(settings, "b", "a", "c", name="a")) == found["a"]


def test_who_has_whom_is_the_same_in_every_release() -> None:
    """Else an upgrade of one collector would leave nodes to nobody."""
    three = ["backup1.example", "backup2.example", "backup3.example"]
    assert [collector_of(node, three)[6] for node in NODES[:20]] == list("11322231311321232322")


def test_a_single_collector_has_them_all(settings: Settings) -> None:
    nodes = [make_node(name) for name in NODES[:10]]
    assert own_share(nodes, settings) == nodes
    assert own_share(nodes, sharing(settings, "only", name="only")) == nodes
    assert shares(nodes, settings) == {own_name(settings): nodes}


def test_a_collector_knows_itself_by_its_hosts_full_name(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "Backup1.Example")
    assert own_name(sharing(settings, "backup1.example", "b")) == "backup1.example"
    assert own_name(sharing(settings, "backup1.example", "b", name="b")) == "b"
    with pytest.raises(
        ConfigError, match=r"this collector is backup1\.example, which is none of the collectors \(a, b\)"
    ):
        own_name(sharing(settings, "a", "b"))
