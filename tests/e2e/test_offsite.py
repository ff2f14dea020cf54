"""Copies go to another host over SFTP, whatever breaks on the way, and bring an empty collector back."""

import json
import os
import shutil
import signal
from collections.abc import Iterator

import pytest
import yaml

from doors import KAIZEN, STORE
from lab import Fleet, Node, Result
from lab.process import Process
from stored import Nights

NODES = ("controller01.kaizen.example", "compute01.kaizen.example")
SECRET = b"mysql://nova:a-password-of-nova@10.0.0.4/nova\n"
NAME = "nova-of-the-kaizen-cloud.conf"
REPOSITORY = "/srv/copies/kaizen"
NEW = 12 << 20
"""Bytes that a night of a node adds where a test breaks something: more than goes over in a moment at RATE."""
RATE = "2m"


class Site:
    """A collector with a store, and a host elsewhere with a disk that is small."""

    def __init__(self, fleet: Fleet) -> None:
        self.collector = fleet.add("backup.kaizen.example")
        self.host = fleet.add("offsite.example", size="64m")
        self.furnish(self.collector)
        self.host.sh("useradd -m -d /srv/copies -s /bin/sh copies; usermod -p x copies; chmod 0644 /etc/passwd")
        self.let_in()
        self.day = 0
        self.night()
        made = self.kaizen("offsite", "init")
        assert made.code == 0, made.describe()
        self.password = self.collector.read("/etc/kaizen/offsite/cluster.password")
        self.said = made.out

    def furnish(self, collector: Node) -> None:
        """Give a collector its program, key and settings, as Puppet would."""
        collector.write("/usr/local/bin/kaizen", KAIZEN, mode=0o755)
        collector.sh("""mkdir -p -m 0700 /etc/kaizen/ssh /etc/kaizen/offsite
            rm -f /etc/kaizen/ssh/*; ssh-keygen -q -t ed25519 -N '' -f /etc/kaizen/ssh/id_ed25519""")
        key = " ".join(self.host.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        collector.write("/etc/kaizen/offsite/known_hosts", f"{self.host.name} {key}\n")
        self.settings({})

    def settings(self, how: dict[str, object]) -> None:
        """Write the collector's settings."""
        place = {"repository": f"sftp://copies@{self.host.name}{REPOSITORY}", "jobs": 1, **how}
        self.collector.write(
            "/etc/kaizen/collector.yaml", yaml.safe_dump({"store": STORE, "offsite": {"cluster": place}})
        )

    def let_in(self) -> None:
        """Let the collector's key in at the host."""
        key = self.collector.read("/etc/kaizen/ssh/id_ed25519.pub")
        self.host.write("/srv/copies/.ssh/authorized_keys", f"restrict {key}", owner="copies:copies")

    def night(self, new: bytes = b"") -> list[str]:
        """Let a verified snapshot of each node be in the store; return the names."""
        self.day += 1
        date = f"2026-11-{self.day:02}"
        for node in NODES:
            nights = Nights.__new__(Nights)
            nights.node, nights.directory = node, self.collector.path(f"{STORE}/{node}")
            nights.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            files = {f"etc/nova/{NAME}": SECRET, "etc/day": date.encode(), "backup.info": b"host = x\n"}
            nights.add(date, {**files, **({"var/new": new + node.encode()} if new else {})})
        for command in (["history", "rebuild"], ["verify"]):
            done = self.kaizen(*command)
            assert done.code == 0, done.describe()
        return [f"{node} {date}" for node in sorted(NODES)]

    def kaizen(self, *arguments: str) -> Result:
        return self.collector.run(["kaizen", *arguments], check=False)

    def push(self) -> tuple[int, dict[str, list[str]]]:
        done = self.kaizen("offsite", "push", "--json")
        print(done.describe())  # for whoever reads of a test that failed
        return done.code, json.loads(done.out)

    def waiting(self) -> list[int]:
        """Return how many snapshots of each node are not there, as `offsite status` has it."""
        found = json.loads(self.kaizen("offsite", "status", "--json").out)
        return [node["waiting"] for node in found["repositories"][0]["nodes"]]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Fleet("offsite") as fleet:
        yield Site(fleet)


def under_way(site: Site, process: Process) -> None:
    """Wait until a push has sent some of its data."""
    data = site.host.path(f"{REPOSITORY}/data")
    before = len(list(data.rglob("*")))
    while len(list(data.rglob("*"))) == before:
        assert process.poll() is None


def test_the_password_is_shown_once_and_kept_for_root_alone(site: Site) -> None:
    assert site.password.strip() in site.said
    assert site.collector.sh("stat -c '%a %U' /etc/kaizen/offsite/cluster.password").out == "600 root\n"
    again = site.kaizen("offsite", "init")
    assert again.code == 0
    assert site.password.strip() not in again.out


def test_what_was_collected_goes_there_and_no_word_of_it_can_be_read_there(site: Site) -> None:
    assert site.waiting() == [1, 1]
    code, pushed = site.push()
    assert (code, sorted(pushed["sent"])) == (0, [f"{node} 2026-11-01" for node in sorted(NODES)])
    assert site.push()[1]["sent"] == []
    words = [SECRET.decode().strip(), NAME, *NODES, "2026-11-01"]
    for word in words:
        found = site.host.sh(
            'grep -rqF -- "$1" /srv/copies/kaizen || find /srv/copies/kaizen | grep -F -- "$1"', word, check=False
        )
        assert found.code == 1, word


def test_a_push_that_is_killed_or_cut_off_is_completed_by_the_next(site: Site) -> None:
    site.settings({"rate": RATE})
    wanted = site.night(os.urandom(NEW))
    killed = site.collector.popen(["kaizen", "offsite", "push"])
    under_way(site, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    cut = site.collector.popen(["kaizen", "offsite", "push"])
    under_way(site, cut)
    site.collector.cut()
    _, err = cut.communicate(timeout=120)
    assert cut.returncode == 1
    assert b"offsite.cluster" in err
    assert sum(site.waiting()) in (1, 2)
    assert site.kaizen("offsite", "status").code == 1
    site.collector.mend()
    site.settings({})
    assert site.push()[0] == 0
    assert site.waiting() == [0, 0]
    assert site.kaizen("offsite", "check", "--everything").code == 0
    assert wanted


def test_a_full_disk_is_told_of_and_with_room_the_next_push_completes(site: Site) -> None:
    site.host.sh("dd if=/dev/zero of=/srv/copies/filler bs=1M 2>/dev/null || true")
    site.night(os.urandom(1 << 20))
    code, pushed = site.push()
    assert code == 1
    assert pushed["problems"]
    assert sum(site.waiting()) > 0
    site.host.sh("rm /srv/copies/filler")
    assert site.push()[0] == 0
    assert site.waiting() == [0, 0]


def test_an_empty_collector_has_everything_again_with_the_repository_and_the_password_alone(site: Site) -> None:
    store = site.collector.path(STORE)
    before = {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}
    site.collector.sh(f"rm -rf {STORE} /var/lib/kaizen /etc/kaizen/offsite/cluster.password")
    site.furnish(site.collector)
    site.let_in()
    site.collector.write("/etc/kaizen/offsite/cluster.password", site.password, mode=0o600)
    shutil.rmtree(store, ignore_errors=True)
    restored = site.kaizen("offsite", "restore", "--all")
    assert restored.code == 0, restored.describe()
    after = {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}
    assert after == before
    assert site.kaizen("verify").code == 0
    assert site.push()[1]["sent"] == []
