"""What a Puppet Server in the lab promises, on one fleet: each test leaves it as the others need it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab import Fleet, LabError, Node
from lab.puppetdb import certificates
from lab.puppetserver import PuppetServer, reinstall

pytestmark = pytest.mark.xdist_group("puppetserver")

SITE = """
node 'one.kaizen.example' {
    file { '/root/greeting': content => lookup('greeting') }
    @@file { '/root/from-one': content => "exported by ${facts['networking']['hostname']}\\n", tag => 'peers' }
}
node 'two.kaizen.example' {
    include stdlib
    File <<| tag == 'peers' |>>
    $known = puppetdb_query('nodes[certname] { order by certname }').map |$node| { $node['certname'] }
    file { '/root/known': content => "${known}" }
}
node default { }
"""
HIERA = {"greeting": "good morning\n"}
BOTH = ["one.kaizen.example", "two.kaizen.example"]
ALLOWED = "[puppetdb]\ncertificate-allowlist = /etc/puppetdb/allowed\n"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
NODE_CONF = "role = compute\nbackups_dir = /backups\n"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet("puppet") as made:
        made.add_all(["puppet.kaizen.example", "one.kaizen.example", "two.kaizen.example"])
        made["puppet"].write("/etc/puppetdb/allowed", "puppet.kaizen.example\none.kaizen.example\n")
        made["puppet"].write("/etc/puppetdb/conf.d/allowed.ini", ALLOWED)
        yield made


@pytest.fixture(scope="module")
def server(fleet: Fleet) -> PuppetServer:
    """A server that both agents have talked to."""
    made = PuppetServer(fleet["puppet"], SITE, HIERA)
    fleet["one"].write("/etc/kaizen/node.conf", NODE_CONF)
    assert made.agent(fleet["one"]).code == 2
    made.settled()  # or what it exports might come too late
    assert made.agent(fleet["two"]).code == 2
    return made


@pytest.fixture
def one(fleet: Fleet) -> Iterator[Node]:
    yield fleet["one"]
    fleet["one"].at = None


@pytest.fixture
def two(fleet: Fleet) -> Node:
    return fleet["two"]


def active(server: PuppetServer) -> list[str]:
    return sorted(found["certname"] for found in server.query("nodes[certname] {}"))


# -- runs


def test_an_agent_applies_its_catalog_with_what_hiera_says(server: PuppetServer, one: Node) -> None:
    assert one.read("/root/greeting") == "good morning\n"


def test_a_run_that_changes_nothing_says_so(server: PuppetServer, one: Node) -> None:
    assert server.agent(one).code == 0


def test_an_exported_resource_reaches_the_node_that_collects_it(server: PuppetServer, two: Node) -> None:
    assert two.read("/root/from-one") == "exported by one\n"


def test_a_manifest_can_ask_puppetdb(server: PuppetServer, two: Node) -> None:
    # Its own facts were still in the queue, or already not: one is what it must know.
    assert "one.kaizen.example" in two.read("/root/known")


def test_the_modules_external_fact_comes_with_pluginsync(server: PuppetServer, one: Node) -> None:
    fact = "facts.d/kaizen_backup"
    assert one.read(f"/var/cache/puppet/{fact}") == (Path(__file__).parents[2] / fact).read_text()


def test_the_server_sees_a_new_manifest_and_new_data_at_once(server: PuppetServer, one: Node) -> None:
    server.set_hiera({"greeting": "good night\n"})
    server.set_site(SITE.replace("/root/greeting", "/root/farewell"))
    try:
        would = server.agent(one, noop=True)
        assert "/root/farewell" in would.out
        assert not one.path("/root/farewell").exists()
        assert server.agent(one).code == 2
        assert one.read("/root/farewell") == "good night\n"
    finally:
        server.set_site(SITE)
        server.set_hiera(HIERA)


def test_a_failed_run_raises_with_what_was_said(server: PuppetServer, two: Node) -> None:
    server.set_site("fail('no catalog today')")
    try:
        with pytest.raises(LabError, match="no catalog today"):
            server.agent(two)
        assert server.agent(two, check=False).code == 1
    finally:
        server.set_site(SITE)


def test_an_environment_may_hold_another_version_of_the_module(server: PuppetServer, two: Node, tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "backups.pp").write_text("class quickstack::backups { notify { 'of old': } }")
    server.add_environment("old", tmp_path, "include quickstack::backups")
    assert "of old" in server.agent(two, environment="old").out
    assert server.query("nodes { certname ~ 'two' }")[0]["catalog_environment"] == "old"
    server.agent(two)


# -- PuppetDB


def test_the_facts_are_in_puppetdb(server: PuppetServer, one: Node) -> None:
    (found,) = server.query("inventory[facts.networking.ip, facts.ssh, facts.kaizen_backup] { certname ~ 'one' }")
    assert found["facts.networking.ip"] == one.address
    key = found["facts.ssh"]["ed25519"]
    assert f"{key['type']} {key['key']}" in one.read(HOST_KEY)
    assert found["facts.kaizen_backup"]["role"] == "compute"


def test_catalogs_and_reports_are_in_puppetdb(server: PuppetServer) -> None:
    question = "resources[certname] { type = 'File' and title = '/root/from-one' order by exported }"
    assert [found["certname"] for found in server.query(question)] == ["two.kaizen.example", "one.kaizen.example"]
    assert {found["status"] for found in server.query("reports[status] { certname ~ 'one' }")} >= {"changed"}


def test_a_node_can_ask_with_its_agents_certificates_whatever_its_clock_says(server: PuppetServer, one: Node) -> None:
    own = certificates(one)
    line = ["curl", "-sS", "--cacert", own.ca, "--cert", own.cert, "--key", own.key, "--get"]
    line += ["--data-urlencode", "query=nodes[certname] {}", f"{server.url}/pdb/query/v4"]
    for when in (None, "2026-01-01", "2030-01-01"):
        one.at = when
        assert len(json.loads(one.run(line).out)) == 2


def test_an_agent_runs_on_the_machines_clock(server: PuppetServer, one: Node) -> None:
    one.at = "2001-01-01"
    server.agent(one)
    (node,) = server.query("nodes[report_timestamp] { certname ~ 'one' }")
    assert node["report_timestamp"] > "2025"


def test_puppetdb_refuses_whoever_has_no_certificate(server: PuppetServer, one: Node) -> None:
    line = ["curl", "-sS", "--cacert", certificates(one).ca, f"{server.url}/pdb/query/v4/nodes"]
    refused = one.run(line, check=False)
    assert (refused.code != 0, refused.out) == (True, "")
    assert "certificate" in refused.err


def test_who_is_not_on_the_allowlist_can_neither_ask_puppetdb_nor_tell_it_anything(
    server: PuppetServer, fleet: Fleet
) -> None:
    """Otherwise any node could export a collector's key, and be let in everywhere."""
    command = "/pdb/cmd/v1?certname=two.kaizen.example&command=replace_catalog&version=9"
    answers = []
    for node in (fleet["one"], fleet["two"]):
        own = certificates(node)
        line = ["curl", "-sS", "-w", " %{http_code}", "--cacert", own.ca, "--cert", own.cert, "--key", own.key]
        for more in (["/pdb/query/v4/nodes"], [command, "--json", "{}"]):
            answers.append(node.run([*line, f"{server.url}{more[0]}", *more[1:]]).out[-3:])
    assert answers == ["200", "200", "403", "403"]


def test_puppetdb_can_go_and_come_back(server: PuppetServer, one: Node) -> None:
    before = active(server)
    server.stop_puppetdb()
    try:
        failed = server.agent(one, check=False)
        assert failed.code not in (0, 2)
        assert ":8081" in failed.err
        with pytest.raises(LabError, match="onnect"):
            server.query("nodes {}")
    finally:
        server.start_puppetdb()
    assert active(server) == before
    assert server.agent(one).code == 0


# -- comings and goings


def test_a_deactivated_node_is_hidden_until_it_runs_again(server: PuppetServer, one: Node) -> None:
    server.deactivate(one.name)
    assert active(server) == ["two.kaizen.example"]
    server.agent(one)
    assert active(server) == BOTH


def test_a_purged_node_is_forgotten(server: PuppetServer, two: Node) -> None:
    server.purge(two.name)
    everyone = server.query("nodes[certname] { node_state = 'any' }")
    assert [found["certname"] for found in everyone] == ["one.kaizen.example"]
    server.agent(two)


def test_a_revoked_certificate_is_refused_and_a_reinstalled_node_gets_a_new_one(
    server: PuppetServer, one: Node
) -> None:
    key = one.read(HOST_KEY)
    server.clean(one.name)
    assert server.agent(one, check=False).code == 1
    reinstall(one)
    assert not one.path("/root/greeting").exists()
    assert one.read(HOST_KEY) != key
    one.write("/etc/kaizen/node.conf", NODE_CONF)
    assert server.agent(one).code == 2
    (facts,) = server.query("inventory[facts.ssh.ed25519.key] { certname ~ 'one' }")
    assert facts["facts.ssh.ed25519.key"] in one.read(HOST_KEY)


def test_a_node_reinstalled_without_that_is_refused(server: PuppetServer, one: Node) -> None:
    reinstall(one)
    assert "does not match its private key" in server.agent(one, check=False).err
    server.clean(one.name)
    reinstall(one)
    one.write("/etc/kaizen/node.conf", NODE_CONF)
    assert server.agent(one).code == 2


def test_all_of_it_ends_with_its_node_and_comes_back_with_it(server: PuppetServer, one: Node) -> None:
    space = Path(f"/proc/{server.node.pid}/ns/pid").readlink()
    assert "java" in programs(space)
    server.node.power_off()
    assert programs(space) == []
    server.node.power_on()
    server.start()
    assert active(server) == BOTH
    server.agent(one)


def programs(space: Path) -> list[str]:
    """What runs in this pid namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if (process / "ns/pid").readlink() == space:
                found.append((process / "comm").read_text().strip())
    return found
