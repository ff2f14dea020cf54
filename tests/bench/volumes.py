"""What does a night of one Ceph volume cost: exported whole, exported by differences, or whole through restic?

A real monitor and OSD on loopback (tests/lab/rgw.sh), and one volume of SIZE MiB that is half full. Then ROUNDS of a
day's change (1 % of what is in it, in pieces of 64 KiB, anywhere), after each of which the contenders take turns. At
the end each brings the volume back, and what came back is compared. Wall time, processor time, the largest process,
bytes added: medians of the rounds. Needs root. It fails on nothing: it measures.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from measure import Command, Cost, measured, medians, print_table, used

_REPO = Path(__file__).parents[2]
MIB = 1 << 20
VOLUME, BACK = "volumes/one", "volumes/back"
WRITE = """
import os, random, sys, rados, rbd
pool, name, pieces, where = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
with rados.Rados(conffile=os.environ["CEPH_CONF"]) as cluster, cluster.open_ioctx(pool) as io:
    with rbd.Image(io, name) as image:
        for number in range(pieces):
            at = random.randrange(image.size() >> 17) if where == "anywhere" else number
            image.write(os.urandom(1 << 16), at << 16)
"""
"""Writes pieces of 64 KiB that no program can compress into the first half of a volume; for the system's own Python."""


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, metavar="MIB", help="of the volume, twice of what is in it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go, for programs")
    asked = parser.parse_args()
    _in_a_namespace()
    packages = ["ceph-mon", "ceph-osd", "ceph-common", "radosgw", "python3-rbd", "restic", "time"]
    subprocess.run([_REPO / "tests/tools/packages", *packages], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="kaizen-bench-", dir="/var/tmp") as top:
        costs = compare(Path(top), asked.size, asked.rounds)
    print(f"\n{_says('rbd', '--version')}; {_says('restic', 'version')}")
    for step, rows in costs.items():
        print_table(f"{step}: a volume of {asked.size} MiB, half full", rows)
    if asked.json:
        data = {step: {name: asdict(cost) for name, cost in rows.items()} for step, rows in costs.items()}
        asked.json.write_text(json.dumps({"steps": data}, indent=2) + "\n")


def _in_a_namespace() -> None:
    """Begin anew where Ceph's ports and processes are our own: they end with us."""
    if os.environ.get("KAIZEN_BENCH") != "yes":
        inside = 'ip link set lo up && exec "$@"'
        unshare = [
            "unshare",
            "--net",
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        command = [*unshare, "bash", "-c", inside, "bash", sys.executable, *sys.argv]
        os.execvpe("unshare", command, {**os.environ, "KAIZEN_BENCH": "yes"})


def _says(*command: str) -> str:
    return subprocess.check_output(command, text=True).splitlines()[0].strip()


class Volume:
    """The volume, and a directory for each contender."""

    def __init__(self, top: Path, size: int) -> None:
        self.top = top
        with (_REPO / "tests/lab/rgw.sh").open("rb") as script, (top / "ceph.log").open("wb") as log:
            subprocess.run(["bash", "-s", top / "ceph", "7480"], stdin=script, stdout=log, stderr=log, check=True)
        os.environ["CEPH_CONF"] = str(top / "ceph" / "ceph.conf")
        _quiet("ceph", "osd", "pool", "create", "volumes", "8")
        for rest in ("osd_snap_trim_sleep", "osd_delete_sleep"):  # what is removed here must not delay what comes next
            _quiet("ceph", "config", "set", "osd", rest, "0.000001")
        _quiet("rbd", "create", "--size", str(size), VOLUME)
        self._pieces = size * MIB >> 17
        self._write(self._pieces, "one after the other")
        self.restic = {"RESTIC_REPOSITORY": str(self.of("rbd export to restic") / "repository"), "RESTIC_PASSWORD": "x"}
        self.restic["RESTIC_CACHE_DIR"] = str(top / "restic-cache")
        for name in CONTENDERS:
            self.of(name).mkdir()
        _quiet("restic", "init", "--repository-version", "2", env=self.restic)

    def of(self, name: str) -> Path:
        """Return where a contender stores."""
        return self.top / name.replace(" ", "-")

    def change(self) -> None:
        """Let a day go by."""
        self._write(self._pieces // 100, "anywhere")

    def read(self) -> None:
        """Read it whole: nobody is the first to."""
        digest(VOLUME)

    def _write(self, pieces: int, where: str) -> None:
        _quiet("/usr/bin/python3", "-c", WRITE, *VOLUME.split("/"), str(pieces), where)


def digest(volume: str) -> str:
    """Return the hash of what is in a volume now."""
    digest = hashlib.sha256()
    with subprocess.Popen(["rbd", "export", "--no-progress", volume, "-"], stdout=subprocess.PIPE) as export:
        assert export.stdout
        while piece := export.stdout.read(MIB):
            digest.update(piece)
    return digest.hexdigest()


def _quiet(*command: str, env: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **(env or {})})


def _piped(script: str, *arguments: str | Path, env: dict[str, str] | None = None) -> list[Command]:
    return [Command(["bash", "-euo", "pipefail", "-c", script, "bash", *arguments], None, env or {})]


def _export(volume: Volume, night: int) -> list[Command]:
    target = volume.of("rbd export") / str(night)
    return [Command(["rbd", "export", "--no-progress", f"{VOLUME}@{night}", target])]


def _export_diff(volume: Volume, night: int) -> list[Command]:
    since = ["--from-snap", str(night - 1)] if night else []
    target = volume.of("rbd export-diff") / str(night)
    return [Command(["rbd", "export-diff", "--no-progress", *since, f"{VOLUME}@{night}", target])]


def _to_restic(volume: Volume, night: int) -> list[Command]:
    script = 'rbd export --no-progress "$1" - | restic backup -q --stdin --stdin-filename volume'
    return _piped(script, f"{VOLUME}@{night}", env=volume.restic)


def _import(volume: Volume, night: int, target: str) -> list[Command]:
    return [Command(["rbd", "import", "--no-progress", volume.of("rbd export") / str(night), target])]


def _import_diffs(volume: Volume, night: int, target: str) -> list[Command]:
    diffs = [volume.of("rbd export-diff") / str(number) for number in range(night + 1)]
    create = Command(["rbd", "create", "--size", "1", target])
    return [create, *(Command(["rbd", "import-diff", "--no-progress", diff, target]) for diff in diffs)]


def _from_restic(volume: Volume, _: int, target: str) -> list[Command]:
    script = 'restic restore -q latest --target "$1" && rbd import --no-progress "$1/volume" "$2"'
    return _piped(script, volume.top / "restored", target, env=volume.restic)


CONTENDERS: dict[str, tuple[Callable[[Volume, int], list[Command]], Callable[[Volume, int, str], list[Command]]]] = {
    "rbd export": (_export, _import),
    "rbd export-diff": (_export_diff, _import_diffs),
    "rbd export to restic": (_to_restic, _from_restic),
}


def compare(top: Path, size: int, rounds: int) -> dict[str, dict[str, Cost]]:
    """Return what each step cost each contender."""
    volume = Volume(top, size)
    costs: dict[str, dict[str, list[Cost]]] = {"first": {}, "a day's change": {}, "back": {}}
    for night in range(rounds + 1):
        if night:
            volume.change()
        _quiet("rbd", "snap", "create", "--no-progress", f"{VOLUME}@{night}")
        volume.read()
        for name, (save, _) in CONTENDERS.items():
            before, _ = used(volume.of(name))
            cost = measured(save(volume, night))
            after, _ = used(volume.of(name))
            step = "a day's change" if night else "first"
            costs[step].setdefault(name, []).append(replace(cost, added_bytes=after - before))
    is_there = digest(VOLUME)
    for _ in range(rounds):
        for name, (_, bring_back) in CONTENDERS.items():
            cost = _brought_back(bring_back(volume, rounds, BACK), is_there)
            costs["back"].setdefault(name, []).append(cost)
    return {step: {name: medians(found) for name, found in rows.items()} for step, rows in costs.items()}


def _brought_back(commands: list[Command], is_there: str) -> Cost:
    """Return what it cost to bring the volume back, which must be what is there. It is removed."""
    cost = measured(commands)
    if digest(BACK) != is_there:
        sys.exit(f"bench: something else came back: {commands}")
    _quiet("rbd", "snap", "purge", "--no-progress", BACK)
    _quiet("rbd", "rm", "--no-progress", BACK)
    return cost


if __name__ == "__main__":
    main()
