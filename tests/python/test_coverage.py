"""Who is not backed up: found by subtraction, so that nobody has to be thought of."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.coverage import NO_CLASS, SWITCHED_OFF, Coverage, Unprotected, coverage, subtract
from kaizen_backups.errors import ConfigError, UnavailableError
from kaizen_backups.exemptions import Exemption
from kaizen_backups.nodelist import refresh
from kaizen_backups.settings import Settings
from samples import host_key
from stand_in_puppetdb import StandIn

TODAY = date(2026, 11, 24)


@pytest.fixture
def known(settings: Settings, puppetdb: StandIn, tmp_path: Path) -> Settings:
    """Return settings with a PuppetDB that knows nodes of every kind."""
    puppetdb.add("good.example")
    puppetdb.add("off.example", enabled=False)
    puppetdb.add("deactivated.example", active=False)
    for name in ("bare.example", "onboarded.example", "exempt.example", "expired.example"):
        puppetdb.add(name)
        puppetdb.nodes[name]["parameters"] = None
    sources = settings.sources.model_copy(update={"puppetdb": puppetdb.settings})
    host = {"address": "10.0.0.9", "host_keys": [host_key("onboarded.example")]}
    (tmp_path / "nodes.d" / "onboarded.example.yaml").write_text(yaml.safe_dump(host))
    (tmp_path / "exemptions.yaml").write_text(
        "exempt.example: {reason: made anew each night, until: 2026-11-24}\n"
        "expired.example: {reason: moves to the new rack, until: 2026-11-23}\n"
    )
    return settings.model_copy(update={"sources": sources, "exemptions": tmp_path / "exemptions.yaml"})


def test_every_active_node_is_protected_exempt_or_named(known: Settings) -> None:
    assert coverage(known, TODAY) == Coverage(
        active=6,
        exempt=1,
        unprotected=[
            Unprotected("bare.example", NO_CLASS),
            Unprotected("expired.example", f"{NO_CLASS}; exempt until 2026-11-23 only: moves to the new rack"),
            Unprotected("off.example", SWITCHED_OFF),
        ],
    )


def test_an_exemption_ends_with_its_last_day(known: Settings) -> None:
    assert "exempt.example" in [node.node for node in coverage(known, TODAY + timedelta(days=1)).unprotected]


def test_a_puppetdb_that_knows_nobody_is_no_good_news(known: Settings, puppetdb: StandIn) -> None:
    puppetdb.nodes.clear()
    with pytest.raises(UnavailableError, match="names no active node"):
        coverage(known, TODAY)


def test_without_a_puppetdb_it_says_that_it_cannot_know(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"sources\.puppetdb is not set"):
        coverage(settings, TODAY)


@pytest.mark.parametrize(
    "content", ["", "address: 10.0.0.9\n", "address: [\n", "{address: '-oX', host_keys: [x]}", "role: website\n"]
)
def test_a_file_in_nodes_d_that_yields_no_node_protects_nobody(known: Settings, tmp_path: Path, content: str) -> None:
    (tmp_path / "nodes.d" / "bare.example.yaml").write_text(content)
    assert "bare.example" in [node.node for node in coverage(known, TODAY).unprotected]


def test_a_file_in_nodes_d_that_facts_make_whole_protects_its_node(known: Settings, tmp_path: Path) -> None:
    key = host_key("bare.example").split(" ")[1]
    ssh = {"ed25519": {"type": "ssh-ed25519", "key": key}}
    facts = {"clientcert": "bare.example", "networking": {"ip": "10.0.0.7"}, "ssh": ssh}
    (tmp_path / "facts" / "bare.example.json").write_text(json.dumps(facts | {"kaizen_backup": {"enabled": True}}))
    assert "bare.example" in [node.node for node in coverage(known, TODAY).unprotected]
    (tmp_path / "nodes.d" / "bare.example.yaml").write_text("port: 2222\n")
    assert "bare.example" not in [node.node for node in coverage(known, TODAY).unprotected]


def test_an_answer_that_lost_too_many_nodes_is_no_good_news(known: Settings, puppetdb: StandIn) -> None:
    """Who is not in it can't be unprotected, so a PuppetDB half made anew would say that all is well."""
    for number in range(9):
        puppetdb.add(f"n{number}.example")
    refresh(known)
    for number in range(2):
        del puppetdb.nodes[f"n{number}.example"]
    assert coverage(known, TODAY).active == 13
    del puppetdb.nodes["n2.example"]
    said = r"PuppetDB names 7 of the 10 nodes that the list has; gone: n0\.example.* 'kaizen nodes refresh --accept'"
    with pytest.raises(UnavailableError, match=said):
        coverage(known, TODAY)
    refresh(known, accept=True)
    assert coverage(known, TODAY).active == 12


def test_a_puppetdb_that_is_down_is_no_good_news(known: Settings, puppetdb: StandIn) -> None:
    puppetdb.answer = lambda _: (500, b"")
    with pytest.raises(UnavailableError):
        coverage(known, TODAY)


names = st.sets(st.sampled_from("abcdefgh"))


@given(names, st.dictionaries(st.sampled_from("abcdefgh"), st.booleans()), names, names, names)
def test_it_is_a_subtraction(
    active: set[str], classes: dict[str, bool], hosts: set[str], ok: set[str], past: set[str]
) -> None:
    exemptions = {name: Exemption(reason="because", until=TODAY - timedelta(days=1)) for name in past}
    exemptions |= {name: Exemption(reason="because", until=TODAY) for name in ok}
    found = subtract(active, classes, hosts, exemptions, TODAY)
    protected = {name for name, enabled in classes.items() if enabled} | hosts
    assert [node.node for node in found.unprotected] == sorted(active - protected - ok)
    assert found.exempt == len((active - protected) & ok)
