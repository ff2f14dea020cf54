"""How long does `kaizen find` take over many nights of many files, the whole process, beside find(1) in the store?

A node has FILES files; of NIGHTS snapshots, which share what did not change, each has CHANGES files that are another's
(a tenth of them new names, a tenth gone). Measured: the first search, which indexes all; one after one more night;
searches with nothing new, the median of five.
"""

import argparse
import hashlib
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

FIRST = date(2026, 10, 1)
PARTS = ("etc", "var", "lib", "nova", "conf.d", "instances", "cache", "data", "share", "python3")
ENDS = (".conf", ".log", ".py", ".json", ".png", "", ".dat", ".xml")


class Night:
    """Makes snapshots of one node."""

    def __init__(self, node: Path, files: int, seed: int) -> None:
        self._node = node
        self._random = random.Random(seed)
        self._sums = {self._name(number): "" for number in range(files)}
        self._last: Path | None = None
        self._number = 0

    def _name(self, number: int) -> str:
        # Forty files share a directory, some four levels down.
        place = random.Random(number // 40)
        where = "/".join(place.choice(PARTS) for _ in range(4))
        return f"{where}/{number // 40}/file-{number:06}{self._random.choice(ENDS)}"

    def make(self, changes: int) -> None:
        """Make the next snapshot."""
        root = self._node / str(FIRST + timedelta(days=self._number))
        if self._last:
            subprocess.run(["cp", "-al", self._last, root], check=True)
            (root / "SHA256SUMS").unlink()
            chosen = self._random.sample(sorted(self._sums), changes)
            gone, written = chosen[: changes // 10], chosen[changes // 10 :]
            written += [self._name(10**6 + self._number * changes + n) for n in range(changes // 10)]
        else:
            gone, written = [], list(self._sums)
        for name in gone:
            (root / name).unlink()
            del self._sums[name]
        for name in written:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            data = f"{name} of night {self._number}\n".encode()
            path.write_bytes(data)
            self._sums[name] = hashlib.sha256(data).hexdigest()
        (root / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in self._sums.items()))
        self._last = root
        self._number += 1


def main() -> None:
    """Run what is asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000, help="files of each node")
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--changes", type=int, default=2000, help="files that change in a night")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--where", type=Path, help="a directory for the store, instead of a temporary one's")
    asked = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="bench-find.", dir=asked.where))
    try:
        measure(place, asked)
    finally:
        shutil.rmtree(place)


def measure(place: Path, asked: argparse.Namespace) -> None:
    """Make a store, and search it."""
    nodes = []
    for number in range(asked.nodes):
        (place / "store" / f"n{number:03}.example").mkdir(parents=True)
        nodes.append(Night(place / "store" / f"n{number:03}.example", asked.files, number))
    for node in nodes:
        for _ in range(asked.nights - 1):
            node.make(asked.changes)
    config = place / "collector.yaml"
    config.write_text(f"store: {place}/store\nstate: {place}/state\n")
    kaizen = [str(Path(sys.executable).with_name("kaizen")), "--config", str(config)]

    def search(*arguments: str) -> Callable[[], bytes]:
        return lambda: subprocess.run([*kaizen, *arguments], check=True, stdout=subprocess.PIPE).stdout

    what = f"{asked.nodes} x {asked.files} files, {asked.nights} nights, {asked.changes} changes"
    print(f"{what}; {os.cpu_count()} processors")
    print(f"{'':58} {'seconds':>8} {'lines':>8}")
    some = "file-000[0-4]?7.conf"
    show(f"find, nothing indexed: {asked.nights - 1} nights", search("find", some), 1)
    for node in nodes:
        node.make(asked.changes)
    show("find, one night more", search("find", some), 1)
    show("find, a rare name", search("find", some))
    show("find, a whole path", search("find", "/**/etc/**/file-00???7*.log"))
    show("find, any case", search("find", "-i", "FILE-00077*.CONF"))
    show("find --regex", search("find", "--regex", r"/nova/.*file-00[0-9]+7\.conf$"))
    show("find '*.conf': an eighth of all", search("find", "*.conf"))
    show("find '*.conf' --json", search("find", "*.conf", "--json"))
    show("history of one file", search("history", "n000.example", some_path(kaizen)))
    show("kaizen --version, to compare", search("--version"))
    show(
        "find(1) in the store, to compare",
        lambda: subprocess.run(["find", place / "store", "-name", some], check=True, stdout=subprocess.PIPE).stdout,
        1,
    )
    size = sum(path.stat().st_size for path in (place / "state/index").iterdir())
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"index: {size / 2**20:.1f} MiB; the largest process: {memory / 1024:.0f} MiB")


def some_path(kaizen: list[str]) -> str:
    """Return a path that is in the store."""
    found = subprocess.run([*kaizen, "find", "file-00000*"], check=True, capture_output=True, text=True).stdout
    return found.splitlines()[1].split()[1]


def show(what: str, work: Callable[[], bytes], times: int = 5) -> None:
    """Print how long a piece of work takes: the median of so many times."""
    seconds = []
    for _ in range(times):
        began = time.monotonic()
        out = work()
        seconds.append(time.monotonic() - began)
    print(f"{what:58} {statistics.median(seconds):8.2f} {out.count(bytes([10])):8}", flush=True)


if __name__ == "__main__":
    main()
