"""A fleet under a real Puppet Server and PuppetDB: nodes and collectors come and go, and nobody edits a file.

The tests tell one story, in their order.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster import WHEELHOUSE, live_through_night
from document import read_document
from lab import Fleet, LabError, Node
from lab.puppetdb import certificates
from lab.puppetserver import PuppetServer
from lab.reinstall import reinstall
from lab.services import start_mariadb

DOMAIN = "kaizen.example"
# Written once, before there is any node.
SITE = """
node /^backup/     { class { 'quickstack::backups': collector => true } }
node /^controller/ { include quickstack::controller_common }
node /^compute/    { include quickstack::compute_common }
node default       { }
"""
HIERA = {
    "quickstack::backups::excludes": ["/etc/puppet/code"],
    "quickstack::backups::cron_min": 0,
    "quickstack::backups::keep_days": 5,
    "quickstack::backups::collector::cron_min": 0,
    "quickstack::backups::collector::package_source": "kaizen-backups",
    "quickstack::backups::collector::puppetdb_url": f"https://puppet.{DOMAIN}:8081",
    "quickstack::backups::collector::ssldir": "/var/lib/puppet/ssl",
}
# As the README advises: the Puppet Server, and the collectors.
ALLOWED = "".join(f"{name}.{DOMAIN}\n" for name in ("puppet", "backup", "backup2"))
README = Path(__file__).parents[2] / "README.md"
RESTORING = Path(__file__).parents[2] / "docs/restoring.md"
AUTHORIZED = "/var/lib/kaizen/.ssh/authorized_keys"
CHANGED, UNCHANGED = 2, 0


def day(number: int) -> str:
    """Return the date of night `number`, counted from today: certificates are as old as the test."""
    return (datetime.now(UTC).date() + timedelta(days=number)).isoformat()


class World:
    """The fleet, its Puppet Server, and the nodes by their short names."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.nodes = {
            node.name.partition(".")[0]: node
            for node in fleet.add_all(
                [f"{name}.{DOMAIN}" for name in ("puppet", "backup", "controller01", "compute01")]
            )
        }
        start_mariadb(self.nodes["controller01"])
        self.nodes["compute01"].sh("mkdir /etc/nova && echo '[libvirt]' >/etc/nova/nova.conf")
        puppet = self.nodes.pop("puppet")
        puppet.write("/etc/puppetdb/allowed", ALLOWED)
        puppet.write("/etc/puppetdb/conf.d/allowed.ini", "[puppetdb]\ncertificate-allowlist = /etc/puppetdb/allowed\n")
        self.server = PuppetServer(puppet, site_manifest=SITE, hiera=HIERA)

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def join(self, name: str) -> Node:
        """Add a node that was not there before, and let its agent run for the first time."""
        node = self.nodes[name] = self.fleet.add(f"{name}.{DOMAIN}")
        self.agents(name)
        return node

    def agents(self, *names: str) -> dict[str, int]:
        """Let the agents of these nodes run, or of all; return their exit codes. PuppetDB then knows of it."""
        chosen = names or tuple(self.nodes)
        with ThreadPoolExecutor(2) as pool:
            codes = list(pool.map(lambda name: self.server.agent(self.nodes[name]).code, chosen))
        self.server.settled()
        return dict(zip(chosen, codes, strict=True))

    def public_key(self, name: str) -> str:
        return self.nodes[name].read("/etc/kaizen/ssh/id_ed25519.pub").strip()

    def stored(self, collector: str = "backup") -> dict[str, list[str]]:
        """Return what a collector's store holds: nights by the node's short name."""
        store = self.nodes[collector].path("/backups/nodes")
        return {
            path.name.partition(".")[0]: sorted(night.name for night in path.iterdir() if night.name[0] != ".")
            for path in sorted(store.iterdir())
        }

    def listed(self, collector: str = "backup") -> list[str]:
        """Return the names that a collector's list has now, and see that known_hosts has the same."""
        node = self.nodes[collector]
        node.run(["kaizen", "nodes", "refresh"])
        names = [entry["name"] for entry in json.loads(node.run(["kaizen", "nodes", "list", "--json"]).out)["nodes"]]
        known = {line.split(" ")[0] for line in node.read("/var/lib/kaizen/known_hosts").splitlines()}
        assert known == set(names)
        return [name.partition(".")[0] for name in names]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Yield a fleet whose agents have run twice: the collector's key was then exported and collected."""
    with Fleet("puppet", wheelhouse=WHEELHOUSE) as fleet:
        world = World(fleet)
        world.agents("backup")
        world.agents("backup")
        world.agents("controller01", "compute01", "backup")
        yield world


def test_every_node_has_let_the_collector_in(world: World) -> None:
    for node in world.nodes.values():
        assert world.public_key("backup") in node.read(AUTHORIZED)
        assert node.run(["stat", "-c", "%U %a", AUTHORIZED]).out == "root 640\n"


def test_applied_again_it_changes_nothing(world: World) -> None:
    assert world.agents() == dict.fromkeys(world.nodes, UNCHANGED)


def test_the_first_night_is_collected(world: World) -> None:
    live_through_night(day(0), list(world.nodes.values()), world["backup"])
    assert world.stored() == {name: [day(0)] for name in sorted(world.nodes)}


def test_a_node_that_did_not_exist_yesterday_is_collected_tonight(world: World) -> None:
    world.join("compute02")
    live_through_night(day(1), list(world.nodes.values()), world["backup"])
    assert world.stored()["compute02"] == [day(1)]
    roles = json.loads(world["backup"].run(["kaizen", "nodes", "list", "--json"]).out)["nodes"]
    assert {node["name"].partition(".")[0]: node["role"] for node in roles} == {
        "backup": "generic",
        "controller01": "controller",
        "compute01": "compute",
        "compute02": "compute",
    }


def readme_queries() -> dict[str, str]:
    """Return the queries of the README by the beginning of the comment above each."""
    block = README.read_text().partition("## Ask PuppetDB")[2].partition("```\n")[2].partition("```")[0]
    found = re.findall(r"^# ([^:,\n]*).*\n((?:[^#\n].*\n)+)", block, re.MULTILINE)
    return {title: query.strip() for title, query in found}


def test_puppetdb_itself_says_who_is_stale_failed_or_unprotected(world: World) -> None:
    """Facts are of a node's last Puppet run: only compute01 has had one since the night."""
    compute, bare = world["compute01"], world.fleet.add(f"bare.{DOMAIN}")
    compute.sh("mv /etc/nova /etc/nova.away")
    assert compute.run(["kaizen-backup", "run", "--again"], check=False).code == 1
    world.server.agent(compute)
    world.server.agent(bare)

    queries = readme_queries()
    answers = {title: world.server.query(query) for title, query in queries.items()}
    names = {title: [row.get("certname") for row in rows] for title, rows in answers.items()}
    assert names["whose last run failed"] == [compute.name]
    assert "/etc/nova" in answers["whose last run failed"][0]["facts.kaizen_backup.problem"]
    # compute02 has run once, before it had anything to tell.
    assert sorted(names["who has the class"]) == [world["backup"].name, world["controller01"].name]
    assert names["who is not protected at all"] == [bare.name]
    assert names["which collectors are let in"] == [world["backup"].name]
    assert [row["count"] for row in answers["how many nodes run which agent"]] == [len(world.nodes) - 1]
    stale = queries["whose last good snapshot is too old"]
    assert world.server.query(stale) == []
    assert [row["certname"] for row in world.server.query(stale.replace("1764000000", "99999999999"))] == [compute.name]
    compute.sh("mv /etc/nova.away /etc/nova")


def test_a_node_that_is_deactivated_drops_out_and_its_snapshots_stay(world: World) -> None:
    gone = world["compute02"]
    world.server.deactivate(gone.name)
    assert world.listed() == ["backup", "compute01", "controller01"]
    del world.nodes["compute02"]
    live_through_night(day(2), list(world.nodes.values()), world["backup"])
    assert world.stored()["compute02"] == [day(1)]
    world["backup"].sh(f"cd /backups/nodes/{gone.name}/{day(1)} && sha256sum --quiet --strict -c SHA256SUMS")


def test_a_second_collector_is_let_in_by_every_node(world: World) -> None:
    world.join("backup2")
    world.agents("backup2")
    world.agents()
    keys = [world.public_key("backup"), world.public_key("backup2")]
    for node in world.nodes.values():
        assert all(key in node.read(AUTHORIZED) for key in keys)
    live_through_night(day(3), list(world.nodes.values()), world["backup"], world["backup2"])
    assert world.stored("backup2")["controller01"][-1] == day(3)


def test_a_collector_that_is_deactivated_is_locked_out_at_the_next_run(world: World) -> None:
    second = world.nodes.pop("backup2")
    key = second.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
    world.server.deactivate(second.name)
    world.agents()
    for node in world.nodes.values():
        assert key not in node.read(AUTHORIZED)
        assert world.public_key("backup") in node.read(AUTHORIZED)
    refused = second.run(["kaizen", "collect", world["controller01"].name], check=False)
    assert refused.code == 1
    assert "Permission denied" in refused.err


def test_a_reinstalled_node_is_collected_after_its_next_puppet_run_and_never_before(world: World) -> None:
    node = world["compute01"]
    before = world.stored()["compute01"]
    reinstall(node)
    impostor = world["backup"].run(["kaizen", "collect", node.name], check=False)
    assert impostor.code == 1
    assert "host key" in impostor.err
    assert node.name in impostor.err
    assert world.stored()["compute01"] == before

    assert run_puppet_of_the_document(world, node) == [(UNCHANGED, False), (CHANGED, True)]
    world.server.settled()  # until PuppetDB has the new host key, the collector refuses the node
    live_through_night(day(4), list(world.nodes.values()), world["backup"])
    assert world.stored()["compute01"] == [*before, day(4)]


def run_puppet_of_the_document(world: World, node: Node) -> list[tuple[int, bool]]:
    """Run what docs/restoring.md has of Puppet for a dead compute node.

    Return for each run of the agent its exit code, and whether the backups are set up then.
    """
    blocks = read_document(RESTORING)["A dead compute node"]
    disable, *lines = [line for b in blocks for line in b.commands.splitlines() if line.startswith("puppet")]
    node.sh(disable)
    refused = world.server.agent(node, check=False)
    assert "administratively disabled" in refused.out + refused.err
    came_of_it = []
    for line in lines:
        if line == "puppet agent --test":
            code = world.server.agent(node).code
            came_of_it.append((code, node.path("/usr/local/sbin/kaizen-backup").exists()))
        else:
            (world.server.node if line.startswith("puppetserver ") else node).sh(line)
    return came_of_it


def test_without_puppetdb_no_run_succeeds_and_no_key_is_lost(world: World) -> None:
    node = world["controller01"]
    before = node.read(AUTHORIZED)
    world.server.stop_puppetdb()
    try:
        with pytest.raises(LabError):
            world.server.agent(node)
        assert node.read(AUTHORIZED) == before
        late = world["backup"].run(["kaizen", "nodes", "refresh"], check=False)
        assert "puppetdb" in late.err.lower()
        assert "stays in use" in late.err
    finally:
        world.server.start_puppetdb()
    assert world.agents("controller01") == {"controller01": UNCHANGED}


def test_nothing_secret_is_in_a_catalog_a_fact_or_a_report(world: World) -> None:
    private = world["backup"].read("/etc/kaizen/ssh/id_ed25519").splitlines()[2]
    everything = "".join(
        json.dumps(world.server.query(query))
        for query in ("catalogs {}", "factsets {}", "reports { latest_report? = true }", "resources {}", "events {}")
    )
    assert world.public_key("backup") in everything
    assert private not in everything
    assert "PRIVATE KEY" not in everything
    for node in world.nodes.values():
        kept = node.sh('grep -rlF -- "$1" /var/cache/puppet /var/lib/puppet /var/log || true', private)
        assert kept.out == ""


def test_who_is_not_on_the_allowlist_can_neither_ask_puppetdb_nor_tell_it_anything(world: World) -> None:
    """Otherwise any node could export a collector's key, and be let in everywhere."""
    victim = world["controller01"].name
    command = [f"/pdb/cmd/v1?certname={victim}&command=replace_catalog&version=9", "--json", "{}"]
    answers = []
    for node in (world["backup"], world["compute01"]):
        own = certificates(node)
        line = ["curl", "-sS", "-w", " %{http_code}", "--cacert", own.ca, "--cert", own.cert, "--key", own.key]
        for path, *more in (["/pdb/query/v4/nodes"], command):
            answers.append(node.run([*line, f"{world.server.url}{path}", *more]).out[-3:])
    assert answers == ["200", "200", "403", "403"]


def test_who_has_no_certificate_is_refused_by_puppetdb(world: World) -> None:
    node = world["compute01"]
    line = ["curl", "-sS", "--cacert", certificates(node).ca, f"{world.server.url}/pdb/query/v4/nodes"]
    refused = node.run(line, check=False)
    assert (refused.code != 0, refused.out) == (True, "")
    assert "certificate" in refused.err
