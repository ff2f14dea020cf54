"""The node list: complete, the same when nothing changed, and never worse than the last good one."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from kaizen_backups.errors import ConfigError, KaizenError, UnavailableError
from kaizen_backups.nodelist import read_list, refresh
from kaizen_backups.settings import Settings
from samples import host_key
from stand_in_puppetdb import StandIn


def write_facts(settings: Settings, name: str, **changes: Any) -> Path:
    """Write a fact file as facter would, with the facts of a protected node."""
    key = host_key(name).split(" ")[1]
    facts = {
        "networking": {"fqdn": name, "ip": "10.0.0.4"},
        "ssh": {"ed25519": {"type": "ssh-ed25519", "key": key}},
        "kaizen_backup": {"enabled": True, "role": "compute", "user": "kaizen"},
        **changes,
    }
    assert settings.sources.facts
    path = settings.sources.facts / f"{name}.json"
    path.write_text(json.dumps(facts))
    return path


def write_onboarded(settings: Settings, name: str, **fields: Any) -> None:
    assert settings.sources.nodes_d
    (settings.sources.nodes_d / f"{name}.yaml").write_text(yaml.safe_dump(fields))


def with_puppetdb(settings: Settings, puppetdb: StandIn) -> Settings:
    sources = settings.sources.model_copy(update={"puppetdb": puppetdb.settings})
    return settings.model_copy(update={"sources": sources})


def pictures(settings: Settings) -> list[tuple[int, int, bytes]]:
    """Return what shows whether a generated file was written: its inode, its time, and what is in it."""
    files = [settings.nodes_file, settings.known_hosts_file]
    return [(file.stat().st_ino, file.stat().st_mtime_ns, file.read_bytes()) for file in files]


def test_nodes_yaml_has_the_designs_form(settings: Settings) -> None:
    write_facts(settings, "compute01.kaizen.example")
    write_onboarded(settings, "www", address="10.0.0.9", port=2222, role="website", host_keys=[host_key("www")])
    refresh(settings)
    assert yaml.safe_load(settings.nodes_file.read_text()) == {
        "nodes": [
            {
                "name": "compute01.kaizen.example",
                "address": "10.0.0.4",
                "role": "compute",
                "origin": "facts",
                "host_keys": [host_key("compute01.kaizen.example")],
            },
            {
                "name": "www",
                "address": "10.0.0.9",
                "role": "website",
                "origin": "onboarded",
                "host_keys": [host_key("www")],
                "port": 2222,
            },
        ]
    }


def test_nothing_is_written_when_nothing_changed(settings: Settings) -> None:
    write_facts(settings, "b.example")
    write_facts(settings, "a.example")
    refresh(settings)
    before = pictures(settings)
    refresh(settings)
    assert pictures(settings) == before


def test_known_hosts_has_exactly_the_listed_nodes_keys_and_ssh_finds_them(settings: Settings) -> None:
    write_facts(settings, "a.example")
    write_facts(settings, "b.example").unlink()
    refresh(settings)
    assert settings.known_hosts_file.read_text() == f"a.example {host_key('a.example')}\n"
    found = subprocess.run(["ssh-keygen", "-F", "a.example", "-f", settings.known_hosts_file], check=False)
    assert found.returncode == 0


def test_what_nodes_d_states_wins_field_by_field(settings: Settings) -> None:
    write_facts(settings, "a.example")
    write_onboarded(settings, "a.example", address="192.0.2.1", host_keys=[host_key("new")])
    (node,) = refresh(settings).nodes
    assert (node.address, node.host_keys, node.role) == ("192.0.2.1", (host_key("new"),), "compute")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"networking": {"fqdn": "bad.example", "ip": "10.0.0.1 -o x"}}, "bad.example: address: must be"),
        ({"networking": {"fqdn": "bad.example"}}, "bad.example: address: "),
        ({"ssh": {}}, "bad.example: no usable host key is known"),
        ({"ssh": {"dsa": {"type": "ssh-dss", "key": "AAAA"}}}, "bad.example: no usable host key is known"),
        ({"ssh": {"rsa": {"type": "ssh-rsa", "key": "AAAA\nevil"}}}, "bad.example: host_keys.0: "),
        ({"kaizen_backup": {"enabled": True, "role": "../x"}}, "bad.example: role: must be"),
        ({"kaizen_backup": {"enabled": True, "user": "root; id"}}, "bad.example: user: must be"),
    ],
)
def test_a_node_that_cannot_be_used_is_named_and_the_others_are_listed(
    settings: Settings, changes: dict[str, Any], complaint: str
) -> None:
    write_facts(settings, "bad.example", **changes)
    write_facts(settings, "good.example")
    nodes = refresh(settings)
    assert [node.name for node in nodes.nodes] == ["good.example"]
    (problem,) = nodes.problems
    assert problem.message.startswith(complaint)
    assert "\n" not in problem.message


def test_a_node_whose_file_breaks_keeps_its_last_good_entry(settings: Settings) -> None:
    path = write_facts(settings, "a.example")
    write_facts(settings, "b.example")
    before = refresh(settings).nodes
    path.write_text("{ half a fi")
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert str(path) in nodes.problems[0].message


def test_a_node_that_is_no_longer_enabled_leaves_the_list_and_known_hosts(settings: Settings) -> None:
    write_facts(settings, "a.example")
    write_facts(settings, "b.example")
    refresh(settings)
    write_facts(settings, "b.example", kaizen_backup={"enabled": False})
    assert [node.name for node in refresh(settings).nodes] == ["a.example"]
    assert "b.example" not in settings.known_hosts_file.read_text()


def test_an_unreadable_source_leaves_the_last_good_list_in_use_and_says_how_old_it_is(settings: Settings) -> None:
    write_facts(settings, "a.example")
    before = refresh(settings).nodes
    written = settings.nodes_file.read_bytes()
    old = time.time() - 5 * 3600
    os.utime(settings.nodes_file, (old, old))
    assert settings.sources.facts
    settings.sources.facts.rename(settings.sources.facts.with_name("gone"))
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert settings.nodes_file.read_bytes() == written
    assert "No such file or directory; the last good list, 5 hours old, stays in use" in nodes.problems[0].message


def test_the_list_never_becomes_empty_by_accident(settings: Settings) -> None:
    path = write_facts(settings, "a.example")
    before = refresh(settings).nodes
    path.unlink()
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert "the sources name no node at all" in nodes.problems[0].message


def test_an_unreadable_source_without_a_last_list_is_an_error(settings: Settings) -> None:
    assert settings.sources.facts
    settings.sources.facts.rmdir()
    with pytest.raises(ConfigError, match="No such file or directory"):
        refresh(settings)


def test_a_damaged_nodes_yaml_is_named(settings: Settings) -> None:
    settings.state.mkdir()
    settings.nodes_file.write_text("nodes: [{name: a}]\n")
    with pytest.raises(ConfigError, match=r"nodes\.yaml: damaged"):
        read_list(settings.nodes_file)


def test_an_unknown_node_is_named(settings: Settings) -> None:
    write_facts(settings, "a.example")
    with pytest.raises(KaizenError, match=r"b\.example: no such node"):
        refresh(settings).get("b.example")


def test_puppetdbs_nodes_are_listed_beside_the_others(settings: Settings, puppetdb: StandIn) -> None:
    puppetdb.add("compute01.example", role="compute", user="backup")
    write_onboarded(settings, "www", address="10.0.0.9", host_keys=[host_key("www")])
    settings = with_puppetdb(settings, puppetdb)
    assert [(node.name, node.origin, node.user) for node in refresh(settings).nodes] == [
        ("compute01.example", "puppetdb", "backup"),
        ("www", "onboarded", "kaizen"),
    ]
    before = pictures(settings)
    refresh(settings)
    assert pictures(settings) == before


def test_a_node_in_all_sources_is_one_node_and_the_catalogs_word_goes_before_a_facts(
    settings: Settings, puppetdb: StandIn
) -> None:
    write_facts(settings, "a.example", kaizen_backup={"enabled": True, "role": "website", "user": "fact"})
    puppetdb.add("a.example", role="compute", user=None)
    write_onboarded(settings, "a.example", port=2222)
    (node,) = refresh(with_puppetdb(settings, puppetdb)).nodes
    assert (node.origin, node.role, node.user, node.port) == ("onboarded", "compute", "fact", 2222)


def test_a_puppetdb_that_is_down_leaves_the_last_good_list_in_use(settings: Settings, puppetdb: StandIn) -> None:
    settings = with_puppetdb(settings, puppetdb)
    puppetdb.add("a.example")
    before = refresh(settings).nodes
    puppetdb.answer = lambda _: (500, b"boom")
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert "status 500: boom; the last good list, 0 hours old, stays in use" in nodes.problems[0].message


def test_a_puppetdb_that_is_down_without_a_last_list_is_an_error(settings: Settings, puppetdb: StandIn) -> None:
    puppetdb.answer = lambda _: (500, b"boom")
    with pytest.raises(UnavailableError, match="status 500"):
        refresh(with_puppetdb(settings, puppetdb))
