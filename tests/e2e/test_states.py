"""Puppet from every state to every other: applied again it changes nothing, and going back leaves nothing behind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cluster import WHEELHOUSE
from lab import Fleet, Node
from lab.puppet import PUPPET
from lab.systemd import beside_systemd, systemd

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ kaizen@backup.example"
HIERA: dict[str, Any] = {
    "quickstack::backups::excludes": ["/etc/puppet/code"],
    "quickstack::backups::collector::package_source": "kaizen-backups",
}
BASE = "include quickstack::backups"
FLIPPED = f"""class {{ 'quickstack::backups':
    role            => 'website',
    paths           => ['/etc/apt'],
    excludes        => ['*.tmp'],
    dumps           => ['command:hello:/bin/true'],
    dump_recipients => ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'],
    backups_dir     => '/srv/kaizen',
    log_file        => '/var/log/other.log',
    metrics_dir     => '/var/lib/node_exporter',
    keep_days       => 9,
    verbosity       => 2,
    dry_run         => true,
    rsync_args      => ['--bwlimit=20m'],
    user            => 'reader',
    collector_keys  => ['{KEY}'],
    collector_hosts => ['192.0.2.1'],
    cron_hour       => 5,
    cron_min        => 55,
    cron_email      => 'ops@kaizen.example',
}}"""
OFF = "class { 'quickstack::backups': enabled => false }"
COLLECTOR = "class { 'quickstack::backups': collector => true }"
OTHER_COLLECTOR = f"""class {{ 'quickstack::backups': }}
class {{ 'quickstack::backups::collector':
    package_source => 'kaizen-backups',
    store          => '/srv/store',
    keep_days      => 30,
    keep_weeks     => 5,
    keep_months    => 6,
    jobs           => 3,
    puppetdb_url   => 'https://puppetdb.kaizen.example:8081',
    ssldir         => '/var/lib/puppet/ssl',
    collectors     => [$trusted['certname'], 'other.kaizen.example'],
    facts_dir      => '/srv/facts',
    mail           => {{ to => ['ops@kaizen.example'], smtp => {{ host => 'localhost' }} }},
    webhook        => Sensitive('https://hooks.example/secret?tpl=yes&t={{{{.title}}}}'),
    cron_hour      => 4,
    cron_min       => 44,
    cron_email     => 'ops@kaizen.example',
    deadline       => '07:30',
    report_dir     => '/srv/www/report',
    report_group   => 'www-data',
    store_readers  => {{ 'offsite.kaizen.example' => '{KEY}' }},
}}"""
CHANGED, UNCHANGED = 2, 0
MANUAL = "/usr/local/share/man"
NAMES = ("flipped", "off", "collector", "former", "timer")

# Everything that the module may touch, with its owner, its mode and what it holds; snapshots and logs are apart.
TOUCHED = r"""
cd /
places=(etc/kaizen etc/cron.d etc/sudoers.d etc/logrotate.d etc/systemd/system usr/local home opt/kaizen)
places+=(var/lib/kaizen var/lib/kaizen-store)
for place in "${places[@]}"; do
    [[ -e $place ]] || continue
    find "$place" -path usr/local/lib -prune -o -printf '%p %y %m %U %G %l\n'
    find "$place" -path usr/local/lib -prune -o -type f ! -name history.sqlite -exec sha256sum {} +
done | grep -v '^etc/systemd/system/timers.target.wants d ' | sort
getent passwd | grep -E '^(kaizen|kaizen-store|reader|moc-backups):' | cut -d : -f 1,5- || true
getent group | grep -E '^(kaizen|kaizen-store|reader|moc-backups):' | cut -d : -f 1 || true
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[dict[str, Node]]:
    """Yield a node for each of the tests, with nothing of ours on it."""
    with Fleet("states", wheelhouse=WHEELHOUSE) as fleet:
        found = dict(zip(NAMES, fleet.add_all([f"{name}.kaizen.example" for name in NAMES]), strict=True))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.sh("rm -rf /usr/local && mkdir -p /usr/local/{bin,sbin}"), found.values()))
        yield found


def apply(node: Node, manifest: str) -> int:
    return node.puppet_apply(manifest, hiera=HIERA).code


def touched(node: Node) -> list[str]:
    return node.sh(TOUCHED).out.splitlines()


def read_the_store(node: Node) -> None:
    """Be logged in as a reader of the store, as long as one is let."""
    as_reader = "setpriv --reuid=kaizen-store --regid=kaizen-store --clear-groups"
    node.sh(
        f"{as_reader} sleep 600 </dev/null >/dev/null 2>&1 & until pgrep -u kaizen-store sleep; do sleep 0.05; done"
    )


def settle(node: Node, manifest: str) -> None:
    """Apply what changes something, and see that applying it again changes nothing."""
    assert apply(node, manifest) == CHANGED
    assert apply(node, manifest) == UNCHANGED


def test_every_parameter_can_be_flipped_and_flipped_back(nodes: dict[str, Node]) -> None:
    node = nodes["flipped"]
    assert apply(node, BASE) == CHANGED
    before = touched(node)
    settle(node, FLIPPED)
    flipped = touched(node)
    assert "reader" in "\n".join(flipped)
    assert not [line for line in flipped if line.startswith("kaizen:")]
    settle(node, BASE)
    assert touched(node) == before


def test_switched_off_it_leaves_the_snapshots_and_the_log_and_nothing_else(nodes: dict[str, Node]) -> None:
    node = nodes["off"]
    before = touched(node)
    assert apply(node, BASE) == CHANGED
    node.run(["kaizen-backup", "run"], at="2026-11-24 01:00:00")
    found = node.run(["man", "-w", "kaizen-backup", "kaizen-node.conf"]).out.split()
    assert found == [f"{MANUAL}/man8/kaizen-backup.8", f"{MANUAL}/man5/kaizen-node.conf.5"]
    settle(node, OFF)
    left = set(touched(node)) - set(before)
    # Where man pages are is everybody's.
    places = ["usr/local/share", *(f"usr/local/share/man{section}" for section in ("", "/man5", "/man8"))]
    assert left == {"etc/kaizen d 755 0 0 ", "var/lib/kaizen d 750 0 0 ", *(f"{place} d 755 0 0 " for place in places)}
    assert node.run(["find", "/var/lib/systemd/timers", "-name", "stamp-kaizen*"], check=False).out == ""
    node.sh("cd /backups/2026-11-24 && sha256sum --quiet --strict -c SHA256SUMS && [[ -s /var/log/kaizen-backup.log ]]")
    assert apply(node, BASE) == CHANGED


def take_the_readers_back(node: Node) -> None:
    """See Puppet close the door that it opened, whoever is inside, and leave one that was opened by hand."""
    read_the_store(node)
    assert apply(node, COLLECTOR) == CHANGED
    assert [line for line in touched(node) if "kaizen-store" in line or "rsyncd-store" in line] == []
    node.write("/root/offsite.pub", KEY)
    node.run(["kaizen-onboard", "store", "/root/offsite.pub"])
    assert apply(node, COLLECTOR) == UNCHANGED


def test_a_collector_that_is_one_no_more_keeps_the_store_and_the_history_alone(nodes: dict[str, Node]) -> None:
    node = nodes["collector"]
    assert apply(node, BASE) == CHANGED
    before = touched(node)
    settle(node, COLLECTOR)
    pages = ["kaizen", "kaizen-onboard", "kaizen-collector.yaml"]
    found = [Path(line).name for line in node.run(["man", "-w", *pages]).out.splitlines()]
    assert found == ["kaizen.8", "kaizen-onboard.8", "kaizen-collector.yaml.5"]
    settle(node, OTHER_COLLECTOR)
    take_the_readers_back(node)
    read_the_store(node)
    node.sh("mkdir -m 0700 /backups/nodes/x && kaizen-backup run && echo '{}' >/var/lib/kaizen/facts/work.123456")
    assert "\n|role = generic\n" in node.run(["kaizen-onboard", "bundle", "www.kaizen.example"]).out
    node.run(["kaizen-onboard", "ca", "init"])
    private = node.read("/etc/kaizen/ssh/id_ed25519")
    authority = node.read("/etc/kaizen/ca/ca").splitlines()[2]
    settle(node, BASE)
    files = [line.split(" ")[0] for line in set(touched(node)) - set(before)]
    added = {path for path in files if "/" in path}
    state = {"facts", "facts/work.123456", "history.sqlite", "last-run"}
    assert {path for path in added if "/seen." not in path and "/files." not in path} <= {
        "etc/kaizen/nodes.d",
        "etc/kaizen/access.yaml",
        *(f"var/lib/kaizen/{s}" for s in state),
    }
    node.sh("[[ -d /backups/nodes/x ]]")
    secret = private.splitlines()[2]
    kept = node.sh('grep -rlF -- "$1" /etc /root /tmp /run /usr/local /var /backups || true', secret, timeout=60)
    assert kept.out == ""
    assert node.sh('grep -rlF -- "$1" /etc /root /var /backups || true', authority, timeout=60).out == ""
    assert apply(node, COLLECTOR) == CHANGED


@pytest.fixture
def booted(nodes: dict[str, Node]) -> Iterator[Node]:
    """Yield a collector in which a real systemd runs."""
    node = nodes["timer"]
    assert apply(node, COLLECTOR) == CHANGED
    with systemd(node):
        yield node


def test_a_switch_between_cron_and_timer_cleans_up_the_other(booted: Node) -> None:
    def apply_beside(manifest: str) -> list[int]:
        argv = [*PUPPET, "apply", "--detailed-exitcodes"]
        return [beside_systemd(booted, *argv, input=manifest, check=False).code for _ in range(2)]

    def timers() -> list[str]:
        shown = beside_systemd(booted, "systemctl", "list-timers", "--no-legend", "--no-pager", "kaizen-*").out
        return sorted(line.split()[-2] for line in shown.splitlines())

    before = touched(booted)
    both = "class { 'quickstack::backups': scheduler => 'timer' }"
    both += "class { 'quickstack::backups::collector': package_source => 'kaizen-backups', scheduler => 'timer',"
    both += " drill_nodes => 1 }"
    assert apply_beside(both) == [CHANGED, UNCHANGED]
    assert timers() == [f"kaizen-{job}.timer" for job in ("backup", "collect", "drill", "verify")]
    assert beside_systemd(booted, "systemctl", "is-enabled", "kaizen-backup.timer").out == "enabled\n"
    assert [path.name for path in booted.path("/etc/cron.d").glob("kaizen-*")] == []
    assert apply_beside(COLLECTOR) == [CHANGED, UNCHANGED]
    assert timers() == []
    assert touched(booted) == before


# What the module in use leaves on a node, by all that its class has declared from the first release to the last.
IN_USE = r"""
crontab -u root - <<'END'
# Puppet Name: other
1 1 * * * true
# Puppet Name: backup_cron
MAILTO=a@b.c
5 1 * * * /backups/scripts/backup.sh
2 2 * * * false
END
groupadd moc-backups && useradd -m -g moc-backups -c 'backups user' -d /home/moc-backups moc-backups
mkdir -m 0700 /home/moc-backups/.ssh && echo 'ssh-rsa AAAAB3NzaC1yc2E=' >/home/moc-backups/.ssh/authorized_keys
chown -R moc-backups: /home/moc-backups/.ssh && chmod 0600 /home/moc-backups/.ssh/authorized_keys
mkdir -p /backups/scripts /backups/2026-11-23/etc && echo old >/backups/2026-11-23/etc/file
printf '#!/bin/bash\necho old\n' >/backups/scripts/backup.sh && chmod 0740 /backups/scripts/backup.sh
echo 'moc-backups ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/10-moc-backups && chmod 0600 /etc/sudoers.d/10-moc-backups
echo '5 1 * * * root /backups/scripts/backup.sh -d /backups -k 3' >/etc/cron.d/backups
printf '/var/log/backups.log {\n\tsize 100K\n}\n' >/etc/logrotate.d/backups && touch /var/log/backups.log
"""
DECLARED = """class { 'quickstack::compute_common':
    backups_enabled      => 'true',
    backups_user         => 'moc-backups',
    backups_script_src   => 'puppet:///modules/quickstack/compute_backup.sh',
    backups_script_local => 'backup.sh',
    backups_dir          => '/backups',
    backups_log          => '/var/log/backups.log',
    backups_verbose      => 'false',
    backups_email        => 'ops@kaizen.example',
    backups_ssh_key      => 'puppet:///modules/quickstack/backups.pub',
    backups_sudoers_d    => 'NOPASSWD: ALL',
    backups_hour         => '1',
    backups_min          => '05',
    backups_keep_days    => '3',
}"""


def test_the_module_in_use_is_taken_over_with_its_parameters(nodes: dict[str, Node]) -> None:
    node = nodes["former"]
    node.sh(IN_USE)
    first = node.puppet_apply(DECLARED, hiera=HIERA)
    assert first.code == CHANGED
    for name in ("script_src", "script_local", "ssh_key", "sudoers_d"):
        assert f"backups: {name} (backups_{name}) has lost its meaning" in first.err + first.out
    assert apply(node, DECLARED) == UNCHANGED
    gone = ["/etc/cron.d/backups", "/etc/sudoers.d/10-moc-backups", "/backups/scripts/backup.sh"]
    gone += ["/etc/logrotate.d/backups"]
    assert [path for path in gone if node.path(path).exists()] == []
    assert node.run(["crontab", "-l"]).out == "# Puppet Name: other\n1 1 * * * true\n2 2 * * * false\n"
    assert node.run(["getent", "passwd", "moc-backups"]).out.split(":")[5] == "/var/lib/kaizen"
    assert "5 1 * * * root /usr/local/sbin/kaizen-backup run" in node.read("/etc/cron.d/kaizen-backup")


def test_its_old_snapshots_stay_readable_and_expire_by_their_date(nodes: dict[str, Node]) -> None:
    node = nodes["former"]
    node.run(["kaizen-backup", "run"], at="2026-11-24 01:05:00")
    assert node.read("/backups/2026-11-23/etc/file") == "old\n"
    node.run(["kaizen-backup", "verify", "2026-11-24"])
    node.run(["kaizen-backup", "run"], at="2026-11-27 01:05:00")
    assert not node.path("/backups/2026-11-23").exists()
