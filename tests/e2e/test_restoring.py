"""docs/restoring.md, command by command: what it says brings back what was lost, to a service that answers.

Every block of every section is run as it stands, in order, at a terminal of the node that it names, on one cluster
that has lived through two nights. Only the lines in STAND_INS and NOT_RUN are not run as they stand: they need a Puppet
Server. test_puppet_server.py, which has one, runs them.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from cluster import WHEELHOUSE, Cluster
from document import Block, read_document
from lab import Fleet, Node
from lab.reinstall import reinstall
from lab.services import start_mariadb
from typist import run_at_terminal

DOCUMENT = read_document(Path(__file__).parents[2] / "docs/restoring.md")
ELSEWHERE = "Encrypted dumps"  # test_drill.py runs that
NIGHTS = ("2026-11-23", "2026-11-24")
MORNING, NEXT_NIGHT = "2026-11-24 09:00:00", "2026-11-25"
GOOD_PAGE, LAST_PAGE = "<h1>Kaizen</h1>\n", "<h1>Kaiz\n"
ACCOUNTS = """
CREATE USER nova@'%' IDENTIFIED BY 'old password';
GRANT ALL ON nova.* TO nova@'%';
CREATE DATABASE keystone CHARACTER SET latin1;
CREATE TABLE keystone.user (id INT);
INSERT INTO keystone.user VALUES (1), (2);
"""
AGENT = "/usr/local/sbin/kaizen-backup"
VAULT = "/mnt/vault/kaizen"


class World:
    """The cluster on the morning after two nights, and who reads the document there."""

    def __init__(self, fleet: Fleet) -> None:
        self.cluster = cluster = Cluster(fleet)
        cluster.furnish()
        cluster.controller.run(["mariadb"], input=ACCOUNTS)
        cluster.apply_puppet()
        self._know_by_hand(cluster.website)
        for node in (cluster.controller, cluster.compute, cluster.website):
            cluster.let_administrator_in(node)
        cluster.night(NIGHTS[0])
        cluster.website.write("/var/www/html/index.html", LAST_PAGE)
        cluster.night(NIGHTS[1])
        for node in cluster.nodes:
            node.at = None
        cluster.collector.at = MORNING
        self.places = {
            "collector": [cluster.collector],
            "controller01": [cluster.controller],
            "compute01": [cluster.compute],
            "www": [cluster.website],
            "every node": cluster.nodes,
            "Puppet Server": [],
        }
        self._fingerprints: dict[str, str] = {}
        self.passwords: dict[str, str] = {}
        lock = cluster.controller.run(["puppet", "config", "print", "agent_disabled_lockfile"])
        self._disabled = lock.out.strip()

    def _know_by_hand(self, node: Node) -> None:
        """Let a node be known to the collector's own settings, and to nobody else."""
        host_key = " ".join(node.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        stated = {"address": node.address, "host_keys": [host_key]}
        self.cluster.collector.write(f"/etc/kaizen/nodes.d/{node.name}.yaml", yaml.safe_dump(stated))
        self.cluster.collector.sh(f"rm /var/lib/kaizen/facts/{node.name}.json")

    def replace(self, node: Node) -> None:
        """Put a new machine in a node's place: it has the same system, and lets the administrator in."""
        key = self.cluster.collector.read("/root/.ssh/id_ed25519.pub")
        reinstall(node)
        node.sh("mkdir -p -m 0700 /root/.ssh && cat >>/root/.ssh/authorized_keys", input=key)
        node.sh("useradd --system --uid 350 newcomer")

    def play(self, section: str, *, next_morning: str = "") -> list[str]:
        """Run all blocks of a section, one of them on the next morning; return what each showed."""
        shown = []
        for block in DOCUMENT[section]:
            if block.commands.strip() == next_morning:
                self.cluster.night(NEXT_NIGHT)
            shown.append(self._run(block))
        return shown

    def _run(self, block: Block) -> str:
        lines, nodes = block.commands.splitlines(), self.places[block.place]
        if not nodes:
            assert NOT_RUN.keys() >= set(lines), f"line {block.line}: {block.place} is no host of the fleet"
            assert all(self.places[place][0].path(self._disabled).exists() for line in lines for place in NOT_RUN[line])
        with ThreadPoolExecutor(2) as pool:
            return "".join(pool.map(lambda node: self._run_lines(node, lines), nodes))

    def _run_lines(self, node: Node, lines: list[str]) -> str:
        shown = ""
        for stands_in, same in groupby(lines, key=STAND_INS.__contains__):
            if stands_in:
                shown += "".join(STAND_INS[line](self, node) for line in same)
            else:
                shown += self._at_terminal(node, "\n".join(same) + "\n")
        return shown

    def _at_terminal(self, node: Node, script: str) -> str:
        # The one that a node showed is typed where that node is logged in to.
        asked = [shown for name, shown in self._fingerprints.items() if name in script]
        answers = {"do this? [y/N]:": "y", "(yes/no/[fingerprint])?": "".join(asked[:1]), **self.passwords}
        shown = run_at_terminal(node, script, answers, code=ENDS_WITH.get(script.strip(), 0))
        if found := re.search(r"SHA256:\S+", shown):
            self._fingerprints[node.name] = found[0]
        return shown

    def puppet_agent(self, node: Node) -> str:
        """Do what `puppet agent --test` does, without a Puppet Server.

        The node says whether the agent is disabled, and whether it may change anything; the server has the class and
        Hiera, and gets the facts.
        """
        assert not node.path(self._disabled).exists(), f"{node.name}: its agent is disabled"
        noop = "noop = true" in node.read("/etc/puppet/puppet.conf")
        result = self.cluster.run_puppet(node, noop=noop)
        if noop:
            assert not node.path(AGENT).exists()
            return result.out
        if node is self.cluster.collector:
            self.cluster.accept_collector()
        if node is not self.cluster.website:  # which is known by hand
            self.cluster.hand_over_facts([node])
        return result.out


STAND_INS: dict[str, Callable[[World, Node], str]] = {
    "puppet agent --test": World.puppet_agent,
}
# On whom the agent is still disabled then.
NOT_RUN = {
    "puppetserver ca clean --certname controller01.kaizen.example": ["controller01"],
    "puppetserver ca clean --certname compute01.kaizen.example": ["compute01"],
    "puppetserver ca clean --certname backup.kaizen.example": [],
}
# What its section says that it ends with.
ENDS_WITH = {"kaizen collect": 1}


def one_file(world: World) -> None:
    www = world.cluster.website
    www.sh("rm -r /var/www/html/img")
    shown = world.play("One file")
    assert "+<h1>Kaiz" in shown[0]
    assert shown[-1].replace("\r", "") == GOOD_PAGE
    assert page(world, "img/7.svg") == "picture 7\n"


def deleted_database(world: World) -> None:
    sql(world, "DROP DATABASE nova")
    world.play("A deleted database")
    require_nova(world)


def dead_controller(world: World) -> None:
    controller = world.cluster.controller
    describe = "cd /etc/keystone && sha256sum fernet-keys/* && stat -c '%a %u %U' fernet-keys fernet-keys/*"
    before = controller.sh(describe).out
    world.replace(controller)
    start_mariadb(controller)
    shown = world.play("A dead controller")
    require_nova(world)
    assert sql(world, "SELECT COUNT(*) FROM keystone.user").strip() == "2"
    assert "latin1" in sql(world, "SHOW CREATE DATABASE keystone")
    assert controller.sh(describe).out == before
    assert_configured_again(world, controller, shown)


def dead_compute_node(world: World) -> None:
    compute = world.cluster.compute
    describe = """cd / && sha256sum etc/libvirt/qemu/vm-*.xml var/lib/nova/large-state
        getfacl etc/nova/nova.conf; getfattr -d etc/nova/nova.conf"""
    before = compute.sh(describe).out
    assert "user:nobody:r--" in before
    assert 'user.origin="test"' in before
    world.replace(compute)
    shown = world.play("A dead compute node")
    assert compute.sh(describe).out == before
    assert_configured_again(world, compute, shown)


def dead_collector(world: World) -> None:
    collector = world.cluster.collector
    old_key = collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
    reinstall(collector, keep_backups=True)
    collector.sh("rm -r /backups/2026-*")  # only the disk with the store was moved over
    *_, collected, status = world.play("A dead collector", next_morning="kaizen status")
    # Those that were replaced today have nothing yet; everybody else has let the new key in.
    complaints = [line for line in collected.splitlines() if "kaizen: " in line]
    assert all("it has no snapshot" in line or "deleted there before its time" in line for line in complaints)
    assert all(world.cluster.website.name not in line for line in complaints)
    assert "4 of 4 nodes are safe: 4 fresh" in status
    assert all(old_key not in node.read("/var/lib/kaizen/.ssh/authorized_keys") for node in world.cluster.nodes)
    collector.run(["kaizen", "verify"])


def only_the_offsite_copy(world: World) -> None:
    cluster, collector = world.cluster, world.cluster.collector
    describe = "cd /backups/nodes && find . -path './*/*/*' -type f -exec sha256sum {} + | sort; ls -d */*"
    cluster.give_hiera({"quickstack::backups::collector::offsite": {"vault": {"repository": VAULT}}})
    cluster.run_puppet(collector)
    shown = collector.run(["kaizen", "offsite", "init"]).out
    collector.run(["kaizen", "offsite", "push"])
    before = collector.sh(describe).out
    kept = collector.sh(f"tar -C {VAULT} -c . | base64").out
    reinstall(collector)
    collector.sh(f"mkdir -p {VAULT} && base64 -d | tar -C {VAULT} -x", input=kept)
    world.passwords["password of vault:"] = next(line for line in shown.splitlines() if line.startswith("    ")).strip()
    world.play("Only the offsite copy is left")
    assert collector.sh(describe).out == before
    collector.run(["kaizen", "verify"])


def without_our_software(world: World) -> None:
    cluster = world.cluster
    for node in (cluster.controller, cluster.website):
        cluster.let_administrator_in(node)
    for node in cluster.nodes:
        node.sh(f"rm -rf /opt/kaizen /usr/local/bin/kaizen* {AGENT}")
    cluster.website.sh("rm -r /var/www/html")
    sql(world, "DROP DATABASE nova; DROP USER nova@'%'")
    world.play("Without any of our software")
    assert page(world, "index.html") == LAST_PAGE
    assert page(world, "img/7.svg") == "picture 7\n"
    require_nova(world)


SCENARIOS: dict[str, Callable[[World], None]] = {
    "One file": one_file,
    "A deleted database": deleted_database,
    "A dead controller": dead_controller,
    "A dead compute node": dead_compute_node,
    "A dead collector": dead_collector,
    "Only the offsite copy is left": only_the_offsite_copy,
    "Without any of our software": without_our_software,
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Fleet("restoring", wheelhouse=WHEELHOUSE) as fleet:
        yield World(fleet)


@pytest.mark.parametrize("section", [name for name in DOCUMENT if name != ELSEWHERE])
def test_what_the_section_says_brings_it_back(world: World, section: str) -> None:
    SCENARIOS[section](world)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("## One\n\nOn www:\n\n```sh\nls\n```\n", "x.md:5: a block must be in a section, and say 'sh PLACE'"),
        ("## One\n\nOn www:\n\n```\nls\n```\n", "x.md:5: a block must be"),
        ("On www:\n\n```sh www\nls\n```\n", "x.md:3: a block must be"),
        ("## One\n\nOn compute01:\n\n```sh www\nls\n```\n", "the text above must say that this runs on www"),
        ("## One\n\nOn www:\n\nThis:\n\n```sh www\nls\n```\n", "the text above must say that this runs on www"),
        ("## One\n\nOn www:\n\n```sh www\nls\n", "x.md:5: this block has no end"),
    ],
)
def test_a_block_of_which_a_reader_does_not_know_where_it_runs_is_an_error(
    tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / "x.md").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_document(tmp_path / "x.md")


def sql(world: World, statement: str) -> str:
    return world.cluster.controller.run(["mariadb", "-N", "-e", statement]).out


def page(world: World, name: str) -> str:
    """Return what the web server answers somebody else."""
    return world.cluster.controller.run(["curl", "-sSf", f"http://{world.cluster.website.name}/{name}"]).out


def require_nova(world: World) -> None:
    """Nova logs in with its old password, finds its rows, and its trigger works."""
    log_in = ["mariadb", "-N", "-h", "127.0.0.1", "-u", "nova", "-pold password", "nova"]
    statements = """SELECT COUNT(*) FROM instances; SELECT hostname FROM instances WHERE id = 500;
        INSERT INTO instances (uuid, hostname) VALUES ('new', 'new');
        SELECT launched_at IS NOT NULL FROM instances WHERE uuid = 'new'; DELETE FROM instances WHERE uuid = 'new';"""
    assert world.cluster.controller.run(log_in, input=statements).out.split() == ["500", "vm-500-grün", "1"]


def assert_configured_again(world: World, node: Node, shown: list[str]) -> None:
    """Puppet has shown the drift before it changed anything; the accounts of both machines are there."""
    assert any("(noop)" in text and AGENT in text for text in shown)
    assert node.path(AGENT).exists()
    assert node.run(["id", "-u", "newcomer"]).out.strip() == "350"
