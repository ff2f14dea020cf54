"""An offsite machine that pulls: a collector whose only source is the collector; same door, cage and checks.

Both are set up by Puppet.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bare_host import ONBOARD, make_collector
from document import read_document
from doors import STORE, Doors, picture
from lab import Fleet, Node, Result

NODES = ["n00.example", "n01.example"]
DOCUMENT = read_document(Path(__file__).parents[2] / "docs/offsite.md")
# Tells Puppet what is its own to close.
PUPPETS = "# Managed by Puppet, class quickstack::backups::collector: a change made here does not last.\n"
DAYS = ["2026-11-15", "2026-11-16", "2026-11-17"]  # the first is a Sunday


def puppet(node: Node, **parameters: object) -> None:
    """Apply the collector's class; the program is there already, from the checkout."""
    node.sh("""mkdir -p /opt/kaizen/bin && touch /opt/kaizen/bin/pip
        for name in kaizen kaizen-onboard; do mv /usr/local/bin/$name /opt/kaizen/bin/$name; done""")
    stated = {"package_source": "kaizen-backups", **parameters}
    hiera = {f"quickstack::backups::collector::{name}": value for name, value in stated.items()}
    node.puppet_apply("class { 'quickstack::backups': collector => true }", hiera=hiera)


class Chain:
    """Nodes, their collector, which keeps a day and four Sundays, and an offsite machine, which keeps thirty."""

    def __init__(self, fleet: Fleet) -> None:
        self.doors = Doors(fleet, len(NODES), keep={"days": 1, "weeks": 4})
        self.collector = self.doors.collector
        self.collector.write("/usr/local/bin/kaizen-onboard", ONBOARD, mode=0o755)
        self.offsite = fleet.add("offsite.kaizen.example")
        make_collector(self.offsite)
        key = self.offsite.read("/etc/kaizen/ssh/id_ed25519.pub")
        self.collector.write("/root/offsite.pub", key)
        host_key = " ".join(self.collector.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        source = {"name": self.collector.name, "address": self.collector.address, "host_keys": [host_key]}
        with ThreadPoolExecutor(2) as pool:
            tasks = [
                pool.submit(puppet, self.collector, store_readers={self.offsite.name: key.strip()}),
                pool.submit(puppet, self.offsite, source_collector=source, keep_days=30),
            ]
            for task in tasks:
                task.result()
        self.doors.configure()
        settings = self.offsite.read("/etc/kaizen/collector.yaml")
        self.offsite.write("/etc/kaizen/collector.yaml", f"{settings}retry_seconds: 0\n")

    def door(self) -> str:
        """Return all that is there of the door to the store."""
        return self.collector.sh("""getent passwd kaizen-store | cut -d : -f 1,5-; id -Gn kaizen-store
            cd /var/lib/kaizen-store
            find . /etc/kaizen/rsyncd-store.conf /etc/sudoers.d/kaizen-store \\
                -printf '%p %m %u %g\\n' -type f -exec cat {} +
            """).out

    def night(self, day: str) -> Result:
        """Let every node have a snapshot of that day, the collector collect it, and then the offsite machine."""
        for name in NODES:
            self.doors.snapshot(name, day, {"etc/day": day.encode(), "etc/same": b"same"})
        assert self.doors.collect(at=f"{day} 03:00:00").code == 0
        return self.pull(day)

    def pull(self, day: str) -> Result:
        """Let the offsite machine collect."""
        return self.offsite.run(["kaizen", "collect"], at=f"{day} 07:00:00", check=False)

    def stored(self, node: Node) -> list[str]:
        """Return the names of the snapshots of the first of the nodes."""
        return sorted(path.name for path in node.path(f"{STORE}/{NODES[0]}").iterdir())


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with Fleet("offsite-chain") as fleet:
        yield Chain(fleet)


def test_what_the_collector_has_is_offsite_the_same_night_and_the_same(chain: Chain) -> None:
    for day in DAYS[:2]:
        pulled = chain.night(day)
        assert pulled.code == 0, pulled.describe()
    assert picture(chain.offsite.path(STORE), "*/[0-9]*") == picture(chain.collector.path(STORE), "*/[0-9]*")
    status = chain.offsite.run(["kaizen", "status"], at=f"{DAYS[1]} 08:00:00")
    assert "2 of 2 nodes are safe: 2 fresh" in status.out


def test_by_hand_it_is_the_same_door_as_the_document_says(chain: Chain) -> None:
    before = chain.door()
    assert "./.ssh/authorized_keys 644 root root" in before
    assert PUPPETS in before
    (block,) = DOCUMENT["Plain, pulled by the other side"]
    chain.collector.sh(block.commands)
    assert chain.door() == before.replace(PUPPETS, "")


def test_each_keeps_as_long_as_it_was_told_and_nobody_complains(chain: Chain) -> None:
    pulled = chain.night(DAYS[2])
    assert (pulled.code, pulled.err) == (0, "")
    assert chain.stored(chain.collector) == [DAYS[0], DAYS[2]]
    assert chain.stored(chain.offsite) == DAYS
    links = {chain.offsite.path(f"{STORE}/{NODES[0]}/{day}/etc/same").stat().st_ino for day in DAYS}
    assert len(links) == 1


def test_a_collector_that_rewrites_what_it_has_changes_nothing_offsite(chain: Chain) -> None:
    before = picture(chain.offsite.path(STORE), "*/[0-9]*")
    chain.collector.sh(f"""cd {STORE}/{NODES[0]}/{DAYS[2]}
        rm etc/day && echo forged >etc/day
        sed -i "s/^.*  etc.day$/$(sha256sum etc/day | cut -c 1-64)  etc\\/day/" SHA256SUMS
        rm -r {STORE}/{NODES[1]}""")
    pulled = chain.pull(DAYS[2])
    assert pulled.code == 1
    assert "it was collected, and is rewritten there since" in pulled.err
    assert picture(chain.offsite.path(STORE), "*/[0-9]*") == before


@pytest.mark.parametrize(
    "attempt",
    [
        "ssh {ssh} {there} 'id; touch {store}/written'",
        "rsync -e 'ssh {ssh}' /etc/passwd {there}::store/{node}/written",
        "rsync -e 'ssh {ssh}' {there}::store/../../etc/passwd /root/got",
        "rsync -e 'ssh {ssh}' {there}::backups/ /root/got",
        "rsync -e 'ssh {ssh}' -r {there}::store/{node}/.partial-x/ /root/got/",
        "rsync -e 'ssh {ssh}' {there}:/etc/shadow /root/got",
        "sftp {ssh} {there}:/etc/shadow /root/got",
    ],
)
def test_its_key_reads_published_snapshots_and_does_nothing_else(chain: Chain, attempt: str) -> None:
    chain.collector.sh(f"mkdir -p {STORE}/{NODES[0]}/.partial-x && echo secret >{STORE}/{NODES[0]}/.partial-x/file")
    before = picture(chain.collector.path(STORE))
    ssh = "-o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR -i /etc/kaizen/ssh/id_ed25519"
    there = f"kaizen-store@{chain.collector.name}"
    line = attempt.format(ssh=ssh, there=there, store=STORE, node=NODES[0])
    tried = chain.offsite.sh(f"timeout 10 {line} </dev/null", check=False)
    assert "Permission denied (publickey" not in tried.err
    assert "uid=" not in tried.out
    assert not chain.offsite.path("/root/got").is_file()
    assert not chain.offsite.path("/root/got/file").exists()
    assert picture(chain.collector.path(STORE)) == before


def test_a_door_that_is_closed_leaves_the_offsite_machine_with_what_it_has(chain: Chain) -> None:
    before = picture(chain.offsite.path(STORE), "*/[0-9]*")
    chain.collector.run(["kaizen-onboard", "store", "--remove"])
    pulled = chain.pull(DAYS[2])
    assert pulled.code != 0
    assert "Traceback" not in pulled.err
    assert "the last good list" in pulled.err
    assert picture(chain.offsite.path(STORE), "*/[0-9]*") == before
    assert chain.collector.run(["id", "kaizen-store"], check=False).code != 0
