"""What the lab promises, a test each. Those that need two plain hosts share a fleet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import Fleet, LabError, Node, services, state

TESTS = Path(__file__).resolve().parents[1]
LAB = TESTS / "lab" / "lab"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet("promises") as made:
        made.add_all(["one.kaizen.example", "two.kaizen.example"])
        yield made


@pytest.fixture
def one(fleet: Fleet) -> Iterator[Node]:
    yield fleet["one"]
    fleet["one"].at = None


@pytest.fixture
def two(fleet: Fleet) -> Node:
    return fleet["two"]


def wait_for(what: str, check: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def interfaces() -> set[str]:
    return {entry.name for entry in Path("/sys/class/net").iterdir()}


def namespaces(pid: int | str) -> set[str]:
    """The namespaces of a process that are not the machine's."""
    found = set()
    for kind in ("net", "mnt", "pid", "uts", "ipc"):
        try:
            here = Path(f"/proc/{pid}/ns/{kind}").readlink()
        except OSError:  # it has just ended
            continue
        if here != Path(f"/proc/self/ns/{kind}").readlink():
            found.add(str(here))
    return found


def living_in(spaces: set[str]) -> list[str]:
    """The processes that are in one of these namespaces."""
    pids = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if namespaces(pid) & spaces]


def let_ssh_in(client: Node, server: Node) -> list[str]:
    """A key for root from one to the other; returns the start of an ssh command."""
    client.sh("test -e /root/.ssh/id_ed25519 || ssh-keygen -qt ed25519 -N '' -f /root/.ssh/id_ed25519")
    server.write("/root/.ssh/authorized_keys", client.read("/root/.ssh/id_ed25519.pub"), 0o600)
    key = server.read("/etc/ssh/ssh_host_ed25519_key.pub")
    client.write("/root/.ssh/known_hosts", f"{server.name} {key}")
    return ["ssh", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes", "-oConnectTimeout=10"]


# -- it leaves nothing behind

OWNER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it
sys.path.insert(0, {tests!r})
from lab import Fleet
with Fleet("owned") as fleet:
    node = fleet.add("one.kaizen.example")
    node.popen(["sh", "-c", "setsid sleep 1000 & sleep 1000"])
    node.sh("setsid sleep 1000 >/dev/null 2>&1 &")
    print(fleet.name, flush=True)
    {then}
"""


@pytest.mark.parametrize(
    ("then", "sent"),
    [
        ("pass", None),
        ("raise RuntimeError('a test failed')", None),
        ("sys.stdin.read()", signal.SIGINT),
        ("sys.stdin.read()", signal.SIGTERM),
        ("sys.stdin.read()", signal.SIGKILL),
    ],
    ids=["end", "failed test", "Ctrl-C", "terminated", "kill -9"],
)
def test_nothing_is_left_however_the_owner_ends(then: str, sent: signal.Signals | None) -> None:
    before = interfaces()
    script = OWNER.format(tests=str(TESTS), then="sys.stdin.readline(); " + then)
    owner = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    name = owner.stdout.readline().strip()
    found = state.load(name)
    spaces = namespaces(found.anchor) | namespaces(found.nodes[0].pid or 0)
    assert len(spaces) == 8, "anchor: net, mnt, pid; node: net, mnt, pid, uts, ipc"
    assert living_in(spaces)
    assert interfaces() == before, "an interface shows in the machine's network namespace"
    assert name not in Path("/proc/self/mountinfo").read_text(), "a mount shows on the machine"

    owner.stdin.write("\n")
    owner.stdin.flush()
    if sent is not None:
        owner.send_signal(sent)
    owner.wait(60)

    wait_for("the end of every process", lambda: not living_in(spaces))
    wait_for("the end of its state", lambda: not (state.ROOT / name).exists())
    assert interfaces() == before
    owner.stdin.close()
    owner.stdout.close()


def test_two_fleets_side_by_side_do_not_see_each_other(fleet: Fleet) -> None:
    with Fleet(fleet.name) as other:
        assert other.name != fleet.name
        stranger = other.add("one.kaizen.example")
        same = fleet["one"]
        assert stranger.address == same.address, "each fleet has the whole network for itself"
        stranger.write("/srv/only-here", "x")
        assert same.run(["test", "-e", "/srv/only-here"], check=False).code == 1
        assert stranger.run(["getent", "hosts", "two"], check=False).code == 2
        assert "10.77.0.2" not in stranger.run(["ip", "neigh"]).out
    assert fleet["one"].run(["true"]).code == 0


KEEPER = """
import sys
sys.path.insert(0, {tests!r})
from lab import Fleet
with Fleet("kept") as fleet:
    fleet.add("one.kaizen.example").write("/srv/x", "still here")
    fleet.keep()
    print(fleet.name)
"""


def test_a_fleet_may_be_kept_beyond_its_owner() -> None:
    script = KEEPER.format(tests=str(TESTS))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    name = done.stdout.strip()
    try:
        taken_over = Fleet.attach(name)
        assert taken_over["one"].read("/srv/x") == "still here"
        taken_over["one"].power_off()
        taken_over["one"].power_on()
        assert Fleet.attach(name)["one"].read("/srv/x") == "still here"
    finally:
        Fleet.attach(name).close()
    with pytest.raises(LabError, match="no fleet"):
        Fleet.attach(name)


# -- a node is a host of its own


def test_a_node_has_no_way_out(one: Node) -> None:
    assert one.run(["ip", "route", "show", "default"]).out == ""
    assert one.run(["ip", "-6", "route", "show", "default"]).out == ""
    names = sorted(entry.name for entry in one.path("/sys/class/net").iterdir())
    assert names == ["eth0", "lo"]
    answer = one.run(["bash", "-c", "echo >/dev/tcp/192.0.2.1/80"], check=False)
    assert "Network is unreachable" in answer.err


def test_every_node_knows_every_node_by_name(fleet: Fleet, one: Node, two: Node) -> None:
    late = fleet.add("late.kaizen.example", address="10.77.0.99")
    for node in (one, two, late):
        hosts = node.run(["getent", "hosts", "late.kaizen.example", "one", "two"]).out
        assert [line.split()[0] for line in hosts.splitlines()] == [
            "10.77.0.99",
            one.address,
            two.address,
        ]
    assert one.run(["hostname"]).out == "one\n"
    assert one.run(["hostname", "-f"]).out == "one.kaizen.example\n"


def test_nothing_of_the_machine_shows(one: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://outside.example/")
    names = {line.partition("=")[0] for line in one.run(["env"]).out.splitlines()}
    assert names == {"PATH", "HOME", "LANG", "USER", "LOGNAME"}
    assert one.run(["ls", "-A", "/home", "/backups", "/tmp"]).out.split() == [
        "/backups:",
        "/home:",
        "/tmp:",
    ]
    assert not {entry.name for entry in Path("/root").iterdir()} & set(one.run(["ls", "-A", "/root"]).out.split()) - {
        ".bashrc",
        ".profile",
        ".ssh",
    }
    keys = one.run(["ls", "/etc/ssh"]).out
    assert "ssh_host_ed25519_key.pub" in keys
    assert "rsa" not in keys
    machine = Path("/etc/ssh/ssh_host_ed25519_key.pub")
    if machine.exists():
        assert one.read(machine) != machine.read_text()
    assert "kaizen" not in one.run(["getent", "passwd"]).out
    processes = one.run(["ps", "-eo", "args="]).out
    assert "anchor" not in processes
    assert "/run/lab/init" in processes


def test_ssh_goes_from_node_to_node_as_a_user_too(one: Node, two: Node) -> None:
    ssh = let_ssh_in(one, two)
    assert one.run([*ssh, two.name, "hostname; id -un"]).out == "two\nroot\n"
    stranger = one.run(
        ["ssh", "-oBatchMode=yes", "-oStrictHostKeyChecking=no", "two", "true"],
        check=False,
        user="nobody",
    )
    assert stranger.code == 255
    assert "Permission denied" in stranger.err


def test_sudo_works_for_an_unprivileged_user(one: Node) -> None:
    one.run(["useradd", "--create-home", "worker"])
    refused = one.run(["sudo", "-n", "id", "-u"], user="worker", check=False)
    assert refused.code == 1
    one.write("/etc/sudoers.d/worker", "worker ALL=(root) NOPASSWD: /usr/bin/id -u\n", 0o440)
    assert one.run(["sudo", "-n", "/usr/bin/id", "-u"], user="worker").out == "0\n"
    assert one.run(["sh", "-c", "id -un; echo $HOME"], user="worker").out == "worker\n/home/worker\n"


def test_backups_is_a_plain_file_system_with_a_size(fleet: Fleet) -> None:
    small = fleet.add("small.kaizen.example", size="8m")
    small.sh("cd /backups; echo x >a; ln a b; setfacl -m u:nobody:r a; setfattr -n user.x -v 1 a")
    assert small.path("/backups/a").stat().st_ino == small.path("/backups/b").stat().st_ino
    assert small.path("/backups/a").stat().st_nlink == 2
    full = small.run(["dd", "if=/dev/zero", "of=/backups/big", "bs=1M", "count=16"], check=False)
    assert full.code == 1
    assert "No space left on device" in full.err


def test_devices_behave(one: Node) -> None:
    assert one.run(["sh", "-c", "echo x >/dev/full"], check=False).code != 0
    script = "head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; echo y | cat /dev/stdin"
    assert one.sh(script + "; cat <(echo z); : >/dev/null").out.split() == ["3", "3", "y", "z"]
    assert "/dev/pts/" in one.run(["script", "-qec", "tty", "/dev/null"]).out


# -- commands and files


def test_results_are_exact_and_failures_say_everything(one: Node) -> None:
    odd = b"\xff\r\n\x00 end"
    assert one.run(["cat"], input=odd).out.encode("utf-8", "surrogateescape") == odd
    assert one.run(["sh", "-c", "exit 7"], check=False).code == 7
    with pytest.raises(LabError) as failure:
        one.sh("echo to-out; echo to-err >&2; false | true; exit 9")
    message = str(failure.value)
    for part in ("one.kaizen.example", "to-out", "to-err", "exit code 1"):
        assert part in message
    with pytest.raises(LabError, match="exit code 127"):
        one.run(["no-such-command"])
    assert one.run(["pwd"], cwd="/etc", env={"A": "b"}).out == "/etc\n"


def test_a_timeout_ends_the_command_and_its_children(one: Node) -> None:
    with pytest.raises(LabError, match=r"longer than 0.3 s(.|\n)*so far"):
        one.run(["bash", "-c", "echo so far; sleep 4321; true"], timeout=0.3)
    wait_for("no sleep is left", lambda: one.run(["pgrep", "-f", "4321"], check=False).code == 1)


def test_signals_reach_a_command_in_the_background(one: Node) -> None:
    script = "trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done"
    started = one.popen(["bash", "-c", script])
    assert started.stdout is not None
    assert started.stdout.readline() == b"ready\n"
    started.terminate()
    started.communicate(timeout=60)
    assert started.returncode == 42
    killed = one.popen(["bash", "-c", "sleep 5432; true"])
    killed.kill()
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert one.run(["pgrep", "-f", "5432"], check=False).code == 1


def test_files_are_written_as_told(one: Node) -> None:
    one.write("/srv/deep/er/f", b"\x00\xff", 0o640, "nobody:nogroup")
    assert one.run(["stat", "-c", "%a %U:%G %s", "/srv/deep/er/f"]).out == "640 nobody:nogroup 2\n"
    assert one.read_bytes("/srv/deep/er/f") == b"\x00\xff"
    assert one.path("/srv/deep/er/f").read_bytes() == b"\x00\xff"
    assert not Path("/srv/deep").exists(), "it went to the machine"


# -- power, cable, clock


def test_power_off_keeps_the_disk_and_nothing_else(fleet: Fleet, one: Node) -> None:
    node = fleet.add("cycled.kaizen.example")
    places = ("/etc", "/srv", "/backups", "/tmp", "/run", "/dev/shm")
    for place in places:
        node.write(f"{place}/mark", "x")
    key = node.read("/etc/ssh/ssh_host_ed25519_key.pub")
    spaces = namespaces(node.pid)
    talk = one.popen(["bash", "-c", "exec 3<>/dev/tcp/cycled/22; cat <&3"])
    assert talk.stdout is not None
    assert talk.stdout.readline().startswith(b"SSH-2.0")
    node.power_off()
    wait_for("the end of every process", lambda: not living_in(spaces), 1)
    assert not node.is_on
    with pytest.raises(LabError, match="is off"):
        node.run(["true"])
    one.run(["ip", "neigh", "flush", "all"])
    dead = one.run(["bash", "-c", "echo >/dev/tcp/cycled/22"], check=False, timeout=120)
    assert "No route to host" in dead.err
    assert talk.poll() is None, "the plug was pulled, so nobody said goodbye"
    talk.end()
    talk.communicate()
    node.power_on()
    left = [place for place in places if node.run(["test", "-e", f"{place}/mark"], check=False).code == 0]
    assert left == ["/etc", "/srv", "/backups"]
    assert node.read("/etc/ssh/ssh_host_ed25519_key.pub") == key
    banner = one.run(["bash", "-c", "exec 3<>/dev/tcp/cycled/22; head -1 <&3"], timeout=120)
    assert banner.out.startswith("SSH-2.0")


def test_a_cut_cable_is_silent_and_can_be_mended(one: Node, two: Node) -> None:
    ssh = let_ssh_in(one, two)
    talk = one.popen([*ssh, two.name, "while sleep 0.05; do echo tick; done"])
    assert talk.stdout is not None
    assert talk.stdout.readline() == b"tick\n"
    two.cut()
    time.sleep(0.3)
    os.set_blocking(talk.stdout.fileno(), False)
    talk.stdout.read()
    time.sleep(0.5)
    assert not talk.stdout.read()
    assert talk.poll() is None, "the other side was told"
    two.mend()
    wait_for("talking goes on", lambda: bool(talk.stdout and talk.stdout.read()), 15)
    talk.end()
    talk.communicate()


def test_the_clock_of_one_node_moves_alone(one: Node, two: Node) -> None:
    one.at = "2031-02-03 04:05:06"
    script = "date '+%F %T'; printf '%(%F %T)T\\n' -1; bash -c 'date \"+%F %T\"'; python3 -c '{}'"
    python = 'import datetime; print(datetime.datetime.now().strftime("%F %T"))'
    seen = one.sh(script.format(python)).out.splitlines()
    assert [line[:18] for line in seen] == ["2031-02-03 04:05:0"] * 4
    time.sleep(1.1)
    assert one.run(["date", "+%T"]).out > "04:05:06\n", "it ticks"
    assert one.run(["date", "+%F"], at="1999-12-31 23:00").out == "1999-12-31\n"
    year = time.strftime("%Y\n", time.gmtime())
    assert two.run(["date", "+%Y"]).out == year
    assert str(one.at).startswith("2031-02-03 04:05:")
    one.at = None
    assert one.run(["date", "+%Y"]).out == year


def test_file_times_are_real_and_what_is_set_stays(one: Node) -> None:
    script = "echo x >w; touch -d '2001-02-03 04:05:06' old; cp -p old copy; rsync -a old synced;"
    names = ("w", "old", "copy", "synced")
    one.sh(f"cd /srv; {script}", at="2031-02-03")
    years = {name: time.gmtime(one.path(f"/srv/{name}").stat().st_mtime).tm_year for name in names}
    assert years == {"w": time.gmtime().tm_year, "old": 2001, "copy": 2001, "synced": 2001}
    assert one.run(["stat", "-c", "%y", "/srv/old"], at="2031-02-03").out.startswith("2001-02-03")


def test_a_moved_clock_works_for_a_user_and_survives_a_kill(one: Node) -> None:
    one.at = "2031-02-03 04:05:06"
    killed = one.popen(["bash", "-c", "echo; while :; do date; done"])
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.kill()
    killed.communicate(timeout=60)
    assert one.run(["date", "+%F"], user="nobody").out == "2031-02-03\n"
    assert one.sh("printf '%(%F)T' -1", user="nobody").out == "2031-02-03"


# -- the software that the project stands on


CONFINED = """
exec bwrap --unshare-pid --unshare-net --unshare-ipc --unshare-uts --die-with-parent --new-session \\
    --clearenv --setenv PATH /usr/bin --ro-bind /usr /usr --symlink usr/bin /bin \\
    --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev \\
    --ro-bind /etc/passwd /etc/passwd --bind /backups/nodes/two /store --ro-bind /run/master /m \\
    --cap-drop ALL --cap-add CAP_CHOWN --cap-add CAP_FOWNER --cap-add CAP_DAC_OVERRIDE \\
    --cap-add CAP_FSETID --cap-add CAP_SETFCAP "$@"
"""


def test_bwrap_as_root_receives_by_rsync(one: Node, two: Node) -> None:
    ssh = let_ssh_in(one, two)
    two.sh("mkdir -p /srv/data; cd /srv/data; echo x >a; ln a b; chown 1234:1234 a")
    one.run(["mkdir", "-p", "/backups/nodes/two"])
    master = ["-fN", "-M", "-S", "/run/master", two.name]
    one.sh('"$@" </dev/null >/dev/null 2>&1', *ssh, *master)
    remote = "ssh -o ControlPath=/m -o ControlMaster=no -o BatchMode=yes"
    rsync = ["rsync", "-aHAX", "--no-D", "--numeric-ids", "-e", remote]
    one.sh(CONFINED, *rsync, "--", f"{two.name}:/srv/data/", "/store/new/")
    got = one.path("/backups/nodes/two/new/a").stat()
    assert (got.st_uid, got.st_nlink) == (1234, 2)
    one.run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"])
    one.run([*ssh, "-S", "/run/master", "-O", "exit", two.name])


def test_puppet_apply_sees_the_module_and_hiera(one: Node) -> None:
    manifest = """
      file { '/srv/where': content => module_directory('quickstack') }
      file { '/srv/who': content => "${facts['networking']['fqdn']} ${lookup('greeting')}" }
      notice($trusted['certname'])
    """
    data = {"greeting": "grüß dich"}
    assert one.puppet_apply(manifest, data, noop=True).code == 0
    first = one.puppet_apply(manifest, data)
    assert first.code == 2
    assert "one.kaizen.example" in first.out
    module = "/etc/puppet/code/environments/production/modules/quickstack"
    assert one.read("/srv/where") == module
    assert one.read("/srv/who") == "one.kaizen.example grüß dich"
    assert one.puppet_apply(manifest).code == 0, "a second run changes nothing"
    assert one.run(["touch", f"{module}/x"], check=False).err.endswith("Read-only file system\n")


def test_puppet_apply_raises_when_something_failed(two: Node) -> None:
    with pytest.raises(LabError, match="exit code 4"):
        two.puppet_apply("exec { '/bin/false': }")
    with pytest.raises(LabError, match="exit code 1"):
        two.puppet_apply("include no_such_class")


def test_facts_are_the_nodes_own(one: Node) -> None:
    facts = one.facts()
    assert facts["networking"]["fqdn"] == "one.kaizen.example"
    assert facts["networking"]["ip"] == one.address
    assert facts["ssh"]["ed25519"]["key"] in one.read("/etc/ssh/ssh_host_ed25519_key.pub")


def test_cron_runs_a_job_on_the_nodes_clock(fleet: Fleet) -> None:
    node = fleet.add("cron.kaizen.example")
    job = "9 7 * * * root date '+\\%F \\%T' >/srv/ran.new; mv /srv/ran.new /srv/ran\n"
    node.write("/etc/cron.d/job", job)
    node.at = "2031-05-06 07:08:58"
    services.restart_cron(node)
    wait_for("the job has run", node.path("/srv/ran").exists, 8)
    assert node.read("/srv/ran").startswith("2031-05-06 07:09:0")
    node.at = None
    services.restart_cron(node)
    assert "FAKETIME" not in node.read("/etc/environment")


def test_mariadb_answers_and_keeps_its_data(fleet: Fleet) -> None:
    node = fleet.add("sql.kaizen.example")
    services.start_mariadb(node)
    node.run(["mariadb"], input="CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (7)")
    services.stop_mariadb(node)
    assert node.run(["mariadb", "-e", "SELECT 1"], check=False).code == 1
    node.power_off()
    node.power_on()
    services.start_mariadb(node)
    assert node.run(["mariadb", "-BNe", "SELECT a FROM d.t"]).out == "7\n"
    assert "2.0G" in node.run(["df", "-h", "/"]).out


def test_nginx_serves(one: Node, two: Node) -> None:
    two.write("/var/www/html/x", "served")
    services.start_nginx(two)
    fetch = "exec 3<>/dev/tcp/two/80; printf 'GET /x HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    assert one.sh(fetch).out.endswith("served")


def test_pip_looks_in_the_wheelhouse_alone(tmp_path: Path) -> None:
    (tmp_path / "mark").touch()
    with Fleet("wheels", wheelhouse=tmp_path) as fleet:
        node = fleet.add("one.kaizen.example")
        assert node.path("/run/lab/wheelhouse/mark").exists()
        assert node.run(["touch", "/run/lab/wheelhouse/x"], check=False).code == 1
        told = node.run(["/usr/bin/python3", "-m", "pip", "config", "list"]).out.splitlines()
        assert sorted(told) == ["global.find-links='/run/lab/wheelhouse'", "global.no-index='true'"]


# -- the command


def lab(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(LAB), *words], input=stdin, capture_output=True, text=True, check=False, cwd="/")


def test_the_command_brings_a_fleet_up_and_down() -> None:
    name = f"cli-{os.getpid()}"
    try:
        up = lab("up", name, "one.kaizen.example", "two.kaizen.example")
        assert up.returncode == 0
        assert f"lab shell {name} one.kaizen.example" in up.stdout
        assert lab("up", name, "x").returncode == 1
        assert f"{name} (kept)" in lab("list").stdout
        done = lab("exec", name, "one", "--", "sh", "-c", "cat; exit 7", stdin="through")
        assert (done.returncode, done.stdout) == (7, "through")
        dated = lab("exec", name, "two", "--at", "2031-02-03 04:05:06", "--", "date", "+%F")
        assert dated.stdout == "2031-02-03\n"
        shell = subprocess.run(
            ["script", "-qec", f"{LAB} shell {name} one", "/dev/null"],
            input="hostname -f\nexit 3\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert shell.returncode == 3
        assert "[one.kaizen.example]" in shell.stdout
    finally:
        down = lab("down", name)
    assert down.returncode == 0
    assert lab("down", name).returncode == 1
    assert not (state.ROOT / name).exists()


def test_the_command_looks_into_a_fleet_that_a_test_owns(fleet: Fleet) -> None:
    assert f"{fleet.name} (ends with process {os.getpid()})" in lab("list").stdout
    assert lab("exec", fleet.name, "one", "--", "hostname").stdout == "one\n"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "usage"),
        (["exec", "nowhere", "one"], 2, "a command must follow"),
        (["exec", "nowhere", "one", "--", "true"], 1, "no fleet 'nowhere' is up"),
        (["down", "nowhere"], 1, "no fleet 'nowhere' is up"),
        (["up", "Bad/Name", "one"], 1, "is not a fleet name"),
        (["up", "badnode", "-oProxyCommand=x"], 2, "usage"),
        (["up", "badnode", "no_such_name"], 1, "is not a host name"),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], code: int, says: str) -> None:
    done = lab(*words)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr


def test_the_command_says_that_it_needs_root() -> None:
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "/usr/bin/python3", str(LAB), "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "root" in done.stderr
