"""The node list: complete, the same when nothing changed, and never worse than the last good one."""

import json
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from kaizen_backups import nodelist
from kaizen_backups.errors import ConfigError, KaizenError, LockedError, UnavailableError
from kaizen_backups.lock import in_turn
from kaizen_backups.node import fingerprint
from kaizen_backups.nodelist import draft, read_list, refresh
from kaizen_backups.settings import Settings
from known_nodes import with_puppetdb, write_facts, write_onboarded
from samples import host_key
from stand_in_puppetdb import Answer, StandIn


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


@pytest.mark.parametrize("broken", ["{ half a fi", '{"networking": {"ip": ' + "1" * 5000 + "}}", "[" * 5000])
def test_a_short_file_that_breaks_is_its_nodes_all_the_same(settings: Settings, broken: str) -> None:
    write_facts(settings, "a.example")
    path = write_facts(settings, "b.zeta.example")
    path = path.rename(path.with_stem("b"))
    before = refresh(settings).nodes
    assert [node.name for node in before] == ["a.example", "b.zeta.example"]
    path.write_text(broken)
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert str(path) in nodes.problems[0].message


def test_a_broken_file_keeps_nobody_of_another_name(settings: Settings) -> None:
    gone = write_facts(settings, "bb.example")
    for name in ("a.example", "c.example", "d.example"):
        write_facts(settings, name)
    refresh(settings)
    gone.rename(gone.with_stem("b")).write_text("{")
    assert "bb.example" not in [node.name for node in refresh(settings).nodes]


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
    written = pictures(settings)
    memory = json.loads(settings.memory_file.read_text())
    memory["good"] = (datetime.now(UTC) - timedelta(hours=5, minutes=1)).isoformat()
    settings.memory_file.write_text(json.dumps(memory))
    assert settings.sources.facts
    settings.sources.facts.rename(settings.sources.facts.with_name("gone"))
    for _ in range(2):  # an outage does not make it any younger
        nodes = refresh(settings)
        assert nodes.nodes == before
        assert pictures(settings) == written
        assert "No such file or directory; the last good list, 5 hours old, stays in use" in nodes.problems[0].message


def test_a_list_is_as_old_as_the_last_refresh_that_found_it_right(settings: Settings) -> None:
    path = write_facts(settings, "a.example")
    refresh(settings)
    month_ago = time.time() - 30 * 86400
    os.utime(settings.nodes_file, (month_ago, month_ago))
    refresh(settings)
    path.parent.rename(path.parent.with_name("gone"))
    assert "the last good list, 0 minutes old, stays in use" in refresh(settings).problems[0].message


@pytest.mark.parametrize("damage", ["", "{", '{"good": 5}'])
def test_without_its_memory_a_list_is_as_old_as_its_file(settings: Settings, damage: str) -> None:
    path = write_facts(settings, "a.example")
    refresh(settings)
    long_ago = time.time() - 30.5 * 86400
    os.utime(settings.nodes_file, (long_ago, long_ago))
    settings.memory_file.write_text(damage)
    path.parent.rename(path.parent.with_name("gone"))
    assert "the last good list, 30 days old, stays in use" in refresh(settings).problems[0].message


def test_the_list_never_becomes_empty_by_accident(settings: Settings) -> None:
    path = write_facts(settings, "a.example")
    before = refresh(settings).nodes
    path.unlink()
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert "the fact files name 0 of the 1 nodes that the list has; gone: a.example; " in nodes.problems[0].message
    assert (
        "'kaizen nodes refresh --accept' takes that when it is meant; the last good list" in nodes.problems[0].message
    )
    assert refresh(settings, accept=True).nodes == ()
    assert refresh(settings).problems == ()


def test_known_hosts_is_made_anew_from_the_last_good_list(settings: Settings) -> None:
    path = write_facts(settings, "a.example")
    refresh(settings)
    path.parent.rename(path.parent.with_name("gone"))
    written = settings.known_hosts_file.read_bytes()
    settings.known_hosts_file.unlink()
    refresh(settings)
    assert settings.known_hosts_file.read_bytes() == written


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


def test_a_puppetdb_that_is_down_leaves_the_last_good_list_in_use(settings: Settings, puppetdb: StandIn) -> None:
    settings = with_puppetdb(settings, puppetdb)
    puppetdb.add("a.example")
    before = refresh(settings).nodes
    puppetdb.answer = lambda _: (500, b"boom")
    nodes = refresh(settings)
    assert nodes.nodes == before
    assert "status 500: boom; the last good list, 0 minutes old, stays in use" in nodes.problems[0].message


def test_a_puppetdb_that_is_down_without_a_last_list_is_an_error(settings: Settings, puppetdb: StandIn) -> None:
    puppetdb.answer = lambda _: (500, b"boom")
    with pytest.raises(UnavailableError, match="status 500"):
        refresh(with_puppetdb(settings, puppetdb))


def test_two_nodes_that_claim_to_be_one_are_named_and_stay(settings: Settings) -> None:
    write_facts(settings, "a.example")
    write_facts(settings, "b.example", networking={"fqdn": "b.example", "ip": "10.0.0.4"})
    for _ in range(2):
        nodes = refresh(settings)
        assert [node.name for node in nodes.nodes] == ["a.example", "b.example"]
        said = "a.example and b.example have the same address and port, 10.0.0.4 port 22"
        assert [problem.message for problem in nodes.problems] == [said]


def test_two_refreshes_take_turns(settings: Settings, puppetdb: StandIn) -> None:
    """Else the one that asked first could write last, and undo what the other found."""
    settings = with_puppetdb(settings, puppetdb)
    puppetdb.add("a.example")
    asked, go_on = threading.Event(), threading.Event()

    def wait(right: Answer) -> Answer:
        asked.set()
        go_on.wait()
        return right

    puppetdb.answer = wait
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(refresh, settings)
        asked.wait()
        puppetdb.add("b.example")
        puppetdb.answer = lambda right: right
        second = pool.submit(refresh, settings)
        go_on.set()
        assert len(first.result().nodes) <= len(second.result().nodes) == 2
    assert [node.name for node in read_list(settings.nodes_file)] == ["a.example", "b.example"]


def test_a_refresh_that_somebody_stopped_holds_up_no_night(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodelist, "_PATIENCE", 0)
    write_facts(settings, "a.example")
    with in_turn(settings.state, 0), pytest.raises(LockedError, match="another run has held"):
        refresh(settings)
    before = refresh(settings).nodes
    written = pictures(settings)
    write_facts(settings, "b.example")
    with in_turn(settings.state, 0):
        nodes = refresh(settings)
    assert (nodes.nodes, pictures(settings)) == (before, written)
    assert "another run has held" in nodes.problems[0].message
    assert "stays in use" in nodes.problems[0].message
    assert len(refresh(settings).nodes) == 2


def test_a_changed_host_key_is_said_once_with_both_fingerprints_and_the_source(
    settings: Settings, puppetdb: StandIn
) -> None:
    settings = with_puppetdb(settings, puppetdb)
    puppetdb.add("a.example")
    puppetdb.add("b.example")
    assert refresh(settings).news == ()
    key = host_key("other")
    puppetdb.nodes["a.example"]["facts"]["ssh"]["ed25519"]["key"] = key.split(" ")[1]
    nodes = refresh(settings)
    assert nodes.problems == ()
    (said,) = nodes.news
    prints = f"was {fingerprint(host_key('a.example'))} and is {fingerprint(key)}"
    assert said == f"a.example: its ssh-ed25519 host key {prints} now, by puppetdb"
    assert f"a.example {key}\n" in settings.known_hosts_file.read_text()
    assert host_key("a.example") not in settings.known_hosts_file.read_text()
    assert refresh(settings).news == ()


def test_a_draft_changes_nothing(settings: Settings) -> None:
    write_facts(settings, "a.example")
    refresh(settings)
    before = pictures(settings), settings.memory_file.read_bytes()
    write_facts(settings, "b.example")
    assert [node.name for node in draft(settings).fresh.nodes] == ["a.example", "b.example"]
    assert (pictures(settings), settings.memory_file.read_bytes()) == before
