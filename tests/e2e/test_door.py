"""The door: with the collector's key, from another machine, there is a node's snapshots to read and nothing else."""

import pytest

from cluster import Cluster
from lab import Node, Result

KEY = "/etc/stolen"
SSH = f"ssh -F /dev/null -i {KEY} -o BatchMode=yes -o LogLevel=ERROR"
SSH += " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"


@pytest.fixture(scope="module")
def thief(cluster: Cluster) -> Node:
    """Return another machine, whose root has the collector's key; there is a snapshot to look at."""
    cluster.controller.run(["kaizen-backup", "run"], at="2026-11-24 01:00:00")
    cluster.controller.sh("mkdir /backups/.partial-x && echo secret >/backups/.partial-x/file")
    cluster.website.write(KEY, cluster.collector.read("/etc/kaizen/ssh/id_ed25519"), mode=0o600)
    return cluster.website


def ssh(thief: Node, cluster: Cluster, *arguments: str, options: str = "") -> Result:
    target = f"kaizen@{cluster.controller.address}"
    return thief.sh(f'timeout 20 {SSH} {options} {target} "$@"', *arguments, check=False)


def rsync(thief: Node, cluster: Cluster, *arguments: str) -> Result:
    words = [word.replace("NODE", f"kaizen@{cluster.controller.address}") for word in arguments]
    return thief.run(["timeout", "20", "rsync", "-e", SSH, *words], check=False)


def test_the_snapshots_can_be_read(cluster: Cluster, thief: Node) -> None:
    result = rsync(thief, cluster, "-a", "NODE::backups/2026-11-24/etc/nova/", "/tmp/got/")
    assert result.code == 0
    assert "transport_url" in thief.read("/tmp/got/nova.conf")


@pytest.mark.parametrize(
    "command",
    [
        [], ["id"], ["/bin/sh"], ["cat /etc/shadow"], ["rsync --server --sender -e.LsfxCIvu . /etc/shadow"],
        ["sudo -n id"], ["scp -f /etc/passwd"], ["-s", "sftp"],
    ],
)  # fmt: skip
def test_there_is_no_shell(cluster: Cluster, thief: Node, command: list[str]) -> None:
    result = ssh(thief, cluster, *command)
    assert "uid=" not in result.out
    assert "root:" not in result.out


@pytest.mark.parametrize("options", ["-t", "-tt", "-A", "-X"])
def test_nothing_is_forwarded_and_there_is_no_terminal(cluster: Cluster, thief: Node, options: str) -> None:
    result = ssh(thief, cluster, "env; tty; id", options=options)
    assert not any(word in result.out for word in ("SSH_AUTH_SOCK", "DISPLAY", "/dev/pts", "uid="))


def test_no_port_is_forwarded(cluster: Cluster, thief: Node) -> None:
    result = thief.sh(
        f"timeout 20 {SSH} -o ExitOnForwardFailure=yes -W 127.0.0.1:22 kaizen@{cluster.controller.address} </dev/null",
        check=False,
    )
    assert "SSH-2.0" not in result.out
    assert result.code != 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["/etc/hostname", "NODE::backups/2026-11-24/"],
        ["/etc/hostname", "NODE::backups/new"],
        ["-a", "--delete", "/tmp/empty/", "NODE::backups/2026-11-24/"],
        ["-a", "--remove-source-files", "NODE::backups/2026-11-24/etc/nova/", "/tmp/moved/"],
        ["-a", "--write-devices", "/etc/hostname", "NODE::backups/x"],
        ["-a", "--log-file=/etc/cron.d/x", "NODE::backups/2026-11-24/etc/nova/", "/tmp/moved/"],
    ],
)
def test_nothing_can_be_written_or_deleted(cluster: Cluster, thief: Node, arguments: list[str]) -> None:
    thief.sh("mkdir -p /tmp/empty")
    look = "find /backups -printf '%p %T@ %C@ %s\\n' | sort; find /etc -newer /backups/2026-11-24/SHA256SUMS -type f"
    before = cluster.controller.sh(look).out
    # What the daemon has no right to, it may only leave out: then the client ends well, and nothing has happened.
    rsync(thief, cluster, *arguments)
    assert cluster.controller.sh(look).out == before


@pytest.mark.parametrize(
    "path",
    [
        "../etc/shadow", "2026-11-24/../../etc/shadow", "/etc/shadow", "2026-11-24/../.partial-x/file",
        ".partial-x/file", "./.partial-x/file", "%2e%2e/etc/shadow", "2026-11-24/etc/../../../etc/shadow",
    ],
)  # fmt: skip
def test_no_path_leads_outside_the_published_snapshots(cluster: Cluster, thief: Node, path: str) -> None:
    thief.sh("rm -rf /tmp/out; mkdir /tmp/out")
    result = rsync(thief, cluster, "-aL", f"NODE::backups/{path}", "/tmp/out/")
    assert result.code != 0
    assert thief.sh("find /tmp/out -type f").out == ""


def test_a_symlink_in_a_snapshot_is_given_as_a_symlink(cluster: Cluster, thief: Node) -> None:
    cluster.controller.write("/etc/only-here", "of-the-controller\n")
    cluster.controller.sh("ln -s /etc/only-here /backups/2026-11-24/etc/nova/link")
    for options in ("-a", "-aL", "-ak", "--copy-unsafe-links"):
        thief.sh("rm -rf /tmp/out")
        rsync(thief, cluster, "-r", options, "NODE::backups/2026-11-24/etc/nova/", "/tmp/out/")
        assert thief.sh("grep -r of-the-controller /tmp/out || true").out == ""
        if options == "-a":
            assert thief.sh("readlink /tmp/out/link").out == "/etc/only-here\n"


def test_other_modules_do_not_exist(cluster: Cluster, thief: Node) -> None:
    assert rsync(thief, cluster, "NODE::").out == ""
    assert rsync(thief, cluster, "NODE::root/").code != 0
    assert rsync(thief, cluster, "NODE:/etc/shadow", "/tmp/out/").code != 0


def test_the_collectors_own_door_does_not_show_the_store(cluster: Cluster, thief: Node) -> None:
    cluster.collector.run(["kaizen-backup", "run"], at="2026-11-24 01:00:00")
    cluster.collector.sh("mkdir -p /backups/nodes/x/2026-11-24 && echo secret >/backups/nodes/x/2026-11-24/file")
    where = f"kaizen@{cluster.collector.address}::backups/"
    listing = thief.run(["rsync", "-e", SSH, "--list-only", where]).out
    assert "2026-11-24" in listing
    assert "nodes" not in listing
    for path in ("nodes/x/2026-11-24/file", "./nodes/x/2026-11-24/file", "2026-11-24/../nodes/x/2026-11-24/file"):
        assert thief.run(["rsync", "-e", SSH, where + path, "/tmp/"], check=False).code != 0


def test_the_user_can_change_nothing_that_lets_it_in(cluster: Cluster) -> None:
    for attempt in (
        "echo x >>/var/lib/kaizen/.ssh/authorized_keys",
        "rm /var/lib/kaizen/.ssh/authorized_keys",
        "mv /var/lib/kaizen/.ssh /var/lib/kaizen/x",
        "touch /var/lib/kaizen/x",
        "ls /backups",
        "sudo -n id",
        "sudo -n /usr/bin/rsync --server --daemon --config=/tmp/x .",
        "sudo -n /usr/bin/rsync --server --daemon --config=/etc/kaizen/rsyncd.conf . --config=/tmp/x",
    ):
        assert cluster.controller.sh(attempt, user="kaizen", check=False).code != 0, attempt
