"""How long does a night of the collector take, beside rsnapshot and beside plain rsync over ssh, all nodes at once?

A fleet of NODES hosts, each with FILES files, behind a round trip of 20 ms (delay.py); in one run, the contenders in
turn, another one first each time: a first pull, then ROUNDS of "a new snapshot, nothing changed" and ROUNDS of "1 % of
the files changed". rsnapshot and plain rsync log in as root and read the same files straight from the disk; the
collector goes through the real door, in its cage, and checks what it gets. Processor time and memory are those of the
collecting side; below 12 MB it is this program's own process that is the largest.

With --growth N...: that many nodes, all doors of one host, to see how time and memory grow.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml
from measure import Command, Cost, measured, medians, print_table

from doors import KAIZEN, Doors, write_sums
from lab import Fleet, Node

TODAY = datetime.now().astimezone().date()
DATA = "/backups/.data"
GOLDEN = Path(__file__).parents[1] / "golden"
DAEMON = "/usr/bin/rsync --server --daemon --config=/etc/kaizen/rsyncd.conf ."
SSH = "ssh -F /dev/null -i /etc/kaizen/ssh/id_ed25519 -o BatchMode=yes -o UserKnownHostsFile=/etc/kaizen/known"
RSNAPSHOT = """\
config_version\t1.2
snapshot_root\t/backups/rsnapshot/
cmd_cp\t/usr/bin/cp
cmd_rm\t/usr/bin/rm
cmd_rsync\t/usr/bin/rsync
cmd_ssh\t/usr/bin/ssh
retain\talpha\t6
rsync_short_args\t-aHAX
rsync_long_args\t--numeric-ids --delete
lockfile\t/run/rsnapshot.pid
"""
# bubblewrap ends before its own init has; what that used is nobody's then, unless somebody waits for such.
_ALL = """
import ctypes, os, resource, sys
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
code = os.waitstatus_to_exitcode(os.waitpid(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)[1])
try:
    while True:
        os.wait()
except ChildProcessError:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_utime + usage.ru_stime))
sys.exit(code)
"""


def main() -> None:
    """Run what is asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--files", type=int, default=2000, help="files of each node")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--milliseconds", type=float, default=20, help="the round trip")
    parser.add_argument("--growth", type=int, nargs="+", metavar="N", help="numbers of nodes to collect from one host")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go, for programs")
    asked = parser.parse_args()
    if asked.growth:
        save(asked.json, growth(asked.growth))
        return
    if not shutil.which("rsnapshot"):
        sys.exit("bench: rsnapshot is missing: apt-get install rsnapshot")
    with Fleet("bench") as fleet:
        save(asked.json, compare(fleet, asked))


def save(file: Path | None, figures: object) -> None:
    """Write figures as JSON, if asked."""
    if file:
        file.write_text(json.dumps(figures, indent=2) + "\n")


def compare(fleet: Fleet, asked: argparse.Namespace) -> dict[str, object]:
    """Let the contenders collect the same nodes; return what each step cost each, and their versions."""
    names = [f"n{number:02}.example" for number in range(asked.nodes)]
    collector, *nodes = fleet.add_all(["backup.example", *names], size="4g")
    collector.write("/usr/local/bin/kaizen", KAIZEN, mode=0o755)
    collector.sh("mkdir -p -m 0700 /etc/kaizen/ssh; ssh-keygen -q -t ed25519 -N '' -f /etc/kaizen/ssh/id_ed25519")
    for node in nodes:
        furnish(node, collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip(), asked.files)
    ports = {node.name: 2200 + number for number, node in enumerate(nodes)}
    list_nodes(collector, nodes, ports)
    cable = [f"{ports[node.name]}={node.address}:22" for node in nodes]
    delay = collector.popen(
        ["python3", "-c", (Path(__file__).with_name("delay.py")).read_text(), str(asked.milliseconds), *cable]
    )
    assert delay.stdout
    assert delay.stdout.readline() == b"ready\n"
    contenders: dict[str, Callable[[int], Cost]] = {
        "kaizen collect": lambda number: kaizen(collector, nodes, number),
        "rsync, all at once": lambda number: plain_rsync(collector, ports, number),
        "rsnapshot": lambda _: rsnapshot(collector, ports),
    }
    costs: dict[str, dict[str, list[Cost]]] = {}
    for number in range(2 * asked.rounds + 1):
        for node in nodes:
            if number > asked.rounds:
                change(node, number)
            new_snapshot(node, number)
        step = "first pull" if not number else "nothing changed" if number <= asked.rounds else "a day's change"
        turns = list(contenders.items())
        for name, collect in turns[number % 3 :] + turns[: number % 3]:
            costs.setdefault(step, {}).setdefault(name, []).append(collect(number))
            os.sync()
    costs["no new snapshot"] = {
        "kaizen collect": [cost_of(collector, ["kaizen", "collect"]) for _ in range(asked.rounds)]
    }
    delay.end()
    found = {step: {name: medians(rows[name]) for name in contenders if name in rows} for step, rows in costs.items()}
    tried = [["rsync", "--version"], ["rsnapshot"], ["ssh", "-V"]]
    versions = [first_line(command) for command in tried]
    print("; ".join([collector.run(["kaizen", "--version"]).out.strip(), *versions, f"{os.cpu_count()} processors"]))
    for step, rows in found.items():
        print_table(f"{step}: {asked.nodes} nodes of {asked.files} files, {asked.milliseconds:g} ms round trip", rows)
    return {
        "versions": versions,
        "steps": {step: {name: asdict(cost) for name, cost in rows.items()} for step, rows in found.items()},
    }


def first_line(command: list[str]) -> str:
    """Return the first line that a program says."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return (ended.stdout or ended.stderr).splitlines()[0]


def cost_of(node: Node, command: list[str]) -> Cost:
    """Run a command on a node, and return what it cost, with the processor time of all that it started."""
    with tempfile.NamedTemporaryFile("r", dir=node.path("/run")) as figure:
        inside = f"/run/{Path(figure.name).name}"
        cost = measured([Command(node.command(["python3", "-c", _ALL, inside, *command]))])
        return replace(cost, cpu=float(figure.read()))


def day(number: int) -> str:
    """Return a round's snapshot: all are of today, since a moved clock would slow one contender down."""
    return f"{TODAY}.{number + 1}" if number else str(TODAY)


def furnish(node: Node, key: str, files: int) -> None:
    """Give a node its files and a door as Puppet makes it; root may log in for the others."""
    node.write("/etc/kaizen/rsyncd.conf", (GOLDEN / "rsyncd.conf").read_text())
    node.write("/etc/sudoers.d/kaizen", f"kaizen ALL=(root) NOPASSWD: {DAEMON}\n", mode=0o440)
    node.write("/var/lib/kaizen/.ssh/authorized_keys", f'restrict,command="sudo -n {DAEMON}" {key}\n')
    node.write("/root/.ssh/authorized_keys", f"{key}\n", mode=0o600)
    node.sh("useradd -M -d /var/lib/kaizen -s /bin/sh kaizen; usermod -p x kaizen; chmod 0700 /backups")
    root = node.path(DATA)
    for number in range(files):
        path = root / f"srv/{number // 100}/{number}"
        if number % 100 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(64) * (1 + number % 120))
    (root / "backup.info").write_text("status = complete\n")
    write_sums(root)


def new_snapshot(node: Node, number: int) -> None:
    """Publish a snapshot that is linked to the one before it; the others read the same files under one name."""
    node.run(["cp", "-al", DATA, f"/backups/{day(number)}"])


def change(node: Node, number: int) -> None:
    """Write 1 % of the files anew, others in every round; the snapshots that are there keep theirs."""
    root = node.path(DATA)
    for path in sorted(root.glob("srv/*/*"), key=lambda path: int(path.name))[number % 100 :: 100]:
        path.unlink()
        path.write_bytes(os.urandom(64) * (1 + number % 120))
    (root / "SHA256SUMS").unlink()
    write_sums(root)


def list_nodes(collector: Node, nodes: list[Node], ports: dict[str, int]) -> None:
    """Write the node list, the settings, and a known_hosts and an rsnapshot.conf for the others."""
    known, points = "", ""
    for node in nodes:
        key = " ".join(node.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        stated = {"address": "127.0.0.1", "port": ports[node.name], "host_keys": [key]}
        collector.write(f"/etc/kaizen/nodes.d/{node.name}.yaml", yaml.safe_dump(stated))
        known += f"[127.0.0.1]:{ports[node.name]} {key}\n"
        points += f"backup\troot@127.0.0.1:{DATA}/\t{node.name}/\tssh_args=-F /dev/null -i /etc/kaizen/ssh/id_ed25519"
        points += f" -o BatchMode=yes -o UserKnownHostsFile=/etc/kaizen/known -p {ports[node.name]}\n"
    collector.write("/etc/kaizen/known", known)
    collector.write("/etc/rsnapshot.conf", RSNAPSHOT + points)
    collector.write("/etc/kaizen/collector.yaml", yaml.safe_dump({"store": "/backups/nodes", "jobs": len(nodes)}))


def kaizen(collector: Node, nodes: list[Node], number: int) -> Cost:
    """Collect a night."""
    cost = cost_of(collector, ["kaizen", "collect"])
    assert all(collector.path(f"/backups/nodes/{node.name}/{day(number)}").exists() for node in nodes)
    return cost


def plain_rsync(collector: Node, ports: dict[str, int], number: int) -> Cost:
    """Collect a night as a short script would."""
    lines = [f"mkdir -p /backups/plain/{day(number)}; cd /backups/plain"]
    for name, port in ports.items():
        link = f"--link-dest=/backups/plain/{day(number - 1)}/{name}" if number else ""
        source = f"root@127.0.0.1:{DATA}/"
        lines.append(f"rsync -aHAX --numeric-ids {link} -e '{SSH} -p {port}' {source} {day(number)}/{name}/ &")
    cost = cost_of(collector, ["bash", "-ec", "\n".join([*lines, "wait"])])
    assert len(os.listdir(collector.path(f"/backups/plain/{day(number)}"))) == len(ports)
    return cost


def rsnapshot(collector: Node, ports: dict[str, int]) -> Cost:
    """Collect a night with rsnapshot, one node after another, which is its way."""
    cost = cost_of(collector, ["rsnapshot", "-q", "alpha"])
    assert len(os.listdir(collector.path("/backups/rsnapshot/alpha.0"))) == len(ports)
    return cost


def growth(numbers: list[int]) -> list[dict[str, object]]:
    """Collect more and more nodes, all behind doors of one host: what a first pull costs the collector."""
    found: dict[str, Cost] = {}
    with Fleet("growth") as fleet:
        doors = Doors(fleet, 1, jobs=8)
        doors.snapshot("n00.example", str(TODAY), {f"etc/{n}": b"%d\n" % n for n in range(50)})
        stated = open_doors(doors, max(numbers))
        for number in numbers:
            for name in list(stated)[:number]:
                doors.collector.write(f"/etc/kaizen/nodes.d/{name}.yaml", yaml.safe_dump(stated[name]))
            found[f"{number} nodes"] = cost_of(doors.collector, ["kaizen", "collect"])
            assert len(os.listdir(doors.collector.path("/backups/nodes"))) == number
            doors.collector.sh("rm -rf /backups/nodes /var/lib/kaizen/history*")
    print_table("first pull of 50 files a node, 8 at once", found)
    return [{"nodes": number, **asdict(cost)} for number, cost in zip(numbers, found.values(), strict=True)]


def open_doors(doors: Doors, number: int) -> dict[str, dict[str, object]]:
    """Start that many sshd on the one host, each with a port and a key of its own, and return what a node list says."""
    host = doors.host
    host.sh(
        """mkdir /etc/ssh/many
        for ((port = 10000; port < 10000 + $1; port++)); do
            ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/many/$port
            /usr/sbin/sshd -p $port -h /etc/ssh/many/$port -o PidFile=none </dev/null >/dev/null 2>&1
        done""",
        str(number),
    )
    doors.collector.sh("rm -f /etc/kaizen/nodes.d/*")
    stated: dict[str, dict[str, object]] = {}
    for port in range(10000, 10000 + number):
        key = " ".join(host.read(f"/etc/ssh/many/{port}.pub").split()[:2])
        stated[f"n00.number{port}.example"] = {
            "address": host.address,
            "user": "n00",
            "port": port,
            "host_keys": [key],
        }
    return stated


if __name__ == "__main__":
    main()
