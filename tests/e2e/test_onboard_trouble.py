"""Whatever goes wrong on the way, it is said in a line or two, and the host is as before or can be finished."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bare_host import BareHosts, differing, fingerprint, let_in
from lab import Fleet, Result
from lab.services import restart_sshd

APT_GET = """#!/bin/sh
echo "$@" >>/root/apt.log
case "$*" in *install*) cp /root/zstd /usr/bin/zstd ;; esac
"""
CUT = Path(__file__).with_name("cut.py")


@pytest.fixture(scope="module")
def bare() -> Iterator[BareHosts]:
    with Fleet("onboard-trouble") as fleet:
        bare = BareHosts(fleet, "www", "other", "jump")
        bare.collector.write("/root/cut.py", CUT.read_text())
        bare.add("www", "--dry-run")
        yield bare


@pytest.fixture(autouse=True)
def _as_before(bare: BareHosts) -> Iterator[None]:
    """Every test begins with a host on which nothing is."""
    yield
    bare.collector.sh("rm -f /root/.ssh/config")
    undone = bare.onboard("remove", "www.kaizen.example", "--yes", "--fingerprint", fingerprint(bare.hosts["www"]))
    assert undone.code == 0, undone.describe()


def failed(result: Result, *words: str, code: int = 1) -> None:
    """See that it failed with that code, and said these words, and no traceback."""
    assert result.code == code, result.describe()
    for word in words:
        assert word in result.err, result.describe()
    assert "Traceback" not in result.err
    assert "unexpected" not in result.err


def can_be_finished(bare: BareHosts) -> None:
    """See that running it again finishes it."""
    assert bare.onboard("list").out.count("www.kaizen.example") == 0
    done = bare.add("www", "--role", "generic")
    assert done.code == 0, done.describe()
    assert bare.onboard("check", "--all").out == "www.kaizen.example: as it should be\n"


READ_ONLY = [
    *("/etc", "/usr/local", "/var/lib"),
    *("/usr/local/sbin", "/etc/kaizen", "/etc/logrotate.d", "/etc/sudoers.d", "/etc/cron.d"),
]


@pytest.mark.parametrize("place", READ_ONLY)
def test_a_host_that_turns_read_only(bare: BareHosts, place: str) -> None:
    www = bare.hosts["www"]
    www.sh(f"mkdir -p {place} && mount --bind {place} {place} && mount -o remount,bind,ro {place}")
    before = bare.trace("www")
    try:
        refused = bare.add("www", "--role", "generic")
        if place in READ_ONLY[:3]:
            failed(refused, f"www.kaizen.example: {place} can't be written to", "nothing was done")
            assert differing(before, bare.trace("www")) == []
        else:
            failed(refused, "Read-only file system", "done so far: ", "running it again goes on from there")
    finally:
        www.sh(f"umount {place}")
    can_be_finished(bare)


@pytest.mark.parametrize("place", ["/usr/local/sbin", "/etc/logrotate.d", "/etc/sudoers.d", "/etc/cron.d"])
def test_a_host_that_lacks_space(bare: BareHosts, place: str) -> None:
    www = bare.hosts["www"]
    www.sh(f"mount -t tmpfs -o size=8k full {place} && head -c 8k /dev/zero >{place}/.zero")
    try:
        failed(bare.add("www", "--role", "generic"), "No space left on device", "done so far: ", "running it again")
        left = www.sh(f"ls -A {place}").out.split()
        assert left == [".zero"]
    finally:
        www.sh(f"umount {place}")
    can_be_finished(bare)


# Bytes up and down: in the greeting, in the description, in what is to be done, in what is said of it.
@pytest.mark.parametrize(
    ("up", "down"),
    [(500, 10**9), (6000, 10**9), (25_000, 10**9), (60_000, 10**9), (90_000, 10**9), (10**9, 600), (10**9, 5000)],
)
def test_a_line_that_is_cut(bare: BareHosts, up: int, down: int) -> None:
    before = bare.trace("www")
    bare.collector.write(
        "/root/.ssh/config", f"Host www*\n  ProxyCommand /usr/bin/python3 /root/cut.py %h %p {up} {down}\n"
    )
    failed(bare.add("www", "--role", "generic"), "www.kaizen.example", code=69)
    bare.collector.sh("rm /root/.ssh/config")
    if up < 10**9:  # what is cut short on its way does nothing at all
        assert differing(before, bare.trace("www")) == []
    can_be_finished(bare)


def test_a_run_that_breaks_off_half_way_is_finished_by_the_next(bare: BareHosts) -> None:
    www = bare.hosts["www"]
    www.sh("mkdir /etc/cron.d/kaizen-backup")
    stopped = bare.add("www", "--role", "generic")
    failed(stopped, "/etc/cron.d/kaizen-backup is there and is a directory; move it away", "done so far: ")
    assert "file /etc/sudoers.d/kaizen-backup" in stopped.err
    www.sh("rmdir /etc/cron.d/kaizen-backup")
    finished = bare.add("www", "--role", "generic")
    assert finished.code == 0
    assert "+ /etc/cron.d/kaizen-backup" in finished.out
    assert "sudoers" not in finished.out


def test_a_removal_that_breaks_off_is_finished_by_the_next(bare: BareHosts) -> None:
    www = bare.hosts["www"]
    before = bare.trace("www")
    can_be_finished(bare)
    with_lock = www.popen(["flock", "/run/kaizen-backup.lock", "sleep", "infinity"], stdout=None, stderr=None)
    www.sh("until [[ -e /run/kaizen-backup.lock ]] && ! flock -n /run/kaizen-backup.lock true; do sleep 0.05; done")
    try:
        failed(bare.onboard("remove", www.name, "--yes"), "a backup is running on the host", code=75)
    finally:
        with_lock.end()
    www.sh("mount --bind /etc/logrotate.d /etc/logrotate.d && mount -o remount,bind,ro /etc/logrotate.d")
    failed(
        bare.onboard("remove", www.name, "--yes"), "cannot remove /etc/logrotate.d/kaizen-backup", "stays on the list"
    )
    www.sh("umount /etc/logrotate.d")
    assert www.name in bare.onboard("list").out
    assert www.run(["getent", "passwd", "kaizen"], check=False).code == 2
    www.sh("chmod 0755 /backups")  # it is a mount, and stays
    assert bare.onboard("remove", www.name, "--yes").code == 0
    assert differing(before, bare.trace("www")) == []


def test_what_a_power_cut_left_half_written_is_read_by_nobody_and_goes_with_the_rest(bare: BareHosts) -> None:
    www = bare.hosts["www"]
    before = bare.trace("www")
    can_be_finished(bare)
    names = ("logrotate.d/kaizen-backup", "cron.d/kaizen-backup", "sudoers.d/kaizen-backup", "kaizen/node.conf")
    for name in names:
        www.sh('cp "/etc/$1" "/etc/$1.kaizen.rpmnew"', name)
    rotated = www.sh("logrotate -d /etc/logrotate.conf 2>&1").out
    assert "considering log /var/log/kaizen-backup.log" in rotated
    assert "duplicate" not in rotated
    www.run(["visudo", "-c"])
    www.sh("chmod 0755 /backups")  # it is a mount, and stays
    assert bare.onboard("remove", www.name, "--yes").code == 0
    assert differing(before, bare.trace("www")) == []


def test_a_person_is_shown_the_key_and_the_plan_and_is_asked(bare: BareHosts) -> None:
    www = bare.hosts["www"]
    before = bare.trace("www")

    def answer(words: str) -> str:
        command = f"kaizen-onboard {www.name} --role generic"
        return bare.collector.run(["script", "-qec", command, "/dev/null"], input=words, check=False).out

    assert "the host key was not confirmed; nothing was done" in answer("n\n")
    refused = answer("y\nn\n")
    assert fingerprint(www) in refused
    assert refused.index("+ /etc/sudoers.d/kaizen-backup") < refused.index("the plan was not agreed to")
    assert differing(before, bare.trace("www")) == []
    assert "is protected from tonight on" in answer("y\ny\n")


def test_a_host_that_talks_without_end_or_has_a_chatty_shell(bare: BareHosts) -> None:
    www = bare.hosts["www"]
    shell = www.read("/root/.bashrc")
    www.write("/root/.bashrc", "yes\n")
    failed(bare.add("www", "--role", "generic"), "what comes from there is endless", code=65)
    www.write("/root/.bashrc", "echo welcome\necho done\n")
    can_be_finished(bare)
    www.write("/root/.bashrc", shell)


def test_another_host_key(bare: BareHosts) -> None:
    www, other = bare.hosts["www"], bare.hosts["other"]
    before = bare.trace("www")
    wrong = bare.onboard(www.name, "--fingerprint", fingerprint(other))
    failed(wrong, "no host key of it has the fingerprint", fingerprint(www), code=69)
    failed(bare.onboard(www.name), "the host key was not confirmed; nothing was done")
    assert differing(before, bare.trace("www")) == []
    # At the door: what the collector reaches is not what the administrator has logged in to.
    failed(bare.add("www", "--address", other.address), "its host key is not the one", "not on the list yet", code=69)
    can_be_finished(bare)
    # Afterwards: the host was made anew, or somebody else answers.
    www.sh("cp -a /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub /root/; cd /etc/ssh")
    www.sh("rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key")
    restart_sshd(www)
    for command in (["check", www.name], ["upgrade", www.name], [www.name]):
        failed(bare.onboard(*command), "its host key is not the one", code=1 if command[0] == "check" else 69)
    assert bare.add("www").code == 0
    assert bare.onboard("check", www.name).code == 0


def test_sudo_that_refuses_and_a_user_who_is_let_in_by_sudo_through_a_jump_host(bare: BareHosts) -> None:
    """The administrator is root by sudo on the collector; settings, key and known hosts are the administrator's own."""
    www, jump, collector = bare.hosts["www"], bare.hosts["jump"], bare.collector
    for node, name in ((collector, "alice"), (www, "admin"), (jump, "hop")):
        node.sh(f"useradd --create-home --shell /bin/bash {name} && usermod --password '*' {name}")
    collector.sh("""echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice
        install -d -m 0700 -o alice /home/alice/.ssh""")
    collector.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/home/alice/.ssh/id_ed25519"], user="alice")
    key = collector.read("/home/alice/.ssh/id_ed25519.pub")
    let_in(www, key, "admin")
    let_in(jump, key, "hop")
    jump_key = " ".join(jump.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    collector.write("/home/alice/.ssh/known_hosts", f"{jump.name} {jump_key}\n", owner="alice")
    settings = f"Host shop\n  HostName {www.name}\n  User admin\n  ProxyJump hop@{jump.name}\n"
    collector.write("/home/alice/.ssh/config", settings, owner="alice")

    def alice(*arguments: str) -> Result:
        return collector.run(["sudo", "kaizen-onboard", *arguments], user="alice", check=False)

    before = bare.trace("www")
    failed(alice("shop", "--fingerprint", fingerprint(www)), "shop: sudo refuses", "--ssh-user root", code=69)
    assert differing(before, bare.trace("www")) == []
    www.write("/etc/sudoers.d/admin", "admin ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    done = alice("shop", "--fingerprint", fingerprint(www), "--role", "generic")
    assert done.code == 0, done.describe()
    assert alice("check", "shop").out == "shop: as it should be\n"
    jump.sh("mv /home/hop/.ssh /home/hop/away")
    failed(alice("check", "shop"), "shop cannot be reached by ssh", code=69)
    jump.sh("mv /home/hop/away /home/hop/.ssh")
    assert f"address: {www.name}\n" in collector.read("/etc/kaizen/nodes.d/shop.yaml")
    assert alice("remove", "shop", "--yes").code == 0
    failed(collector.run(["kaizen-onboard", "shop"], user="alice", check=False), "this needs root on the collector")


def test_what_is_missing_there_is_named_and_installed_when_told(bare: BareHosts) -> None:
    www = bare.hosts["www"]
    www.sh("mv /usr/bin/zstd /root/zstd")
    www.write("/usr/local/sbin/apt-get", APT_GET, mode=0o755)
    before = bare.trace("www")
    failed(
        bare.add("www", "--path", "/srv/none"), "it lacks zstd, for every run (package zstd)", "/srv/none: there is no"
    )
    assert differing(before, bare.trace("www")) == []
    done = bare.add("www", "--role", "generic", "--install")
    assert done.code == 0, done.describe()
    assert "+ package zstd" in done.out
    assert www.read("/root/apt.log") == "-q update\n-q -y --no-install-recommends install zstd\n"
    www.sh("rm /usr/local/sbin/apt-get /root/apt.log")
