"""60 names and values that mean harm: none reaches a file, each is named in a plain line, and no other node suffers."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from kaizen_backups.nodelist import NodeList, read_list, refresh
from kaizen_backups.settings import Settings
from samples import host_key
from stand_in_puppetdb import StandIn

KEY = host_key().split(" ")[1]
NAMES = [
    "../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "-oProxyCommand=touch${IFS}x", "--", "a b", " a", "a\n",
    "a\nb 10.0.0.1", "a\tb", "a\x00b", "a\x1b[2J", "a\x7f", "a\u202eb", "ünï.example", "\ud800", "a;reboot",
    "$(reboot)", "`reboot`", "a|b", "a&b", "a*", "[a]", "@cert-authority *", "#a", "a,b", "!a", "a=b", "A.example",
    "a..b", ".a", "a.", "", "x" * 64, "a" * 300,
]  # fmt: skip
ADDRESSES = [
    "-oProxyCommand=touch${IFS}x", "10.0.0.4 -p 1", "10.0.0.4\n10.0.0.5", "root@10.0.0.4", "10.0.0.4:22", "10.0.0.999",
    "0x7f.1", "fe80::1%eth0;id", "$(id)", "/run/x.sock", "::1]", "", 5, True, ["10.0.0.4"], {"ip": "10.0.0.4"},
]  # fmt: skip
PARAMETERS: list[dict[str, Any]] = [
    {"user": "root -o x"}, {"user": "-l"}, {"user": "root\n"}, {"user": 0}, {"role": "../compute"}, {"role": "a\nb"},
    {"port": 0}, {"port": "22 -o x"}, {"port": 65536}, {"port": -1}, {"port": [22]},
]  # fmt: skip
KEYS = [
    f"{KEY}\nevil.example ssh-ed25519 {KEY}", f"{KEY} # comment", f" {KEY}", KEY[:-8] + "\x00" * 8, "AAAA", "../../x",
    "é" * 68, ["x"], {"a": KEY}, "A" * 1_000_000,
    base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"A" * 3_000_000).decode(),
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
    assert len(NAMES) + len(ADDRESSES) + len(PARAMETERS) + len(KEYS) >= 60


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
