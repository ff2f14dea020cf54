"""One node in many sources is one node: the later source counts, and what contradicts it is named."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.merge import Merged, merge
from kaizen_backups.node import Node, fingerprint
from kaizen_backups.sources import Found
from samples import host_key

GOOD: dict[str, Any] = {"address": "10.0.0.4", "role": "compute", "host_keys": [host_key()]}


def three(facts: Any = None, puppetdb: Any = None, nodes_d: Any = None) -> Merged:
    """Merge what three sources state of a.example."""
    return merge(
        [
            Found("the facts", {"a.example": {"origin": "facts", **facts}} if facts else {}),
            Found("PuppetDB", {"a.example": {"origin": "puppetdb", **puppetdb}} if puppetdb else {}),
            Found("nodes.d", {"a.example": {"origin": "onboarded", **nodes_d}} if nodes_d else {}, by_hand=True),
        ]
    )


def only(merged: Merged) -> Node:
    (node,) = merged.nodes.values()
    return node


def test_sources_that_agree_are_one_node_and_nothing_is_said() -> None:
    merged = three(GOOD, GOOD, {"port": 22})
    assert (only(merged).name, merged.problems, merged.overrides) == ("a.example", [], [])


def test_the_catalog_counts_more_than_the_facts_and_the_contradiction_is_a_problem() -> None:
    merged = three({**GOOD, "user": "fact"}, {**GOOD, "address": "10.0.0.5"})
    assert (only(merged).address, only(merged).user) == ("10.0.0.5", "fact")
    (problem,) = merged.problems
    assert problem.message == "a.example: address: 10.0.0.4 in the facts, 10.0.0.5 in PuppetDB, which is used"


def test_nodes_d_wins_for_what_it_states_and_that_is_named_but_no_problem() -> None:
    merged = three(GOOD, GOOD, {"role": "website", "port": 2222})
    assert (only(merged).role, only(merged).port, only(merged).address) == ("website", 2222, "10.0.0.4")
    assert merged.problems == []
    assert merged.overrides == [
        "a.example: role: compute in the facts, website in nodes.d, which is used",
        "a.example: role: compute in PuppetDB, website in nodes.d, which is used",
    ]


def test_contradicting_host_keys_are_named_by_fingerprint() -> None:
    one, other = host_key("one"), host_key("other")
    merged = three({**GOOD, "host_keys": [one]}, {**GOOD, "host_keys": [other]})
    assert only(merged).host_keys == (other,)
    said = f"{fingerprint(one)} in the facts, {fingerprint(other)} in PuppetDB"
    assert said in merged.problems[0].message


def test_fewer_of_the_same_host_keys_are_no_contradiction() -> None:
    one, other = host_key("one"), host_key("two", "ssh-rsa")
    merged = three({**GOOD, "host_keys": [one, other]}, {**GOOD, "host_keys": [other, one]}, {"host_keys": [one]})
    assert (only(merged).host_keys, merged.problems, merged.overrides) == ((one,), [], [])


@pytest.mark.parametrize("value", ["\x1b[2J\n", ["x"], {"a": "b"}, 5, "x" * 10_000])
def test_a_contradicting_value_of_any_shape_is_printable_and_short(value: Any) -> None:
    (problem,) = three({**GOOD, "address": value}, GOOD).problems
    assert problem.message.isprintable()
    assert len(problem.message) < 300


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(["address", "role", "user", "port", "host_keys", "name", "origin", "extra"])
statements = st.dictionaries(fields, anything, max_size=6)
names = st.sampled_from(["a.example", "b.example", "../c", "D", "e\n", "-f"]) | st.text(max_size=8)


@given(st.lists(st.tuples(st.booleans(), st.dictionaries(names, statements, max_size=4)), max_size=3))
def test_whatever_sources_state_every_node_is_good_or_named(stated: list[tuple[bool, dict[str, Any]]]) -> None:
    sources = [Found(f"source {i}", nodes, by_hand=hand) for i, (hand, nodes) in enumerate(stated)]
    merged = merge(sources)
    named = {name for source in sources for name in source.nodes}
    assert merged.nodes.keys() | {problem.node for problem in merged.problems} == named
    assert all(message.isprintable() for message in [p.message for p in merged.problems] + merged.overrides)
    assert list(merged.nodes) == sorted(merged.nodes)


plain = st.text(string.ascii_lowercase, min_size=1, max_size=5)
good = st.fixed_dictionaries(
    {"origin": st.just("facts"), "address": plain, "host_keys": st.lists(plain.map(host_key), min_size=1, max_size=2)},
    optional={"role": plain, "user": plain, "port": st.integers(1, 65535)},
)


@given(st.lists(st.dictionaries(plain, good, max_size=4), min_size=1, max_size=3))
def test_each_field_is_the_last_statement_of_it(stated: list[dict[str, dict[str, Any]]]) -> None:
    merged = merge([Found(f"source {i}", nodes) for i, nodes in enumerate(stated)])
    for name in {name for nodes in stated for name in nodes}:
        expected = {key: value for nodes in stated for key, value in nodes.get(name, {}).items()}
        expected["host_keys"] = tuple(expected["host_keys"])
        assert merged.nodes[name].model_dump() == {
            "role": "generic",
            "port": 22,
            "user": "kaizen",
            **expected,
            "name": name,
        }
