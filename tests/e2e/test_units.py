"""The collector's units, run by a real systemd: they do what cron's runs do, and have no more than that takes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cluster import WHEELHOUSE
from lab import Fleet, Node
from lab.process import PATH
from lab.puppet import ENVIRONMENT
from lab.result import Result
from lab.services import start_mariadb, start_postgresql
from lab.systemd import beside_systemd, systemd

MODULE = f"{ENVIRONMENT}/modules/quickstack"
HIERA = {
    "quickstack::backups::excludes": ["/etc/puppet/code"],
    "quickstack::backups::collector::package_source": "kaizen-backups",
    # Past: a collection is one pass, and waits for nobody.
    "quickstack::backups::collector::deadline": f"{datetime.now(UTC) - timedelta(hours=1):%H:%M}",
}
BACKUPS = "class { 'quickstack::backups': paths => ['/srv'], dumps => ['mysql', 'postgresql'] }"
COLLECTOR = "class { 'quickstack::backups': collector => true }"
UNIT = "/etc/systemd/system/kaizen-collect.service"
DRILL = "/etc/systemd/system/kaizen-drill.service"
# What a receiver may get wrong when it may do less: owners, modes, file capabilities, hard links, files closed to all.
FURNISH = """
    rm -rf /usr/local && mkdir -p /usr/local/{bin,sbin} /srv/closed
    cd /srv
    for name in owned setuid ping closed/inside; do cp /bin/true $name; done
    chown 1234:5678 owned setuid && chmod 6755 setuid && setcap cap_net_raw+ep ping
    ln owned linked && setfacl -m u:1234:rw owned && setfattr -n user.origin -v here owned
    chown -R 99:99 closed && chmod 0 closed/inside closed
"""


class Units:
    """A collector in which systemd runs, and a node with a snapshot; the store, and what cron's run had put in it."""

    def __init__(self, collector: Node, node: Node) -> None:
        self.collector = collector
        self.node = node
        self.store = f"/backups/nodes/{node.name}"

    def run(self, *argv: str, check: bool = True) -> Result:
        """Run a command beside systemd."""
        return beside_systemd(self.collector, *argv, check=check)

    def collect(self, *settings: str) -> int:
        """Let the unit, with these settings on top, collect into an empty store."""
        self.empty_store()
        lines = ["[Unit]", "StartLimitIntervalSec=0", "[Service]", *settings, ""]
        self.collector.write(f"{UNIT}.d/test.conf", "\n".join(lines))
        self.run("systemctl", "daemon-reload")
        return self.run("systemctl", "start", "kaizen-collect.service", check=False).code

    def drill(self, *settings: str) -> int:
        """Let the unit, with these settings on top, drill what is in the store; return how it ended."""
        self.collector.write(
            f"{DRILL}.d/test.conf", "\n".join(["[Unit]", "StartLimitIntervalSec=0", "[Service]", *settings, ""])
        )
        self.run("systemctl", "daemon-reload")
        return self.run("systemctl", "start", "kaizen-drill.service", check=False).code

    def empty_store(self) -> None:
        self.collector.sh(f"rm -rf {self.store} /var/lib/kaizen/history.sqlite*")

    def difference(self) -> str:
        """Compare the store with what cron's run had stored, in all that root can see."""
        compare = ["rsync", "-naHAXc", "--numeric-ids", "--modify-window=-1", "--delete", "--itemize-changes"]
        found = self.collector.sh(
            f"mkdir -p {self.store} && {' '.join(compare)} --omit-dir-times /reference/ {self.store}/"
        )
        return "".join(line for line in found.out.splitlines(keepends=True) if line[9:] not in ("./\n", " ./\n"))

    def journal(self, unit: str = "kaizen-collect.service") -> str:
        return self.run("journalctl", "-q", "-o", "cat", "--no-pager", "-u", unit).out


@pytest.fixture(scope="module")
def units() -> Iterator[Units]:
    with Fleet("units", wheelhouse=WHEELHOUSE) as fleet:
        collector, node = fleet.add_all(["backup.kaizen.example", "node.kaizen.example"])
        collector.sh("rm -rf /usr/local && mkdir -p /usr/local/{bin,sbin}")
        node.sh(FURNISH)
        start_mariadb(node)
        start_postgresql(node)
        collector.puppet_apply(COLLECTOR, hiera=HIERA)
        key = collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
        node.puppet_apply(BACKUPS, hiera={**HIERA, "quickstack::backups::collector_keys": [key]})
        node.run(["kaizen-backup", "run"])
        host_key = " ".join(node.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        entry = f'address: {node.address}\nhost_keys: ["{host_key}"]\n'
        collector.write(f"/etc/kaizen/nodes.d/{node.name}.yaml", entry)
        # Most of these collections are to fail, at the first try.
        collector.sh("echo 'retry_seconds: 0' >>/etc/kaizen/collector.yaml")
        units = Units(collector, node)
        collector.run(["kaizen", "collect"])
        collector.sh(f"cp -a {units.store} /reference && rm -rf {units.store}")
        collector.sh(f"""
            cp {MODULE}/files/backups/systemd/kaizen-*.service {MODULE}/tests/golden/kaizen-*.timer /etc/systemd/system
            mkdir {UNIT}.d {DRILL}.d
            cp {MODULE}/tests/golden/kaizen-collect.paths.conf {UNIT}.d/paths.conf
            for name in paths environment; do
                cp {MODULE}/tests/golden/kaizen-drill.$name.conf {DRILL}.d/$name.conf
            done""")
        with systemd(collector):
            yield units


def test_the_unit_stores_what_cron_stores(units: Units) -> None:
    assert units.collect() == 0, units.journal()
    assert units.difference() == ""
    stored = units.collector.sh(
        f"cd {units.store}/*/ && sha256sum --quiet -c SHA256SUMS && stat -c '%u:%g %a' srv/setuid"
    )
    assert stored.out == "1234:5678 6755\n"
    assert units.journal() == ""


def test_a_node_that_fails_is_a_failed_unit_and_named_in_the_journal(units: Units) -> None:
    units.node.cut()
    try:
        assert units.collect() != 0
    finally:
        units.node.mend()
    assert f"kaizen: {units.node.name}: " in units.journal()
    assert units.run("systemctl", "show", "-P", "ExecMainStatus", "kaizen-collect.service").out == "1\n"


def test_each_capability_of_the_unit_is_needed(units: Units) -> None:
    lines = units.collector.read(UNIT).splitlines()
    found = [line.partition("=")[2].split() for line in lines if line.startswith("CapabilityBoundingSet=")]
    needless = [
        capability
        for capabilities in found
        for capability in capabilities
        if units.collect(f"CapabilityBoundingSet=~{capability}") == 0 and not units.difference()
    ]
    assert found
    assert needless == []


@pytest.mark.parametrize(
    "setting",
    [
        "RestrictNamespaces=yes",
        "RestrictNamespaces=~ipc",
        "RestrictAddressFamilies=~AF_NETLINK",
        "RestrictSUIDSGID=yes",
        "SystemCallFilter=~@mount",
        "ProcSubset=pid",
        "PrivateUsers=yes",
        "PrivateNetwork=yes",
        "ReadWritePaths=",
    ],
)
def test_each_restriction_that_the_unit_goes_without_would_stop_it(units: Units, setting: str) -> None:
    assert units.collect(setting) != 0 or units.difference()


def test_the_daily_verification_reads_what_is_closed_to_all_and_names_what_is_rotten(units: Units) -> None:
    unit = "kaizen-verify.service"
    assert units.collect() == 0
    assert units.run("systemctl", "start", unit, check=False).code == 0, units.journal(unit)
    assert units.journal(unit) == ""
    units.collector.sh(f"printf rot | dd of=$(echo {units.store}/*/srv/closed/inside) conv=notrunc status=none")
    assert units.run("systemctl", "start", unit, check=False).code != 0
    assert units.run("systemctl", "show", "-P", "ExecMainStatus", unit).out == "65\n"
    assert "srv/closed/inside does not have the sum that SHA256SUMS gives" in units.journal(unit)


def test_the_verification_needs_the_capability_that_it_has(units: Units) -> None:
    unit = "kaizen-verify.service"
    assert units.collect() == 0
    units.collector.write(f"/etc/systemd/system/{unit}.d/test.conf", "[Service]\nCapabilityBoundingSet=\n")
    units.run("systemctl", "daemon-reload")
    assert units.run("systemctl", "start", unit, check=False).code != 0
    assert "cannot be read: Permission denied" in units.journal(unit)


def test_the_daily_copies_hold_what_is_closed_to_all_and_a_drop_in_opens_a_directory_to_them(units: Units) -> None:
    unit, copies = "kaizen-offsite.service", "/srv/copies"
    assert units.collect() == 0
    settings = units.collector.read("/etc/kaizen/collector.yaml")
    units.collector.write("/etc/kaizen/collector.yaml", f"{settings}offsite: {{near: {{repository: {copies}}}}}\n")
    units.collector.sh(f"mkdir -p {copies} && kaizen offsite init")
    assert units.run("systemctl", "start", unit, check=False).code != 0
    units.collector.write(f"/etc/systemd/system/{unit}.d/paths.conf", f"[Service]\nReadWritePaths={copies}\n")
    units.run("systemctl", "daemon-reload")
    assert units.run("systemctl", "start", unit, check=False).code == 0, units.journal(unit)
    shown = units.collector.run(["kaizen", "offsite", "restore", units.node.name, "--to", "/back"])
    assert "all sums are right" in shown.out
    units.collector.write("/etc/kaizen/collector.yaml", settings)


@pytest.fixture
def stored(units: Units) -> Units:
    """Return the units with a snapshot to drill that has both kinds of databases."""
    assert units.collect() == 0, units.journal()
    dumps = units.collector.sh(f"cd {units.store}/*/dumps && ls mysql postgresql").out
    assert "mysql.sql" in dumps
    assert "postgres.dump" in dumps
    return units


def test_the_daily_drill_loads_both_kinds_of_databases_and_leaves_nothing(stored: Units) -> None:
    assert stored.drill() == 0, stored.journal("kaizen-drill.service")
    assert stored.journal("kaizen-drill.service") == ""
    (status,) = json.loads(stored.collector.run(["kaizen", "status", "--json"], check=False).out)["nodes"]
    assert status["proven"]
    assert status["drill_failed"] is None
    assert stored.collector.run(["find", "/var/lib/kaizen/drill", "-mindepth", "1"]).out == ""
    assert stored.collector.run(["pgrep", "-f", "/place/data"], check=False).out == ""


def test_a_drill_that_fails_is_a_failed_unit_and_named_in_the_journal(stored: Units) -> None:
    stored.collector.sh(f"printf rot | dd of=$(echo {stored.store}/*/srv/closed/inside) conv=notrunc status=none")
    assert stored.drill() != 0
    assert stored.run("systemctl", "show", "-P", "ExecMainStatus", "kaizen-drill.service").out == "1\n"
    assert "/srv/closed/inside does not have its sum any more" in stored.journal("kaizen-drill.service")


def test_each_capability_of_the_drill_is_needed(stored: Units) -> None:
    lines = stored.collector.read(DRILL).splitlines()
    found = [line.partition("=")[2].split() for line in lines if line.startswith("CapabilityBoundingSet=")]
    # Bubblewrap and setpriv are told to use these; where they can't, some versions of them go on without a word.
    unseen = {"CAP_FSETID", "CAP_SETPCAP"}
    capabilities = [capability for some in found for capability in some if capability not in unseen]
    assert capabilities
    needless = [one for one in capabilities if stored.drill(f"CapabilityBoundingSet=~{one}") == 0]
    assert needless == []


@pytest.mark.parametrize(
    "setting",
    [
        "RestrictNamespaces=yes",
        "RestrictNamespaces=~ipc",
        "RestrictAddressFamilies=~AF_NETLINK",
        "RestrictSUIDSGID=yes",
        "SystemCallFilter=~@mount",
        "SystemCallFilter=~@setuid",
        "ProcSubset=pid",
        "PrivateUsers=yes",
        "ReadWritePaths=",
    ],
)
def test_each_restriction_that_the_drill_goes_without_would_stop_it(stored: Units, setting: str) -> None:
    assert stored.drill(setting) != 0


def test_the_unit_can_write_to_what_is_its_own_only(units: Units) -> None:
    places = ["/etc/kaizen", "/root", "/usr/local/bin", "/opt/kaizen", "/backups", "/srv", "/var/log", "/boot"]
    own = ["/var/lib/kaizen", "/backups/nodes", "/run"]
    script = f"""#!/bin/sh
        for dir in {" ".join(places + own)}; do
            ! touch $dir/.try 2>/dev/null || {{ rm $dir/.try; echo $dir; }}
        done
        [ -e /tmp/of-the-host ] || echo /tmp
    """
    units.collector.write("/tmp/of-the-host", "x")
    units.collector.write("/srv/try", script, mode=0o755)
    assert units.collect("ExecStart=", "ExecStart=/srv/try", "StandardOutput=file:/run/tried") == 0
    assert units.collector.read("/run/tried").split() == [*own, "/tmp"]
    assert f"PATH={PATH}" in units.collector.read(UNIT)
