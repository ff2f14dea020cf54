"""Systems of other kinds: a real systemd's timer; EL's and openSUSE's package managers, and SELinux, by stand-ins."""

from collections.abc import Iterator

import pytest

from bare_host import BareHosts, differing
from lab import Fleet, Node
from lab.puppet import PUPPET
from lab.systemd import beside_systemd, systemd

STAND_IN = """#!/bin/sh
echo "${0##*/} $*" >>/root/asked
case "$*" in *install*) cp /root/zstd /usr/bin/zstd ;; esac
"""
# systemd runs in namespaces of its own, and sshd outside of them.
SYSTEMCTL = """#!/bin/sh
[ "$(cat /proc/1/comm)" != systemd ] || exec /usr/bin/systemctl "$@"
exec nsenter --target="$(cat /run/systemd.pid)" --mount --pid --ipc --uts --cgroup -- /usr/bin/systemctl "$@"
"""
SELINUX = {
    "getenforce": "#!/bin/sh\necho Enforcing\n",
    "restorecon": '#!/bin/sh\necho system_u:object_r:etc_t:s0 >"/root/labels/$(echo "$3" | tr / _)"\n',
    "chcon": '#!/bin/sh\necho "system_u:object_r:$2:s0" >"/root/labels/$(echo "$4" | tr / _)"\n',
    "stat": """#!/bin/bash
[[ $2 == %C ]] || exec /usr/bin/stat "$@"
cat "/root/labels/$(echo "$4" | tr / _)" 2>/dev/null || echo system_u:object_r:default_t:s0
""",
}


@pytest.fixture(scope="module")
def bare() -> Iterator[BareHosts]:
    with Fleet("onboard-systems") as fleet:
        yield BareHosts(fleet, "el", "suse", "timer")


@pytest.mark.parametrize(
    ("name", "release", "manager", "asked"),
    [
        ("el", 'NAME="Rocky Linux"\nID="rocky"\nVERSION_ID="9.4"\n', "dnf", "dnf -q -y install zstd\n"),
        (
            "suse",
            'ID="opensuse-leap"\nVERSION_ID="15.6"\n',
            "zypper",
            "zypper --non-interactive --quiet install --no-recommends zstd\n",
        ),
    ],
)
def test_another_systems_packages_are_installed_its_way(
    bare: BareHosts, name: str, release: str, manager: str, asked: str
) -> None:
    host = bare.hosts[name]
    host.sh("rm /usr/bin/apt-get; mv /usr/bin/zstd /root/zstd; rm /etc/os-release")
    host.write("/etc/os-release", release)
    host.write(f"/usr/local/bin/{manager}", STAND_IN, mode=0o755)
    refused = bare.add(name)
    assert refused.code == 1
    assert "zstd, for every run (package zstd); --install" in refused.err
    done = bare.add(name, "--install")
    assert done.code == 0, done.describe()
    assert host.read("/root/asked") == asked


def test_under_selinux_every_file_has_its_type_and_a_lost_one_is_found(bare: BareHosts) -> None:
    el = bare.hosts["el"]
    el.sh("mkdir -p /root/labels")
    for tool, text in SELINUX.items():
        el.write(f"/usr/local/sbin/{tool}", text, mode=0o755)
    lost = bare.onboard("check", el.name)
    assert "/var/lib/kaizen/.ssh: its SELinux type is default_t, and is to be ssh_home_t" in lost.out
    assert bare.onboard("upgrade", el.name).code == 0
    assert bare.onboard("check", el.name).code == 0
    keys = "/root/labels/_var_lib_kaizen_.ssh_authorized_keys"
    assert el.read(keys) == "system_u:object_r:ssh_home_t:s0\n"
    assert bare.onboard(el.name, "--keep-days", "7").code == 0
    assert el.read("/root/labels/_etc_kaizen_node.conf") == "system_u:object_r:etc_t:s0\n"
    el.sh(f"rm {keys}")
    assert bare.onboard("check", el.name).out.count("SELinux") == 1


@pytest.fixture
def booted(bare: BareHosts) -> Iterator[Node]:
    """Yield a host in which a real systemd runs."""
    node = bare.hosts["timer"]
    with systemd(node):
        node.write("/usr/local/sbin/systemctl", SYSTEMCTL, mode=0o755)
        yield node


def units(node: Node) -> str:
    return node.sh("""cd /etc && find systemd/system cron.d -name 'kaizen*' -printf '%p %y %m %u %g %l\\n' | sort
        find systemd/system cron.d -path '*kaizen*' -type f -exec sha256sum {} + | sort -k2""").out


def test_a_timer_is_set_and_is_puppets_timer_and_goes_without_trace(bare: BareHosts, booted: Node) -> None:
    before = bare.trace("timer")
    done = bare.add("timer", "--scheduler", "timer", "--at", "02:30")
    assert done.code == 0, done.describe()
    assert beside_systemd(booted, "systemctl", "is-active", "kaizen-backup.timer").out == "active\n"
    shown = beside_systemd(booted, "systemctl", "show", "-p", "NextElapseUSecRealtime", "kaizen-backup.timer").out
    assert " 02:3" in shown
    assert bare.onboard("check", booted.name).code == 0
    beside_systemd(booted, "systemctl", "stop", "kaizen-backup.timer")
    assert "the timer is enabled inactive" in bare.onboard("check", booted.name).out
    assert bare.onboard("upgrade", booted.name).code == 0
    onboarded = units(booted)
    manifest = """class { 'quickstack::backups': scheduler => 'timer', cron_hour => 2, cron_min => 30 }"""
    beside_systemd(booted, *PUPPET, "apply", input=manifest)
    assert units(booted) == onboarded
    assert bare.onboard(booted.name, "--scheduler", "cron").code == 0
    assert booted.path("/etc/cron.d/kaizen-backup").exists()
    assert beside_systemd(booted, "systemctl", "is-active", "kaizen-backup.timer", check=False).out != "active\n"
    assert bare.onboard(booted.name, "--scheduler", "timer").code == 0
    assert bare.onboard("remove", booted.name, "--yes", "--purge-local").code == 0
    left = [path for path in differing(before, bare.trace("timer")) if "kaizen" in path]
    assert left == []
