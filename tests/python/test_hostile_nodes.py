"""60 names and values that mean harm: none reaches a file, each is named in a plain line, and no other node suffers."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from kaizen_backups.nodelist import NodeList, read_list, refresh
from kaizen_backups.settings import Settings
from samples import host_key
from stand_in_puppetdb import StandIn

KEY = host_key().split(" ")[1]
# What Python's int() and its parser of JSON give up at: as JSON, since Python could not write it either.
ABSURD = {
    "a number of 5,000 digits": "1" * 5000,
    "a number of a million digits": "-" + "9" * 1_000_000,
    "a fraction of 5,000 digits": "0." + "1" * 5000,
    "a number with a great exponent": "1e99999",
    "no number": "NaN",
    "100,000 lists": "[" * 100_000 + "]" * 100_000,
    "as many lists as can just be read": "[" * 965 + "]" * 965,
    "100,000 mappings": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "brackets in a text in lists": "[" * 5000 + r'"]]]\"[[["' + "]" * 5000,
}
NAMES = [
    "../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "-oProxyCommand=touch${IFS}x", "--", "a b", " a", "a\n",
    "a\nb 10.0.0.1", "a\tb", "a\x00b", "a\x1b[2J", "a\x7f", "a\u202eb", "ünï.example", "\ud800", "a;reboot",
    "$(reboot)", "`reboot`", "a|b", "a&b", "a*", "[a]", "@cert-authority *", "#a", "a,b", "!a", "a=b", "A.example",
    "a..b", ".a", "a.", "", "x" * 64, "a" * 300,
]  # fmt: skip
ADDRESSES = [
    "-oProxyCommand=touch${IFS}x", "10.0.0.4 -p 1", "10.0.0.4\n10.0.0.5", "root@10.0.0.4", "10.0.0.4:22", "10.0.0.999",
    "0x7f.1", "fe80::1%eth0;id", "$(id)", "/run/x.sock", "::1]", "", 5, True, ["10.0.0.4"], {"ip": "10.0.0.4"},
    "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost", "localhost.localdomain", "x.localhost",
    "0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:224.0.0.1", "255.255.255.255",
]  # fmt: skip
PARAMETERS: list[dict[str, Any]] = [
    {"user": "root -o x"}, {"user": "-l"}, {"user": "root\n"}, {"user": 0}, {"role": "../compute"}, {"role": "a\nb"},
    {"role": 5}, {"role": True}, {"user": ["root"]}, {"user": {"name": "root"}},
]  # fmt: skip
PORTS = [0, "22 -o x", 65536, -1, [22], True, False, 2.5, "0x16"]
KEYS = [
    f"{KEY}\nevil.example ssh-ed25519 {KEY}", f"{KEY} # comment", f" {KEY}", KEY[:-8] + "\x00" * 8, "AAAA", "../../x",
    "é" * 68, ["x"], {"a": KEY}, "A" * 1_000_000,
    base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"A" * 3_000_000).decode(),
    base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"A" * 31).decode(),
    base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"A" * 33).decode(),
]  # fmt: skip


def with_puppetdb(settings: Settings, puppetdb: StandIn) -> Settings:
    sources = settings.sources.model_copy(update={"puppetdb": puppetdb.settings, "facts": None})
    return settings.model_copy(update={"sources": sources})


def check(settings: Settings, puppetdb: StandIn, harm: Callable[[], None]) -> NodeList:
    """Add a good node, do harm, and look whether the good one is all that there is."""
    puppetdb.add("good.example")
    harm()
    found = refresh(with_puppetdb(settings, puppetdb))
    assert [node.name for node in found.nodes] == ["good.example"]
    assert read_list(settings.nodes_file) == found.nodes
    assert settings.known_hosts_file.read_text() == f"good.example {host_key('good.example')}\n"
    assert "good.example" in settings.nodes_file.read_text()
    (problem,) = found.problems
    assert problem.message.isprintable()
    assert len(problem.message) < 400
    return found


def test_there_are_60_of_them() -> None:
    assert len(NAMES) + len(ADDRESSES) + len(PARAMETERS) + len(PORTS) + len(KEYS) + len(ABSURD) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name(settings: Settings, puppetdb: StandIn, name: str) -> None:
    check(settings, puppetdb, lambda: puppetdb.add(name))


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_hostile_address(settings: Settings, puppetdb: StandIn, address: object) -> None:
    ssh = {"ed25519": {"type": "ssh-ed25519", "key": KEY}}
    found = check(
        settings, puppetdb, lambda: puppetdb.add("bad.example", facts={"networking": {"ip": address}, "ssh": ssh})
    )
    assert found.problems[0].message.startswith("bad.example: address: ")


@pytest.mark.parametrize("parameters", PARAMETERS)
def test_a_hostile_parameter(settings: Settings, puppetdb: StandIn, parameters: dict[str, Any]) -> None:
    found = check(settings, puppetdb, lambda: puppetdb.add("bad.example", **parameters))
    assert found.problems[0].message.startswith(f"bad.example: {next(iter(parameters))}: ")


@pytest.mark.parametrize("key", KEYS)
def test_a_hostile_host_key(settings: Settings, puppetdb: StandIn, key: object) -> None:
    facts = {"networking": {"ip": "10.0.0.4"}, "ssh": {"ed25519": {"type": "ssh-ed25519", "key": key}}}
    check(settings, puppetdb, lambda: puppetdb.add("bad.example", facts=facts))


@pytest.mark.parametrize("port", PORTS)
def test_a_hostile_port(settings: Settings, puppetdb: StandIn, port: object) -> None:
    """Only nodes.d says one, and only an administrator writes there; YAML has its own ideas of what he wrote."""
    assert settings.sources.nodes_d
    host = {"address": "10.0.0.9", "host_keys": [host_key("bad.example")], "port": port}
    file = settings.sources.nodes_d / "bad.example.yaml"

    def harm() -> None:
        file.write_text(yaml.safe_dump(host))

    found = check(settings, puppetdb, harm)
    assert found.problems[0].message.startswith("bad.example: port: ")


@pytest.mark.parametrize("place", ["networking.ip", "ssh.ed25519.key", "ssh.ed25519.type", "ssh"])
@pytest.mark.parametrize("absurd", ABSURD)
def test_an_absurd_fact_costs_the_node_its_place_and_nobody_else(
    settings: Settings, puppetdb: StandIn, absurd: str, place: str
) -> None:
    """Such a fact stands in the one answer that tells of all nodes."""

    def harm() -> None:
        puppetdb.add("bad.example")
        facts = puppetdb.nodes["bad.example"]["facts"]
        *path, last = place.split(".")
        for key in path:
            facts = facts[key]
        facts[last] = "ABSURD" if place != "ssh" else {"ed25519": {"type": "ABSURD", "key": "ABSURD"}}
        value = ABSURD[absurd].encode()
        puppetdb.answer = lambda right: (200, right[1].replace(b'"ABSURD"', value).ljust(len(right[1])))

    found = check(settings, puppetdb, harm)
    what = "address" if place == "networking.ip" else r"host_keys\.0|no usable host key"
    assert re.match(rf"bad\.example: ({what})", found.problems[0].message)


@pytest.mark.parametrize("absurd", ABSURD)
def test_an_absurd_fact_in_a_file_costs_the_node_its_place_and_nobody_else(settings: Settings, absurd: str) -> None:
    assert settings.sources.facts
    ssh = {"ed25519": {"type": "ssh-ed25519", "key": KEY}}
    facts = {"networking": {"fqdn": "good.example", "ip": "10.0.0.4"}, "ssh": ssh, "kaizen_backup": {"enabled": True}}
    (settings.sources.facts / "good.example.json").write_text(json.dumps(facts))
    bad = json.dumps(facts | {"networking": {"fqdn": "bad.example", "ip": "ABSURD"}})
    (settings.sources.facts / "bad.example.json").write_text(bad.replace('"ABSURD"', ABSURD[absurd]))
    found = refresh(settings)
    assert [node.name for node in found.nodes] == ["good.example"]
    (problem,) = found.problems
    assert "bad.example" in problem.message
    assert problem.message.isprintable()
    assert len(problem.message) < 400


@pytest.mark.parametrize("levels", [10, 200, 930, 965, 5000])
def test_lists_within_lists_in_a_yaml_file_cost_the_node_its_place_and_nobody_else(
    settings: Settings, levels: int
) -> None:
    """PyYAML builds some 1,000 levels, which Python can then neither compare nor print."""
    assert settings.sources.facts
    ssh = {"ed25519": {"type": "ssh-ed25519", "key": "KEY!"}}
    facts = {"networking": {"ip": "IP!"}, "ssh": ssh, "kaizen_backup": {"enabled": True, "role": "compute"}}
    for what in ("KEY!", "IP!"):
        name = f"bad{what[:-1].lower()}.example"
        bad = json.dumps(facts | {"clientcert": name}).replace(f'"{what}"', "[" * levels + "]" * levels)
        bad = bad.replace("KEY!", KEY).replace("IP!", "10.0.0.5")
        (settings.sources.facts / f"{name}.yaml").write_text(bad)
    good = json.dumps(facts | {"clientcert": "good.example"}).replace("KEY!", KEY).replace("IP!", "10.0.0.4")
    (settings.sources.facts / "good.example.yaml").write_text(good)
    found = refresh(settings)
    assert [node.name for node in found.nodes] == ["good.example"]
    assert len(found.problems) == 2


def test_more_host_keys_than_a_node_can_have(settings: Settings) -> None:
    assert settings.sources.nodes_d
    for name, count in (("good.example", 10), ("bad.example", 11)):
        host = {"address": name, "host_keys": [host_key(f"{name} {number}") for number in range(count)]}
        (settings.sources.nodes_d / f"{name}.yaml").write_text(yaml.safe_dump(host))
    found = refresh(settings)
    assert [node.name for node in found.nodes] == ["good.example"]
    assert found.problems[0].message.startswith("bad.example: host_keys: ")


def test_only_an_administrator_may_call_the_collector_itself_a_node(settings: Settings, puppetdb: StandIn) -> None:
    assert settings.sources.nodes_d
    facts = {"networking": {"ip": "127.0.0.1"}, "ssh": {"ed25519": {"type": "ssh-ed25519", "key": KEY}}}
    for name in ("bad.example", "meant.example"):
        puppetdb.add(name, facts=facts)
    (settings.sources.nodes_d / "bad.example.yaml").write_text("role: website\n")  # and says nothing of the address
    (settings.sources.nodes_d / "meant.example.yaml").write_text("address: 127.0.0.1\n")
    found = refresh(with_puppetdb(settings, puppetdb))
    assert [(node.name, node.address) for node in found.nodes] == [("meant.example", "127.0.0.1")]
    said = "bad.example: address: 127.0.0.1 is the collector itself; only nodes.d may say that"
    assert [problem.message for problem in found.problems] == [said]
