"""A small cluster: a controller with a database, a compute node, a web server, and a collector.

Puppet configures all four, as it would a real one; what stands in for a Puppet Server's fact cache is each node's
`puppet facts`, put into the collector's facts directory. Cron runs the nights.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from lab import Fleet, LabError, Node, Result
from lab.services import restart_cron, start_mariadb, start_nginx

# Made by the Makefile: what a node without a network installs the collector from.
WHEELHOUSE = Path(__file__).parents[1] / ".cache" / "wheelhouse"
DOMAIN = "kaizen.example"
HIERA: dict[str, Any] = {
    # The module itself is mounted there.
    "quickstack::backups::excludes": ["/etc/puppet/code"],
    # So that a test need not wait for a minute of the host's own.
    "quickstack::backups::cron_min": 0,
    "quickstack::backups::keep_days": 3,
    "quickstack::backups::collector::cron_min": 0,
    "quickstack::backups::collector::package_source": "kaizen-backups",
}
MANIFESTS = {
    "controller": "include quickstack::controller_common",
    "compute": "include quickstack::compute_common",
    "website": """class { 'quickstack::backups':
        paths    => ['/var/www'],
        excludes => ['/var/www/cache', '/etc/puppet/code'],
    }""",
    "collector": "class { 'quickstack::backups': collector => true }",
}
NOVA = """
CREATE DATABASE nova CHARACTER SET utf8mb4;
USE nova;
CREATE TABLE instances (
    id INT PRIMARY KEY AUTO_INCREMENT, uuid CHAR(36) NOT NULL, hostname VARCHAR(255), launched_at DATETIME
) ENGINE=InnoDB;
INSERT INTO instances (uuid, hostname, launched_at)
    SELECT UUID(), CONCAT('vm-', seq, '-grün'), '2026-11-01 12:00:00' FROM seq_1_to_500;
CREATE TABLE flavors (id INT PRIMARY KEY, name VARCHAR(255), vcpus INT, memory_mb INT) ENGINE=InnoDB;
INSERT INTO flavors VALUES (1, 'm1.tiny', 1, 512), (2, 'm1.large', 4, 8192);
CREATE TRIGGER before_launch BEFORE INSERT ON instances FOR EACH ROW
    SET NEW.launched_at = COALESCE(NEW.launched_at, NOW());
"""


class Cluster:
    """The four nodes, and what happens to them."""

    def __init__(self, fleet: Fleet) -> None:
        names = [f"{name}.{DOMAIN}" for name in ("controller01", "compute01", "www", "backup")]
        self.controller, self.compute, self.website, self.collector = fleet.add_all(names)
        self.nodes = [self.controller, self.compute, self.website, self.collector]
        self.roles = dict(zip(MANIFESTS, self.nodes, strict=True))
        self._hiera = dict(HIERA)

    def furnish(self) -> None:
        """Give every node what such a node has, and nothing of what the machine has in /usr/local."""
        for node in self.nodes:
            node.sh("rm -rf /usr/local && mkdir -p /usr/local/{bin,sbin,etc} && touch /usr/local/etc/local.conf")
            node.sh("echo notes >/root/notes")
        _at_once(self._furnish_controller, self._furnish_compute, self._furnish_website)

    def _furnish_controller(self) -> None:
        start_mariadb(self.controller)
        self.controller.run(["mariadb"], input=NOVA)
        self.controller.sh("""
            for service in nova keystone glance neutron; do
                mkdir -p /etc/$service /var/lib/$service /var/log/$service
                printf '[DEFAULT]\\ntransport_url = rabbit://%s:secret@controller01/\\n' $service \\
                    >/etc/$service/$service.conf
                echo '{}' >/etc/$service/policy.yaml
                echo "started" >/var/log/$service/$service.log
            done
            useradd --system --home-dir /var/lib/keystone --shell /usr/sbin/nologin keystone
            mkdir -m 0700 /etc/keystone/fernet-keys
            for key in 0 1 2; do head -c 32 /dev/urandom | base64 >/etc/keystone/fernet-keys/$key; done
            chmod 0600 /etc/keystone/fernet-keys/*
            chown -R keystone: /etc/keystone
            mkdir -p /var/lib/nova/instances/1 && head -c 1M /dev/urandom >/var/lib/nova/instances/1/disk
            echo state >/var/lib/nova/state
        """)

    def _furnish_compute(self) -> None:
        self.compute.sh("""
            mkdir -p /etc/nova /etc/libvirt/qemu /etc/libvirt/secrets /var/lib/nova/instances /var/log/nova
            echo '[libvirt]' >/etc/nova/nova.conf
            for vm in 1 2 3; do echo "<domain><name>vm-$vm</name></domain>" >/etc/libvirt/qemu/vm-$vm.xml; done
            head -c 2M /dev/urandom >/var/lib/nova/instances/disk
            head -c 300K /dev/urandom >/var/lib/nova/large-state
            setfacl -m u:nobody:r /etc/nova/nova.conf
            setfattr -n user.origin -v test /etc/nova/nova.conf
        """)

    def _furnish_website(self) -> None:
        self.website.sh("""
            mkdir -p /var/www/html/img /var/www/cache
            echo '<h1>Kaizen</h1>' >/var/www/html/index.html
            for i in $(seq 200); do echo "picture $i" >/var/www/html/img/$i.svg; done
            echo temporary >/var/www/cache/page
            ln -s html/index.html /var/www/start
            ln /var/www/html/img/1.svg /var/www/html/img/first.svg
            printf x >$'/var/www/html/odd\\nname'
        """)
        start_nginx(self.website)

    def apply_puppet(self) -> None:
        """Configure the collector, then everybody with the key that it made; hand over the facts."""
        self.apply("collector")
        self.accept_collector()
        _at_once(*(partial(self.apply, role) for role in MANIFESTS))
        self.hand_over_facts(self.nodes)

    def accept_collector(self) -> None:
        """Put the collector's key into Hiera, in place of the one that it had."""
        key = self.collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
        self._hiera["quickstack::backups::collector_keys"] = [key]

    def give_hiera(self, data: dict[str, Any]) -> None:
        """Let Puppet find more in Hiera from now on."""
        self._hiera.update(data)

    def apply(self, role: str) -> int:
        """Apply a role's class to its node; return Puppet's exit code: 0 for no change, 2 for changes."""
        return self.run_puppet(self.roles[role]).code

    def run_puppet(self, node: Node, *, noop: bool = False) -> Result:
        """Apply the class of a node's role to it, or only say what that would change."""
        role = next(role for role, other in self.roles.items() if other is node)
        return node.puppet_apply(MANIFESTS[role], hiera=self._hiera, noop=noop)

    def hand_over_facts(self, nodes: Iterable[Node]) -> None:
        """Put nodes' facts where a Puppet Server keeps them."""

        def hand_over(node: Node) -> None:
            self.collector.write(f"/var/lib/kaizen/facts/{node.name}.json", json.dumps(node.facts()))

        _at_once(*(partial(hand_over, node) for node in nodes))

    def let_administrator_in(self, node: Node) -> None:
        """Give root on the collector a key of its own for root on a node; its host key is the one Puppet knows."""
        key = "/root/.ssh/id_ed25519"
        self.collector.sh(f"""mkdir -p -m 0700 /root/.ssh
            [[ -e {key} ]] || ssh-keygen -q -t ed25519 -N '' -f {key}
            kaizen nodes refresh >/dev/null
            sed -E 's/^(([^. ]+)[^ ]*) /\\1,\\2 /' /var/lib/kaizen/known_hosts >/root/.ssh/known_hosts""")
        node.sh(
            "mkdir -p -m 0700 /root/.ssh && cat >>/root/.ssh/authorized_keys", input=self.collector.read(f"{key}.pub")
        )

    def night(self, day: str) -> None:
        """Live through the night before `day`'s morning: cron backs every node up, and then collects."""
        live_through_night(day, self.nodes, self.collector)


def live_through_night(day: str, nodes: Sequence[Node], *collectors: Node) -> None:
    """Let cron back every node up before `day`'s morning, and then collect all of them to each collector."""
    for node in nodes:
        node.at = f"{day} 00:59:58"
        restart_cron(node)
    for node in nodes:
        _wait_for(node.path(f"/backups/{day}").exists, f"{node.name}'s snapshot of {day}")
    for collector in collectors:
        collector.at = f"{day} 02:59:58"
        restart_cron(collector)
    for collector in collectors:
        stored = [collector.path(f"/backups/nodes/{node.name}/{day}") for node in nodes]
        _wait_for(partial(_all_exist, stored), f"the collection of {day}")
        _wait_for(partial(_has_ended, collector), "kaizen's end")


def _all_exist(paths: Iterable[Path]) -> bool:
    return all(path.exists() for path in paths)


def _has_ended(collector: Node) -> bool:
    return collector.run(["pgrep", "-f", "bin/kaizen"], check=False).code != 0


def _wait_for(ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.1)


def _at_once(*tasks: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()
