"""What does it cost to encrypt a dump, beside compressing it?

A dump of MIB MiB that looks like SQL, and three ways to store it in turn, ROUNDS times: as it is, compressed as the
agent does, and that encrypted with age. Wall time, processor time, bytes: medians of the rounds. It fails on nothing.
"""

import argparse
import json
import random
import subprocess
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from measure import Command, Cost, measured, medians, print_table

_REPO = Path(__file__).parents[2]
COMPRESS = "zstd -q -T0 --rsyncable -c"
"""The agent's own."""


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go, for programs")
    asked = parser.parse_args()
    subprocess.run([_REPO / "tests/tools/packages", "zstd", "age", "time"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="kaizen-bench-", dir="/var/tmp") as top:
        rows = compare(Path(top), asked.mib, asked.rounds)
    print_table(f"a dump of {asked.mib} MiB", rows)
    if asked.json:
        asked.json.write_text(json.dumps({name: asdict(cost) for name, cost in rows.items()}, indent=2) + "\n")


def compare(top: Path, mib: int, rounds: int) -> dict[str, Cost]:
    """Return what each way costs."""
    make_dump(top / "dump", mib)
    subprocess.run(["age-keygen", "-o", top / "key"], check=True, capture_output=True)
    recipient = subprocess.check_output(["age-keygen", "-y", top / "key"], text=True).strip()
    ways = {
        "as it is": "cat",
        "compressed": COMPRESS,
        "compressed and encrypted": f"{COMPRESS} | age -r {recipient}",
    }
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, pipe in ways.items():
            cost = measured([Command(["bash", "-euo", "pipefail", "-c", f"<dump {pipe} >stored"], top)])
            costs[name].append(replace(cost, added_bytes=(top / "stored").stat().st_size))
    return {name: medians(found) for name, found in costs.items()}


def make_dump(path: Path, mib: int) -> None:
    """Write lines like those of mysqldump; their values are chosen by chance."""
    chance = random.Random(1)
    with path.open("wb") as file:
        while file.tell() < mib << 20:
            rows = (f"({chance.randrange(10**6)},'{chance.randbytes(8).hex()}','active',NULL)" for _ in range(1000))
            file.write(f"INSERT INTO `instances` VALUES {','.join(rows)};\n".encode())


if __name__ == "__main__":
    main()
