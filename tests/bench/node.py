"""What does a night of one node cost, with kaizen-backup, rsync alone, rsnapshot, rdiff-backup, borg and restic?

FILES small files and LARGE large ones, on this machine's own disk. Each contender in turn makes a first run; then
ROUNDS of "nothing changed" and ROUNDS of "a day's change" (1 % of the files rewritten, one large file changed in place,
0.5 % deleted); then each brings one file and the whole tree back, and deletes a night. Wall time, processor time, the
largest process, bytes and inodes added: medians of the rounds. Needs root. It fails on nothing: it measures.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from contenders import CONTENDERS, Contender, Place, install_missing
from measure import Command, Cost, measured, medians, print_table, used

MIB = 1 << 20
CHANGED, DELETED = 0.01, 0.005
"""The parts of the small files that a day's change rewrites and deletes."""


def main() -> None:
    """Measure, print tables, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--large", type=int, default=5, help="how many large files")
    parser.add_argument("--large-mib", type=int, default=400, help="the size of each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=sorted(CONTENDERS), default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go, for programs")
    parser.add_argument("--on", type=Path, metavar="DIR", help="a directory on the file system to measure on")
    asked = parser.parse_args()
    _in_a_namespace()
    install_missing(asked.only)
    with tempfile.TemporaryDirectory(prefix="kaizen-bench-", dir=asked.on or "/var/tmp") as top:
        place = Place(Path(top))
        try:
            contenders = [CONTENDERS[name](place) for name in asked.only]
            costs = compare(contenders, place, asked)
        finally:
            place.leave()
    for step, rows in costs.items():
        print_table(f"{step}: {asked.files} files, {asked.large} of {asked.large_mib} MiB", rows)
    if asked.json:
        versions = {one.name: one.version for one in contenders}
        data = {step: {name: asdict(cost) for name, cost in rows.items()} for step, rows in costs.items()}
        asked.json.write_text(json.dumps({"versions": versions, "steps": data}, indent=2) + "\n")


def _in_a_namespace() -> None:
    """Begin anew in a mount namespace of its own: all mounts go with it."""
    if os.environ.get("KAIZEN_BENCH") != "yes":
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        os.execvpe("unshare", command, {**os.environ, "KAIZEN_BENCH": "yes"})


class Race:
    """The contenders, who take turns in every round, and what each step cost them."""

    def __init__(self, contenders: list[Contender]) -> None:
        self.contenders = contenders
        self.costs: dict[str, dict[str, list[Cost]]] = {}

    def turn(self, step: str, commands: list[list[Command]], *, adds: bool = True) -> None:
        """Let each run its commands."""
        for one, todo in zip(self.contenders, commands, strict=True):
            before = used(one.target) if adds else (0, 0)
            cost = measured(todo)
            if adds:
                size, inodes = used(one.target)
                cost = cost.with_room(size - before[0], inodes - before[1])
            self.costs.setdefault(step, {}).setdefault(one.name, []).append(cost)

    def medians(self) -> dict[str, dict[str, Cost]]:
        """Return the medians of all rounds, by step and contender."""
        return {step: {name: medians(costs) for name, costs in rows.items()} for step, rows in self.costs.items()}


def compare(contenders: list[Contender], place: Place, asked: argparse.Namespace) -> dict[str, dict[str, Cost]]:
    """Return what each step cost each contender."""
    make_files(place.source, asked.files, asked.large, asked.large_mib)
    race = Race(contenders)
    race.turn("first run", [one.run(0) for one in contenders])
    night = 0
    for _ in range(asked.rounds):
        night += 1
        race.turn("nothing changed", [one.run(night) for one in contenders])
    for number in range(asked.rounds):
        night += 1
        change(place.source, asked.files, asked.large_mib, number)
        race.turn("a day's change", [one.run(night) for one in contenders])
    for number in range(asked.rounds):
        name = file_name(7 + number)
        race.turn("one file back", [one.bring_back(night, f"srv/{name}") for one in contenders], adds=False)
        _check(contenders, place, name)
    race.turn("the whole tree back", [one.bring_back(night, "srv") for one in contenders], adds=False)
    _check(contenders, place, file_name(0))
    race.turn("a night deleted", [one.delete(asked.rounds) for one in contenders])
    return race.medians()


def _check(contenders: list[Contender], place: Place, name: str) -> None:
    """What came back must be what was saved. It is removed."""
    for one in contenders:
        if (one.back / "srv" / name).read_bytes() != (place.source / name).read_bytes():
            sys.exit(f"bench: {one.name} brought something else back: {one.back / 'srv' / name}")
        shutil.rmtree(one.back)


def file_name(number: int) -> str:
    """Return where a small file is in the source."""
    return f"{number // 10000}/{number // 100}/file-{number}"


def make_files(source: Path, files: int, large: int, mib: int) -> None:
    """Make the small files, of 400 sizes up to some kilobytes, and the large ones, of what no program can compress."""
    for number in range(files):
        path = source / file_name(number)
        if number % 100 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d\n" % number * (1 + number % 400))
    for number in range(large):
        with (source / f"large-{number}").open("wb") as file:
            for _ in range(mib):
                file.write(os.urandom(MIB))
    os.sync()


def change(source: Path, files: int, mib: int, round_number: int) -> None:
    """Change what a day changes: other files in every round."""
    start = 1000 + round_number
    for number in range(start, files, round(1 / CHANGED)):
        if (path := source / file_name(number)).exists():
            path.write_bytes(b"changed in round %d\n" % round_number * (1 + number % 400))
    for number in range(start + 50, files, round(1 / DELETED)):
        (source / file_name(number)).unlink(missing_ok=True)
    if (path := source / "large-0").exists():
        with path.open("r+b") as file:
            for megabyte in range(0, mib, 10):
                file.seek(megabyte * MIB)
                file.write(os.urandom(MIB))
    os.sync()


if __name__ == "__main__":
    main()
