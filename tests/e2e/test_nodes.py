"""The node list from a real Puppet Server and PuppetDB: who is listed, who is missing, and what an outage does to it.

The tests of a fault leave none behind; those at the end, of several collectors, tell one story.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from cluster import WHEELHOUSE
from lab import Fleet, Node, Result
from lab.puppet import ENVIRONMENT
from lab.puppetdb import certificates
from lab.puppetserver import PuppetServer
from samples import host_key

DOMAIN = "kaizen.example"
SITE = """
node /^backup/ { class { 'quickstack::backups': collector => true } }
node /^bare/   { }
node /^off/    { class { 'quickstack::backups': enabled => false } }
node /^web/    { class { 'quickstack::backups': role => 'compute', user => 'keeper' } }
node default   { include quickstack::backups }
"""
PROXY = f"{ENVIRONMENT}/modules/quickstack/tests/e2e/fault_proxy.py"
FAULT = "/run/fault"
KEY = "/etc/kaizen/ssh/id_ed25519"
STATE = ("/var/lib/kaizen/nodes.yaml", "/var/lib/kaizen/known_hosts")


class World:
    """A Puppet Server, a collector, and nodes of every kind."""

    def __init__(self, fleet: Fleet) -> None:
        names = ("puppet", "backup", "one", "two", "web", "off", "bare")
        nodes = fleet.add_all([f"{name}.{DOMAIN}" for name in names])
        self.nodes = dict(zip(names, nodes, strict=True))
        self.puppet, self.backup = self.nodes.pop("puppet"), self.nodes["backup"]
        # Made before Puppet makes one: every node lets it in from its first run on.
        self.backup.sh(f"mkdir -p -m 0700 /etc/kaizen/ssh && ssh-keygen -q -t ed25519 -N '' -f {KEY}")
        self.hiera: dict[str, Any] = {
            "quickstack::backups::collector_keys": [self.backup.read(f"{KEY}.pub").strip()],
            "quickstack::backups::excludes": ["/etc/puppet/code"],
            "quickstack::backups::collector::package_source": "kaizen-backups",
            "quickstack::backups::collector::puppetdb_url": f"https://puppet.{DOMAIN}:8082",
            "quickstack::backups::collector::ssldir": "/var/lib/puppet/ssl",
        }
        self.server = PuppetServer(self.puppet, SITE, self.hiera)
        own = certificates(self.puppet)
        files = (own.ca, own.cert, own.key, FAULT)
        self.puppet.sh(
            'setsid --fork python3 "$@" </dev/null >/dev/null 2>&1', PROXY, "8082", f"{self.puppet.name}:8081", *files
        )
        self.agents()

    def agents(self, *names: str) -> None:
        """Let the agents of these nodes run, or of all, and wait until PuppetDB knows of it."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: self.server.agent(self.nodes[name]), names or self.nodes))
        self.server.settled()

    def nodes_command(self, *arguments: str, collector: Node | None = None) -> Result:
        return (collector or self.backup).run(["kaizen", "nodes", *arguments], check=False)

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return the list in use by the nodes' short names."""
        found = json.loads(self.nodes_command("--json").out)["nodes"]
        return {node["name"].partition(".")[0]: node for node in found}

    def files(self) -> list[str]:
        return [self.backup.read(path) for path in STATE]

    def tell_facts(self, name: str, facts: str) -> None:
        """Tell PuppetDB facts of a node, as JSON, in the Puppet Server's place; they count until its agent runs."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        node = self.nodes[name].name
        body = {"certname": node, "environment": "production", "producer": self.puppet.name, "values": "FACTS"}
        body["producer_timestamp"] = now
        self.puppet.write("/run/facts.json", json.dumps(body).replace('"FACTS"', facts))
        own = certificates(self.puppet)
        query = f"command=replace_facts&version=5&certname={node}&producer-timestamp={now}"
        self.puppet.sh(
            """curl -sSf --cacert "$1" --cert "$2" --key "$3" -H 'Content-Type: application/json' \\
                -d @/run/facts.json "https://$4:8081/pdb/cmd/v1?$5" """,
            *map(str, (own.ca, own.cert, own.key, self.puppet.name, query)),
        )
        self.server.settled()

    def fault(self, fault: str | None) -> None:
        """Let PuppetDB fail in this way, or not at all."""
        if fault:
            self.puppet.write(FAULT, fault)
        else:
            self.puppet.run(["rm", "-f", FAULT])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Yield a fleet whose agents have run once; its PuppetDB is asked through the fault proxy."""
    with Fleet("nodes", wheelhouse=WHEELHOUSE) as fleet:
        yield World(fleet)


def test_the_list_is_the_declaration(world: World) -> None:
    result = world.nodes_command("refresh")
    assert (result.code, result.out, result.err) == (0, "4 nodes\n", "")
    listed = world.listed()
    assert sorted(listed) == ["backup", "one", "two", "web"]
    web = world.nodes["web"]
    assert {key: listed["web"].get(key) for key in ("address", "role", "user", "origin")} == {
        "address": web.address,
        "role": "compute",
        "user": "keeper",
        "origin": "puppetdb",
    }
    own = {" ".join(web.read(f"/etc/ssh/ssh_host_{kind}_key.pub").split()[:2]) for kind in ("ed25519", "ecdsa", "rsa")
           if web.path(f"/etc/ssh/ssh_host_{kind}_key.pub").exists()}  # fmt: skip
    assert set(listed["web"]["host_keys"]) == own


def test_refreshed_again_not_a_byte_changes(world: World) -> None:
    world.nodes_command("refresh")
    before = world.files(), world.backup.run(["stat", "-c", "%i %y", *STATE]).out
    world.agents("one")
    assert world.nodes_command("diff").out == ""
    world.nodes_command("refresh")
    assert (world.files(), world.backup.run(["stat", "-c", "%i %y", *STATE]).out) == before


def test_ssh_takes_the_listed_key_and_no_other(world: World) -> None:
    world.nodes_command("refresh")
    ssh = "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=" + STATE[1]
    alias = f"-o HostKeyAlias={world.nodes['one'].name}"
    right = world.backup.sh(f"{ssh} {alias} nobody@{world.nodes['one'].address}", check=False)
    wrong = world.backup.sh(f"{ssh} {alias} nobody@{world.nodes['two'].address}", check=False)
    assert "Permission denied" in right.err
    assert "Host key verification failed" in wrong.err


def test_who_is_unprotected_is_named_until_exempt(world: World) -> None:
    result = world.nodes_command("--unprotected", "--json")
    found = json.loads(result.out)
    assert (result.code, found["exempt"]) == (1, 0)
    unprotected = {node["node"].partition(".")[0]: node["why"] for node in found["unprotected"]}
    assert unprotected == {
        "bare": "its catalog has no Quickstack::Backups",
        "off": "its Quickstack::Backups is not enabled",
    }
    exempt = {f"{name}.{DOMAIN}": {"reason": "a test", "until": "9999-12-31"} for name in ("bare", "off")}
    world.backup.write("/etc/kaizen/exemptions.yaml", yaml.safe_dump(exempt))
    result = world.nodes_command("--unprotected")
    world.backup.run(["rm", "/etc/kaizen/exemptions.yaml"])
    assert result.code == 0
    assert result.out.endswith("0 of 6 active nodes are unprotected, 2 are exempt\n")


def test_ansible_and_known_hosts_name_the_same_nodes(world: World) -> None:
    world.nodes_command("refresh")
    inventory = yaml.safe_load(world.nodes_command("--format", "ansible").out)
    known = {line.split(" ")[0] for line in world.nodes_command("--format", "known-hosts").out.splitlines()}
    assert inventory["all"]["hosts"].keys() == known == {node["name"] for node in world.listed().values()}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("down", "cannot be reached: "),
        ("slow", "it has not answered within 2 s"),
        ("trickle", "it has not answered within 2 s"),
        ("500", "it answers with status 500: java.lang.OutOfMemoryError"),
        ("half", "IncompleteRead|its answer is cut off"),
        ("cut", "its answer is cut off, or no JSON"),
        ("empty", "PuppetDB names 0 of the 4 nodes that the list has"),
        ("redirect", "it redirects to somewhere else"),
    ],
)
def test_an_outage_leaves_the_last_good_list_in_use(world: World, fault: str, reason: str) -> None:
    world.nodes_command("refresh")
    before = world.files()
    world.backup.sh("sed -i '/^  puppetdb:/a\\    timeout: 2' /etc/kaizen/collector.yaml")
    world.fault(fault)
    result = world.nodes_command("refresh")
    world.fault(None)
    world.backup.sh("sed -i '/^    timeout: 2$/d' /etc/kaizen/collector.yaml")
    assert (result.code, result.out) == (1, "4 nodes\n")
    (line,) = result.err.splitlines()
    assert re.search(f"({reason}).*; the last good list, 0 minutes old, stays in use", line)
    assert world.files() == before
    healed = world.nodes_command("refresh")
    assert (healed.code, healed.err) == (0, "")


def test_puppetdb_itself_stopped_is_an_outage_and_a_collection_goes_on(world: World) -> None:
    world.nodes_command("refresh")
    world.server.stop_puppetdb()
    result = world.backup.run(["kaizen", "collect", "--dry-run"], check=False)
    unprotected = world.nodes_command("--unprotected")
    world.server.start_puppetdb()
    assert "stays in use" in result.err
    assert f"{world.nodes['one'].name}: " in result.err, "it was asked for its snapshots all the same"
    assert (unprotected.code, unprotected.out) == (69, "")


def test_a_stranger_is_not_told_who_there_is(world: World) -> None:
    """PuppetDB lets in whom its CA has signed; a collector without such a certificate learns nothing."""
    world.backup.sh("""cd /root && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 \
            -subj /CN=stranger -keyout stranger.key -out stranger.pem 2>/dev/null
        sed -E 's#(cert: ).*#\\1/root/stranger.pem#; s#(    key: ).*#\\1/root/stranger.key#; 1i state: /root/state' \
            /etc/kaizen/collector.yaml >stranger.yaml""")
    result = world.backup.run(["kaizen", "--config", "/root/stranger.yaml", "nodes", "refresh"], check=False)
    assert (result.code, result.out) == (69, "")
    assert "PuppetDB https://" in result.err


def test_a_deactivated_node_leaves_and_is_not_missed(world: World) -> None:
    world.nodes_command("refresh")
    world.server.deactivate(world.nodes["two"].name)
    assert world.nodes_command("diff").out.startswith(f"- {world.nodes['two'].name} ")
    assert world.nodes_command("refresh").code == 0
    assert sorted(world.listed()) == ["backup", "one", "web"]
    assert world.nodes["two"].name not in world.backup.read("/var/lib/kaizen/known_hosts")
    assert "two" not in world.nodes_command("--unprotected").out
    world.agents("two")
    world.nodes_command("refresh")
    assert "two" in world.listed()


def test_a_changed_host_key_is_said_once(world: World) -> None:
    world.nodes_command("refresh")
    old = world.nodes["one"].run(["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"]).out.split()[1]
    world.nodes["one"].sh("rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key")
    new = world.nodes["one"].run(["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"]).out.split()[1]
    world.agents("one")
    first, second = world.nodes_command("refresh"), world.nodes_command("refresh")
    assert (first.code, second.code, second.err) == (0, 0, "")
    said = f"kaizen: {world.nodes['one'].name}: its ssh-ed25519 host key was {old} and is {new} now, by puppetdb"
    assert said in first.err.splitlines()


def test_a_real_agent_cannot_speak_for_another_node(world: World) -> None:
    """An external fact replaces a node's name and address; the name in its certificate is not its to choose."""
    fact = {"networking": {"fqdn": world.nodes["one"].name, "ip": "10.77.0.250"}, "clientcert": world.nodes["one"].name}
    world.nodes["two"].write("/etc/facter/facts.d/lie.json", json.dumps(fact))
    one = world.listed()["one"]
    world.agents("two")
    world.nodes_command("refresh")
    assert world.listed()["one"] == one
    assert world.listed()["two"]["address"] == "10.77.0.250"
    world.nodes["two"].run(["rm", "/etc/facter/facts.d/lie.json"])
    world.agents("two")
    world.nodes_command("refresh")


@pytest.mark.parametrize("absurd", ["1" * 900, "[" * 90 + "]" * 90], ids=["digits", "lists"])
def test_an_absurd_fact_of_one_node_is_named_and_freezes_nobodys_list(world: World, absurd: str) -> None:
    """This PuppetDB stores no longer number, and nothing that is nested more deeply; see the next test."""
    world.nodes_command("refresh")
    before = world.listed()
    key = world.nodes["two"].read("/etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    ssh = json.dumps({"ed25519": {"type": "ssh-ed25519", "key": key}})
    world.tell_facts("two", f'{{"networking": {{"ip": {absurd}}}, "ssh": {ssh}}}')
    result = world.nodes_command("refresh")
    (line,) = result.err.splitlines()
    assert (result.code, result.out) == (1, "4 nodes\n")
    assert line.startswith(f"kaizen: {world.nodes['two'].name}: address: ")
    assert world.listed() == before, "its own last good entry stays, too"
    world.agents("two")
    assert world.nodes_command("refresh").code == 0


@pytest.mark.parametrize("fault", ["digits", "nested"])
def test_an_answer_with_what_python_cannot_read_in_it_is_read_all_the_same(world: World, fault: str) -> None:
    """It is the first node's address that is absurd; the second has left, which the list then has to show."""
    world.nodes_command("refresh")
    listed = world.listed()
    world.server.deactivate(world.nodes["one"].name)
    world.fault(fault)
    result = world.nodes_command("refresh")
    world.fault(None)
    (line,) = result.err.splitlines()
    assert line.startswith(f"kaizen: {world.backup.name}: address: ")
    del listed["one"]
    assert world.listed() == listed
    world.agents("one")
    assert (world.nodes_command("refresh").code, sorted(world.listed())) == (0, ["backup", "one", "two", "web"])


def statuses(collector: Node, at: datetime | None = None) -> dict[str, dict[str, Any]]:
    result = collector.run(["kaizen", "status", "--json"], check=False, at=at)
    return {node["node"].partition(".")[0]: node for node in json.loads(result.out)["nodes"]}


def test_a_second_collector_joins_and_they_agree_who_has_whom(world: World) -> None:
    second = world.nodes["backup2"] = world.backup.fleet.add(f"backup2.{DOMAIN}")
    second.sh("mkdir -p -m 0700 /etc/kaizen/ssh")
    for end in ("", ".pub"):
        second.write(KEY + end, world.backup.read(KEY + end), mode=0o600)
    world.hiera["quickstack::backups::collector::collectors"] = [world.backup.name, second.name]
    world.server.set_hiera(world.hiera)
    world.agents("backup", "backup2")
    for collector in (world.backup, second):
        world.nodes_command("refresh", collector=collector)
    ours, theirs = (json.loads(world.nodes_command("--share", "--json", collector=collector).out)["shares"]
                    for collector in (world.backup, second))  # fmt: skip
    assert ours == theirs
    assert sorted(ours[world.backup.name] + ours[second.name]) == sorted(
        world.nodes[name].name for name in ("backup", "backup2", "one", "two", "web")
    )
    assert world.backup.name in ours[second.name], "no collector keeps its own snapshots"


def test_each_collects_its_share_and_sees_what_the_other_has(world: World) -> None:
    collectors = [world.backup, world.nodes["backup2"]]
    shares = json.loads(world.nodes_command("--share", "--json").out)["shares"]
    for name in ("backup", "backup2", "one", "two", "web"):
        world.nodes[name].run(["kaizen-backup", "run"])
    for collector in collectors:
        assert collector.run(["kaizen", "collect"], check=False).err == ""
    world.agents("backup", "backup2")
    for collector in collectors:
        stored = sorted(path.name for path in collector.path("/backups/nodes").iterdir())
        assert stored == sorted(shares[collector.name])
        found = {name: status["state"] for name, status in statuses(collector).items()}
        assert found == dict.fromkeys(["backup", "backup2", "one", "two", "web"], "fresh")


def test_a_node_that_the_other_has_not_heard_of_is_stale_here(world: World) -> None:
    """Its collector can't ask PuppetDB, and goes on with its last good list, in which there is no such node."""
    first, second = world.backup, world.nodes["backup2"]
    taken = iter(f"new{number}" for number in range(20))
    for name in taken:
        host = {"address": f"{name}.example", "host_keys": [host_key(name)]}
        first.write(f"/etc/kaizen/nodes.d/{name}.yaml", yaml.safe_dump(host))
        world.nodes_command("refresh")
        if name in json.loads(world.nodes_command("--share", "--json").out)["shares"][second.name]:
            break
    found = statuses(first)[name]
    first.sh("rm /etc/kaizen/nodes.d/new*")
    world.nodes_command("refresh", "--accept")
    assert found["state"] == "stale"
    assert found["problem"].startswith(f"{second.name}, which collects it: its node list is another than this one ")


def test_a_dead_collectors_share_is_stale_in_the_others_status(world: World) -> None:
    second = world.nodes.pop("backup2")
    theirs = {
        name.partition(".")[0]
        for name in json.loads(world.nodes_command("--share", "--json").out)["shares"][second.name]
    }
    second.power_off()
    now = datetime.now(UTC)
    # It began a collection in the day before the next deadline, 06:00, and none in the day after that.
    deadline = now.replace(hour=6, minute=0, second=0) + timedelta(days=now.hour >= 6)
    found = statuses(world.backup, at=deadline + timedelta(days=1, hours=1, minutes=1))
    assert {found[name]["state"] for name in theirs} == {"stale"}
    said = f"{second.name}, which collects it: no collection has begun there since {now:%Y-%m-%d} "
    assert all(found[name]["problem"].startswith(said) for name in theirs)
    assert theirs
