"""A node list loses nobody by accident: not at once, not in small steps, not behind another source's back."""

from datetime import date, timedelta

import pytest

from kaizen_backups.nodelist import refresh
from kaizen_backups.settings import Settings
from known_nodes import with_puppetdb, write_facts, write_onboarded
from samples import host_key
from stand_in_puppetdb import StandIn


def add_nodes(puppetdb: StandIn, count: int) -> None:
    for number in range(count):
        puppetdb.add(f"n{number:02}.example")


def lose(puppetdb: StandIn, count: int) -> None:
    for name in sorted(puppetdb.nodes)[:count]:
        del puppetdb.nodes[name]


@pytest.mark.parametrize(("nodes", "lost", "taken"), [(10, 2, True), (10, 3, False), (11, 3, False), (15, 3, True)])
def test_a_list_that_lost_more_than_a_fifth_is_not_taken(
    settings: Settings, puppetdb: StandIn, nodes: int, lost: int, taken: bool
) -> None:
    settings = with_puppetdb(settings, puppetdb)
    add_nodes(puppetdb, nodes)
    before = refresh(settings).nodes
    lose(puppetdb, lost)
    after = refresh(settings)
    assert (len(after.nodes), after.problems == ()) == ((nodes - lost, True) if taken else (nodes, False))
    if not taken:
        assert after.nodes == before
        (problem,) = after.problems
        said = (
            f"PuppetDB names {nodes - lost} of the {nodes} nodes that the list has; gone: n00.example, n01.example, n02"
        )
        assert problem.message.startswith(said)


def test_what_else_is_wrong_is_named_beside_a_list_that_is_not_taken(settings: Settings, puppetdb: StandIn) -> None:
    settings = with_puppetdb(settings, puppetdb)
    add_nodes(puppetdb, 10)
    refresh(settings)
    lose(puppetdb, 3)
    puppetdb.add("bad.example", role="../x")
    first, second = refresh(settings).problems
    assert "PuppetDB names 7 of the 10 nodes" in first.message
    assert second.message.startswith("bad.example: role: ")


def test_a_smaller_list_is_taken_when_it_is_accepted_and_from_then_on(settings: Settings, puppetdb: StandIn) -> None:
    settings = with_puppetdb(settings, puppetdb)
    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    add_nodes(puppetdb, 10)
    refresh(settings, today=monday)
    lose(puppetdb, 9)
    assert len(refresh(settings, today=tuesday).nodes) == 10
    accepted = refresh(settings, accept=True, today=tuesday)
    assert (len(accepted.nodes), accepted.problems) == (1, ())
    assert settings.known_hosts_file.read_text().count("\n") == 1
    assert refresh(settings, today=tuesday) == accepted


def test_losses_in_small_steps_add_up_within_a_day_and_not_beyond(settings: Settings, puppetdb: StandIn) -> None:
    settings = with_puppetdb(settings, puppetdb)
    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    add_nodes(puppetdb, 20)
    refresh(settings, today=monday)
    lose(puppetdb, 2)
    assert len(refresh(settings, today=tuesday).nodes) == 18
    lose(puppetdb, 2)
    assert len(refresh(settings, today=tuesday).nodes) == 16
    lose(puppetdb, 1)
    late = refresh(settings, today=tuesday)
    assert len(late.nodes) == 16
    assert "PuppetDB names 15 of the 20 nodes" in late.problems[0].message
    assert len(refresh(settings, today=tuesday + timedelta(days=1)).nodes) == 15


def test_an_empty_puppetdb_beside_a_large_nodes_d_is_not_believed(settings: Settings, puppetdb: StandIn) -> None:
    settings = with_puppetdb(settings, puppetdb)
    puppetdb.add("a.example")
    for number in range(10):
        write_onboarded(settings, f"w{number}", address=f"10.0.1.{number}", host_keys=[host_key(f"w{number}")])
    before = refresh(settings).nodes
    puppetdb.nodes.clear()
    after = refresh(settings)
    assert after.nodes == before
    assert "PuppetDB names 0 of the 1 nodes" in after.problems[0].message


def test_an_empty_puppetdb_is_never_believed_though_fact_files_name_the_same_nodes(
    settings: Settings, puppetdb: StandIn
) -> None:
    """What the catalogs said would be the nodes' own words from then on: their role, their user, their host keys."""
    settings = with_puppetdb(settings, puppetdb)
    for name in ("a.example", "b.example"):
        puppetdb.add(name, user="fromcatalog")
        write_facts(settings, name, kaizen_backup={"enabled": True, "user": "fromfacts"})
    before = refresh(settings).nodes
    puppetdb.nodes.clear()
    after = refresh(settings)
    assert after.nodes == before
    assert "PuppetDB names 0 of the 2 nodes that the list has" in after.problems[0].message
    assert [node.user for node in refresh(settings, accept=True).nodes] == ["fromfacts", "fromfacts"]
    assert refresh(settings).problems == ()


def test_a_puppetdb_that_lost_many_is_not_believed_though_fact_files_name_them_still(
    settings: Settings, puppetdb: StandIn
) -> None:
    settings = with_puppetdb(settings, puppetdb)
    add_nodes(puppetdb, 10)
    for name in puppetdb.nodes:
        write_facts(settings, name, networking=puppetdb.nodes[name]["facts"]["networking"])
    before = refresh(settings).nodes
    lose(puppetdb, 3)
    after = refresh(settings)
    assert after.nodes == before
    assert "PuppetDB names 7 of the 10 nodes" in after.problems[0].message


def test_fact_files_that_are_gone_are_missed_where_nobody_else_names_the_nodes(settings: Settings) -> None:
    paths = [write_facts(settings, f"n{number}.example") for number in range(3)]
    for number in range(20):
        write_onboarded(settings, f"w{number}", address=f"10.0.1.{number}", host_keys=[host_key(f"w{number}")])
    refresh(settings)
    for path in paths:
        path.unlink()
    assert "the fact files name 0 of the 3 nodes" in refresh(settings).problems[0].message


def test_what_nodes_d_states_of_a_node_in_part_is_no_substitute_for_puppetdb(
    settings: Settings, puppetdb: StandIn
) -> None:
    settings = with_puppetdb(settings, puppetdb)
    puppetdb.add("a.example", user="fromcatalog")
    write_facts(settings, "a.example")
    write_onboarded(settings, "a.example", port=2222)
    before = refresh(settings).nodes
    puppetdb.nodes.clear()
    assert refresh(settings).nodes == before
    whole = {"address": "10.0.0.4", "host_keys": [host_key("a.example")], "port": 2222}
    write_onboarded(settings, "a.example", **whole)
    assert refresh(settings).problems == ()


def test_a_node_that_puppetdb_has_no_facts_of_just_now_is_not_lost(settings: Settings, puppetdb: StandIn) -> None:
    settings = with_puppetdb(settings, puppetdb)
    add_nodes(puppetdb, 3)
    before = refresh(settings).nodes
    for node in puppetdb.nodes.values():
        node["facts"] = None
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert {problem.node for problem in nodes.problems} == set(puppetdb.nodes)


def test_a_file_that_never_was_a_node_is_not_missed(settings: Settings) -> None:
    assert settings.sources.facts
    file = settings.sources.facts / "junk.json"
    file.write_text("{")
    write_onboarded(settings, "www", address="10.0.0.9", host_keys=[host_key("www")])
    assert len(refresh(settings).problems) == 1
    file.unlink()
    assert refresh(settings).problems == ()


def test_a_source_that_is_not_asked_any_more_is_not_missed_while_another_names_its_nodes(
    settings: Settings, puppetdb: StandIn
) -> None:
    add_nodes(puppetdb, 3)
    for name in puppetdb.nodes:
        write_facts(settings, name)
    refresh(with_puppetdb(settings, puppetdb))
    nodes = refresh(settings)
    assert ({node.origin for node in nodes.nodes}, nodes.problems) == ({"facts"}, ())


@pytest.mark.parametrize("hosts", [1, 2, 5])
def test_a_nodes_d_that_vanished_is_no_decision(settings: Settings, hosts: int) -> None:
    """It may be a fifth of all nodes, which is little enough to go unseen."""
    assert settings.sources.nodes_d
    for number in range(40):
        write_facts(settings, f"n{number}.example")
    for number in range(hosts):
        write_onboarded(settings, f"w{number}", address=f"10.0.1.{number}", host_keys=[host_key(f"w{number}")])
    before = refresh(settings).nodes
    settings.sources.nodes_d.rename(settings.sources.nodes_d.with_name("gone"))
    nodes = refresh(settings)
    assert nodes.nodes == before
    said = f"nodes.d: No such file or directory, and {hosts} of the list's nodes are onboarded (w0"
    assert said in nodes.problems[0].message
    settings.sources.nodes_d.mkdir()
    emptied = refresh(settings)
    assert (len(emptied.nodes), emptied.problems) == (40, ())


def test_a_nodes_d_that_never_held_a_host_may_be_missing(settings: Settings) -> None:
    assert settings.sources.nodes_d
    settings.sources.nodes_d.rmdir()
    write_facts(settings, "a.example")
    for _ in range(2):
        assert refresh(settings).problems == ()


def test_nodes_that_move_from_one_source_to_another_are_not_lost(settings: Settings, puppetdb: StandIn) -> None:
    paths = [write_facts(settings, f"n{number:02}.example") for number in range(10)]
    refresh(settings)
    add_nodes(puppetdb, 10)
    for path in paths:
        path.unlink()
    nodes = refresh(with_puppetdb(settings, puppetdb))
    assert (len(nodes.nodes), nodes.problems, nodes.news) == (10, (), ())
