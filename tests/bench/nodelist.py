"""How long `kaizen nodes refresh` takes, beside curl and json.loads of the same queries: see the script nodelist."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml
from measure import Command, Cost, measured, medians, print_table

from kaizen_backups import puppetdb
from kaizen_backups.nodes_yaml import read_list
from kaizen_backups.settings import PuppetDB, load_settings
from kaizen_backups.sources.puppetdb import queries
from lab import Fleet

KAIZEN = Path(sys.executable).with_name("kaizen")
FILL = Path(__file__).with_name("fill_puppetdb.py")
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
    """Yield a PuppetDB with so many nodes, and the words in front of a command that is to reach it."""
    from lab.puppetdb import certificates
    from lab.puppetserver import PuppetServer

    with Fleet("bench") as fleet, tempfile.TemporaryDirectory(prefix="kaizen-bench.") as place:
        node = fleet.add("puppet.kaizen.example", size="8g")
        server = PuppetServer(node)
        own = certificates(node)
        files = {key: Path(place) / f"{key}.pem" for key in ("ca", "cert", "key")}
        for key, file in files.items():
            file.write_text(node.read(getattr(own, key)))
        # The node's network and its names, and this machine's files.
        hosts = Path(place) / "hosts"
        hosts.write_text(node.read("/etc/hosts"))
        inside = ["nsenter", f"--net=/proc/{node.pid}/ns/net", "unshare", "--mount", "--propagation=private"]
        inside += ["sh", "-ec", 'mount --bind "$0" /etc/hosts; exec "$@"', str(hosts)]
        settings = PuppetDB(url=server.url, **files)
        say(f"filling PuppetDB with {nodes} nodes")
        fill = [sys.executable, str(FILL), node.name, "8081", *map(str, files.values()), str(nodes)]
        subprocess.run([*inside, *fill], check=True)
        server.settled(3600)
        yield settings, inside


def measure(settings: PuppetDB, rounds: int, inside: list[str]) -> None:
    """Take turns, so that whatever else the machine does is everybody's; print the medians."""
    taken: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory(prefix="kaizen-bench.") as place:
        texts = [f"{puppetdb.text(query)} }}" for query in queries("networking.ip")]
        files = [settings.url, str(settings.ca), str(settings.cert), str(settings.key)]
        alone = ["bash", "-euc", ALONE, "alone", *files, place, *texts]
        state, config = Path(place) / "state", Path(place) / "collector.yaml"
        sources = {"nodes_d": None, "puppetdb": settings.model_dump(mode="json")}
        config.write_text(yaml.safe_dump({"state": str(state), "sources": sources}))
        refresh = [str(KAIZEN), "--config", str(config), "nodes", "refresh"]
        for _ in range(rounds):
            taken.setdefault("curl and json.loads", []).append(run(inside, alone))
            shutil.rmtree(state, ignore_errors=True)
            taken.setdefault("kaizen nodes refresh, the first", []).append(run(inside, refresh))
            taken.setdefault("kaizen nodes refresh, nothing new", []).append(run(inside, refresh))
        nodes = len(read_list(state / "nodes.yaml"))
    report(nodes, taken)


def run(inside: list[str], command: list[str]) -> Cost:
    """Return what a command cost."""
    return measured([Command([*inside, *command], env={"PYTHON": sys.executable})])


def report(nodes: int, taken: dict[str, list[Cost]]) -> None:
    """Print the medians as a table, and everything as JSON."""
    print_table(f"{nodes} nodes in PuppetDB", {what: medians(costs) for what, costs in taken.items()})
    print(
        "\n"
        + json.dumps({"nodes": nodes, "measured": {what: list(map(asdict, costs)) for what, costs in taken.items()}})
    )


def say(text: str) -> None:
    """Say what takes so long."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
