"""How long `kaizen nodes refresh` takes, beside curl and json.loads of the same queries: see the script nodelist."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from kaizen_backups import puppetdb
from kaizen_backups.settings import PuppetDB, load_settings
from kaizen_backups.sources.puppetdb import queries
from lab import Fleet

KAIZEN = Path(sys.executable).with_name("kaizen")
FILL = Path(__file__).with_name("fill_puppetdb.py")
# Runs a command, and prints its seconds, its greatest resident memory in MB, and how it ended.
MEASURE = """
import json, os, sys, time
began = time.monotonic()
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(json.dumps([time.monotonic() - began, usage.ru_maxrss / 1024, status]), file=sys.stderr)
"""
ALONE = """
url=$1 ca=$2 cert=$3 key=$4 place=$5; shift 5
number=0
for query in "$@"; do
    curl -sSf --cacert "$ca" --cert "$cert" --key "$key" -o "$place/$((number += 1)).json" \
        --get "$url/pdb/query/v4" --data-urlencode "query=$query"
done
"$PYTHON" -c 'import json, sys; [json.loads(open(path, "rb").read()) for path in sys.argv[1:]]' "$place"/*.json
"""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=20_000, help="how many nodes the PuppetDB made here has")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--config", type=Path, help="a collector.yaml that names a PuppetDB to measure against")
    options = parser.parse_args()
    if options.config:
        settings = load_settings(options.config).sources.puppetdb
        if not settings:
            raise SystemExit(f"{options.config}: sources.puppetdb is not set")
        measure(settings, options.rounds, [])
        return
    with made_puppetdb(options.nodes) as (settings, inside):
        measure(settings, options.rounds, inside)


@contextmanager
def made_puppetdb(nodes: int) -> Iterator[tuple[PuppetDB, list[str]]]:
    """Yield a PuppetDB with so many nodes, and the words in front of a command that runs where it can be reached."""
    from lab.puppetserver import PuppetServer, certificates

    with Fleet("bench") as fleet:
        node = fleet.add("puppet.kaizen.example", size="8g")
        server = PuppetServer(node)
        own = certificates(node)
        say(f"filling PuppetDB with {nodes} nodes")
        node.run(["python3", str(FILL), node.name, "8081", own.ca, own.cert, own.key, str(nodes)], timeout=3600)
        server.settled(3600)
        settings = PuppetDB(url=server.url, ca=Path(own.ca), cert=Path(own.cert), key=Path(own.key))
        yield settings, ["nsenter", f"--target={node.pid}", "--mount", "--net", "--uts", "--root", "--wd", "--"]


def measure(settings: PuppetDB, rounds: int, inside: list[str]) -> None:
    """Take turns, so that whatever else the machine does is everybody's; print the medians."""
    with tempfile.TemporaryDirectory(prefix="kaizen-bench.") as place:
        texts = [f"{puppetdb.text(query)} }}" for query in queries("networking.ip")]
        files = [settings.url, str(settings.ca), str(settings.cert), str(settings.key)]
        alone = ["bash", "-euc", ALONE, "alone", *files, place, *texts]
        config = Path(place) / "collector.yaml"
        state = f"{place}/state"
        data = {"state": state, "sources": {"nodes_d": None, "puppetdb": settings.model_dump(mode="json")}}
        config.write_text(json.dumps(data))
        refresh = [str(KAIZEN), "--config", str(config), "nodes", "refresh"]
        copied = [*inside, "mkdir", "-p", place]
        subprocess.run(copied, check=True)
        subprocess.run([*inside, "tee", str(config)], input=config.read_bytes(), stdout=subprocess.DEVNULL, check=True)
        taken: dict[str, list[list[float]]] = {}
        for _ in range(rounds):
            taken.setdefault("curl and json.loads", []).append(run(inside, alone))
            subprocess.run([*inside, "rm", "-rf", state], check=True)
            taken.setdefault("kaizen nodes refresh, the first", []).append(run(inside, refresh))
            taken.setdefault("kaizen nodes refresh, nothing new", []).append(run(inside, refresh))
        shown = subprocess.run(
            [*inside, "grep", "-c", "name:", f"{state}/nodes.yaml"], capture_output=True, text=True, check=True
        )
        subprocess.run([*inside, "rm", "-rf", place], check=True)
    report(int(shown.stdout), taken)


def run(inside: list[str], command: list[str]) -> list[float]:
    """Return a command's seconds and megabytes."""
    environment = {**os.environ, "PYTHON": sys.executable}
    line = [*inside, sys.executable, "-c", MEASURE, *command]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    *_, last = done.stderr.splitlines() or [""]
    seconds, megabytes, status = json.loads(last) if last.startswith("[") else (0, 0, 1)
    if status != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr}")
    return [seconds, megabytes]


def report(nodes: int, taken: dict[str, list[list[float]]]) -> None:
    """Print the medians as a table, and everything as JSON."""
    first = statistics.median(seconds for seconds, _ in taken["curl and json.loads"])
    rows: list[dict[str, Any]] = []
    print(f"{nodes} nodes\n{'':34} {'seconds':>8} {'times curl':>10} {'MB':>6}")
    for what, rounds in taken.items():
        seconds = statistics.median(seconds for seconds, _ in rounds)
        megabytes = max(megabytes for _, megabytes in rounds)
        print(f"{what:34} {seconds:8.2f} {seconds / first:10.2f} {megabytes:6.0f}")
        rows.append({"what": what, "seconds": [round(seconds, 3) for seconds, _ in rounds], "mb": round(megabytes)})
    print(json.dumps({"nodes": nodes, "measured": rows}))


def say(text: str) -> None:
    """Say what takes so long."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
