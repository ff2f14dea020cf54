"""How long does a night of the collector take, beside rsnapshot and beside plain rsync over ssh, all nodes at once?

A fleet of NODES hosts, each with FILES files, behind a round trip of 20 ms (delay.py); in one run, each contender in
turn: a first pull, then ROUNDS of "a new snapshot, nothing changed" and ROUNDS of "1 % of the files changed". rsnapshot
and plain rsync log in as root and read the same files straight from the disk; the collector goes through the real door,
in its cage, and checks what it gets.

With --growth N...: that many nodes' names on one host, to see how time and memory grow.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml

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


def compare(fleet: Fleet, asked: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Let the contenders collect the same nodes; return the medians in seconds, by contender."""
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
    contenders: dict[str, Callable[[int], None]] = {
        "kaizen collect": lambda number: kaizen(collector, nodes, number),
        "rsync, all at once": lambda number: plain_rsync(collector, ports, number),
        "rsnapshot": lambda _: rsnapshot(collector, ports),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(2 * asked.rounds + 1):
        for node in nodes:
            if number > asked.rounds:
                change(node, number)
            new_snapshot(node, number)
        for name, collect in contenders.items():
            began = time.monotonic()
            collect(number)
            seconds[name].append(time.monotonic() - began)
    began = time.monotonic()
    collector.run(["kaizen", "collect"])
    nothing_new = time.monotonic() - began
    delay.end()
    what = f"{asked.nodes} nodes of {asked.files} files, {asked.milliseconds:g} ms round trip"
    print(f"{what}, {os.cpu_count()} processors; seconds")
    found = {name: medians(taken, asked.rounds) for name, taken in seconds.items()}
    print(f"{'':20} {'first pull':>12} {'nothing changed':>16} {'a day changed':>14}   medians of {asked.rounds}")
    for name, one in found.items():
        print(f"{name:20} {one['first pull']:12.2f} {one['nothing changed']:16.2f} {one['a day changed']:14.2f}")
    print(f"{'kaizen collect, no new snapshot':33} {nothing_new:15.2f}")
    return found


def medians(seconds: list[float], rounds: int) -> dict[str, float]:
    """Return the first, and the medians of the rounds without and with changes."""
    still, changed = seconds[1 : rounds + 1], seconds[rounds + 1 :]
    names = {"first pull": seconds[:1], "nothing changed": still, "a day changed": changed}
    return {name: statistics.median(taken) for name, taken in names.items()}


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


def kaizen(collector: Node, nodes: list[Node], number: int) -> None:
    """Collect a night."""
    collector.run(["kaizen", "collect"])
    assert all(collector.path(f"/backups/nodes/{node.name}/{day(number)}").exists() for node in nodes)


def plain_rsync(collector: Node, ports: dict[str, int], number: int) -> None:
    """Collect a night as a short script would."""
    lines = [f"mkdir -p /backups/plain/{day(number)}; cd /backups/plain"]
    for name, port in ports.items():
        link = f"--link-dest=/backups/plain/{day(number - 1)}/{name}" if number else ""
        source = f"root@127.0.0.1:{DATA}/"
        lines.append(f"rsync -aHAX --numeric-ids {link} -e '{SSH} -p {port}' {source} {day(number)}/{name}/ &")
    collector.sh("\n".join([*lines, "wait"]))
    assert len(os.listdir(collector.path(f"/backups/plain/{day(number)}"))) == len(ports)


def rsnapshot(collector: Node, ports: dict[str, int]) -> None:
    """Collect a night with rsnapshot, one node after another, which is its way."""
    collector.run(["rsnapshot", "-q", "alpha"])
    assert len(os.listdir(collector.path("/backups/rsnapshot/alpha.0"))) == len(ports)


def growth(numbers: list[int]) -> list[dict[str, float]]:
    """Collect more and more nodes, all behind one door: seconds and the collector's memory, of a first pull."""
    found = []
    print(f"{'nodes':>6} {'seconds':>9} {'a node':>9} {'MiB':>7}")
    with Fleet("growth") as fleet:
        doors = Doors(fleet, 1, jobs=8)
        doors.snapshot("n00.example", str(TODAY), {f"etc/{n}": b"%d\n" % n for n in range(50)})
        for number in numbers:
            doors.list_nodes([f"n00.number{n}.example" for n in range(number)])
            script = "import os, resource, sys\nos.spawnvp(os.P_WAIT, 'kaizen', sys.argv[1:])\n"
            script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
            began = time.monotonic()
            done = doors.collector.run(["python3", "-c", script, "kaizen", "collect"], timeout=3600)
            seconds = time.monotonic() - began
            assert len(os.listdir(doors.collector.path("/backups/nodes"))) == number
            print(f"{number:6} {seconds:9.1f} {seconds / number:9.3f} {int(done.out) / 1024:7.1f}", flush=True)
            found.append({"nodes": number, "seconds": seconds, "memory": int(done.out) * 1024})
            doors.collector.sh("rm -rf /backups/nodes /var/lib/kaizen/history*")
    return found


if __name__ == "__main__":
    main()
