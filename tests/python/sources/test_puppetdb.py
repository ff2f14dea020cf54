"""Nodes from PuppetDB: who is declared is the catalog's word, who a node is is PuppetDB's, the rest its facts'."""

from typing import Any

import pytest

from kaizen_backups.sources.puppetdb import read_puppetdb
from samples import host_key
from stand_in_puppetdb import StandIn


def read(puppetdb: StandIn, address_fact: str = "networking.ip") -> dict[str, dict[str, Any]]:
    found = read_puppetdb(puppetdb.settings, address_fact)
    assert found.problems == []
    return found.nodes


def test_a_declared_node_is_stated_with_its_parameters_and_facts(puppetdb: StandIn) -> None:
    puppetdb.add("n1.example", role="controller", user="backup1", backups_dir="/srv/backups")
    assert read(puppetdb) == {
        "n1.example": {
            "origin": "puppetdb",
            "address": "10.0.0.4",
            "host_keys": [host_key("n1.example")],
            "role": "controller",
            "user": "backup1",
        }
    }


def test_only_active_nodes_with_the_class_enabled_are_listed(puppetdb: StandIn) -> None:
    puppetdb.add("good.example")
    puppetdb.add("switched-off.example", enabled=False)
    puppetdb.add("deactivated.example", active=False)
    puppetdb.add("without.example")
    puppetdb.nodes["without.example"]["parameters"] = None
    assert list(read(puppetdb)) == ["good.example"]


def test_a_node_cannot_speak_for_another(puppetdb: StandIn) -> None:
    lies = {"networking": {"fqdn": "good.example", "ip": "10.9.9.9"}, "clientcert": "good.example", "ssh": {}}
    puppetdb.add("good.example")
    puppetdb.add("bad.example", facts={**lies, "kaizen_backup": {"role": "controller", "user": "root"}})
    nodes = read(puppetdb)
    assert nodes["good.example"]["address"] == "10.0.0.4"
    assert nodes["bad.example"]["role"] == "compute"


@pytest.mark.parametrize(
    ("address_fact", "address"),
    [
        ("name", "n1.example"),
        ("networking.interfaces.eth1.ip", "10.1.0.1"),
        ('networking.interfaces."eth0.100".ip', "10.1.0.2"),
    ],
)
def test_another_fact_can_give_the_address(puppetdb: StandIn, address_fact: str, address: str) -> None:
    interfaces = {"eth1": {"ip": "10.1.0.1"}, "eth0.100": {"ip": "10.1.0.2"}}
    puppetdb.add("n1.example", facts={"networking": {"interfaces": interfaces}})
    assert read(puppetdb, address_fact)["n1.example"]["address"] == address


def test_a_node_of_which_there_are_no_facts_is_named(puppetdb: StandIn) -> None:
    puppetdb.add("good.example")
    puppetdb.add("new.example")
    puppetdb.nodes["new.example"]["facts"] = None
    found = read_puppetdb(puppetdb.settings, "networking.ip")
    assert list(found.nodes) == ["good.example"]
    (problem,) = found.problems
    assert problem.node == "new.example"
    assert problem.message == "new.example: PuppetDB has its catalog but no facts of it; has Puppet run there?"


@pytest.mark.parametrize("facts", [{}, {"ssh": None}, {"ssh": []}, {"ssh": {"rsa": "x", "ed25519": {"key": 5}}}])
def test_facts_of_any_shape_harm_nobody(puppetdb: StandIn, facts: dict[str, Any]) -> None:
    puppetdb.add("good.example")
    puppetdb.add("odd.example", facts=facts)
    nodes = read(puppetdb)
    assert nodes["good.example"]["host_keys"]
    assert nodes["odd.example"]["host_keys"] == []
