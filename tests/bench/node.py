"""What does a night of one node cost, with kaizen-backup, rsync alone, rsnapshot, rdiff-backup, borg and restic?

FILES small files and LARGE large ones, on this machine's own disk. The contenders take turns in every step, and every
step has ROUNDS: a first run, into an empty place; "a day's change" (1 % of the files rewritten, one large file changed
in place, 0.5 % deleted); "nothing changed"; one file and the whole tree brought back; a night deleted, the oldest. Wall
time, processor time, the largest process, bytes and inodes added: medians of the rounds. kaizen-backup alone syncs
within its time, and is told another date; its lists, and the caches of borg and restic, are not counted.
Needs root. It fails on nothing: it measures.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from contenders import CONTENDERS, Place, install_missing
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
    parser.add_argument("--on", type=Path, metavar="DIR", help="a file system of its own to measure on")
    asked = parser.parse_args()
    _in_a_namespace()
    install_missing(asked.only)
    with tempfile.TemporaryDirectory(prefix="kaizen-bench-", dir=asked.on or "/var/tmp") as top:
        race = compare(Path(top), asked)
    print("\n" + "; ".join(f"{name}: {version}" for name, version in race.versions.items()))
    costs = race.medians()
    for step, rows in costs.items():
        print_table(f"{step}: {asked.files} files, {asked.large} of {asked.large_mib} MiB", rows)
    if asked.json:
        data = {step: {name: asdict(cost) for name, cost in rows.items()} for step, rows in costs.items()}
        rounds = {
            step: {name: list(map(asdict, costs)) for name, costs in rows.items()} for step, rows in race.costs.items()
        }
        asked.json.write_text(json.dumps({"versions": race.versions, "steps": data, "rounds": rounds}, indent=2) + "\n")


def _in_a_namespace() -> None:
    """Begin anew in a mount namespace of its own: all mounts go with it."""
    if os.environ.get("KAIZEN_BENCH") != "yes":
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        os.execvpe("unshare", command, {**os.environ, "KAIZEN_BENCH": "yes"})


class Race:
    """The contenders, who take turns in every round, and what each step cost them."""

    def __init__(self, top: Path, names: list[str], *, shared: bool) -> None:
        """With `shared`, room is that of the whole file system, which is ours alone and may share blocks."""
        self.source = top / "source" / "srv"
        self.source.mkdir(parents=True)
        self.costs: dict[str, dict[str, list[Cost]]] = {}
        self._top, self._names, self._shared = top, names, shared
        self._starts = self._turns = 0

    def start(self) -> None:
        """Let the contenders begin anew, in an empty place."""
        if self._starts:
            self.leave()
        self._starts += 1
        self.place = Place(self._top / str(self._starts), self.source)
        self.contenders = [CONTENDERS[name](self.place) for name in self._names]
        self.versions = {one.name: one.version for one in self.contenders}

    def leave(self) -> None:
        """Remove what they stored."""
        self.place.leave()
        shutil.rmtree(self.place.top)

    def turn(self, step: str, commands: list[list[Command]], *, adds: bool = True) -> None:
        """Let each run its commands, another one first each time; its writes are on the disk before the next begins."""
        turns = list(zip(self.contenders, commands, strict=True))
        first = self._turns % len(turns)
        self._turns += 1
        for one, todo in turns[first:] + turns[:first]:
            before = used(one.target, shared=self._shared) if adds else (0, 0)
            cost = measured(todo)
            os.sync()
            if adds:
                size, inodes = used(one.target, shared=self._shared)
                cost = cost.with_room(size - before[0], inodes - before[1])
            self.costs.setdefault(step, {}).setdefault(one.name, []).append(cost)

    def medians(self) -> dict[str, dict[str, Cost]]:
        """Return the medians of all rounds, by step and contender."""
        return {step: {name: medians(rows[name]) for name in self._names} for step, rows in self.costs.items()}


def compare(top: Path, asked: argparse.Namespace) -> Race:
    """Return what each step cost each contender."""
    race = Race(top, asked.only, shared=bool(asked.on))
    make_files(race.source, asked.files, asked.large, asked.large_mib)
    try:
        for _ in range(asked.rounds):
            race.start()
            race.turn("first run", [one.run(0) for one in race.contenders])
        _live(race, asked)
    finally:
        race.leave()
    return race


def _live(race: Race, asked: argparse.Namespace) -> None:
    """Let the nights after the first go by, bring back what was saved, and delete nights, the oldest first."""
    for night in range(1, asked.rounds + 1):
        change(race.source, asked.files, asked.large_mib, night)
        race.turn("a day's change", [one.run(night) for one in race.contenders])
    for night in range(asked.rounds + 1, 2 * asked.rounds + 1):
        race.turn("nothing changed", [one.run(night) for one in race.contenders])
    for number in range(asked.rounds):
        name = file_name(7 + number)
        race.turn("one file back", [one.bring_back(night, f"srv/{name}") for one in race.contenders], adds=False)
        _check(race, name)
    for _ in range(asked.rounds):
        race.turn("the whole tree back", [one.bring_back(night, "srv") for one in race.contenders], adds=False)
        _check(race, file_name(0))
    for night in range(asked.rounds):  # after each of these something changed
        race.turn("a night deleted", [one.delete(night) for one in race.contenders])


def _check(race: Race, name: str) -> None:
    """What came back must be what was saved. It is removed."""
    for one in race.contenders:
        if (one.back / "srv" / name).read_bytes() != (race.source / name).read_bytes():
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
