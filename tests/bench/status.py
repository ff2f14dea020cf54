"""How long does `kaizen status` take, of NODES nodes with NIGHTS nights on record, of which KEPT are stored?

Beside it `kaizen --version`, which is what Python and click take to start, and one node in depth.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from measure import Command, Cost, measured, medians, print_table

from kaizen_backups.history import open_history
from kaizen_backups.node import Node
from kaizen_backups.nodes_yaml import to_yaml
from kaizen_backups.snapshots import Snapshot

TODAY = datetime.now().astimezone().date()
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHjY5AwzJy1Qyq0tG6J1UXgyv3WjGk1y6dE3v8x7s2zT"
RUN = "from kaizen_backups.cli.main import main; main()"


def main() -> None:
    """Make a fleet's state, and ask it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--kept", type=int, default=8, help="how many of these nights are stored")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go, for programs")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        names = [f"n{number:05}.example" for number in range(asked.nodes)]
        config = make_fleet(Path(place), names, asked.nights, asked.kept)
        commands = {"kaizen --version": ["--version"], "kaizen status": ["status"], "kaizen status NODE": ["status"]}
        commands["kaizen status NODE"].append(names[0])
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        # As it is installed: compiled.
        kaizen = [sys.executable, "-I", "-X", f"pycache_prefix={place}/compiled", "-c", RUN, "--config", str(config)]
        for _ in range(asked.rounds):
            for name, arguments in commands.items():
                costs[name].append(measured([Command([*kaizen, *arguments])]))
    found = {name: medians(taken) for name, taken in costs.items()}
    title = f"{asked.nodes} nodes, {asked.nights} nights on record, {asked.kept} kept; Python {sys.version.split()[0]}"
    print_table(title, found, digits=3)
    if asked.json:
        asked.json.write_text(json.dumps({name: asdict(cost) for name, cost in found.items()}, indent=2) + "\n")


def make_fleet(place: Path, names: list[str], nights: int, kept: int) -> Path:
    """Write a node list, a store and a history; return the settings' file."""
    state, store = place / "state", place / "store"
    state.mkdir()
    nodes = (Node.model_validate({"name": n, "address": n, "origin": "facts", "host_keys": [KEY]}) for n in names)
    (state / "nodes.yaml").write_text(to_yaml(nodes))
    dates = [str(Snapshot(TODAY - timedelta(days=age))) for age in range(nights)]
    rows = [(name, date) for name in names for date in dates]
    stored = [(name, date) for name in names for date in dates[:kept]]
    with open_history(state / "history.sqlite"):
        pass
    write_history(state / "history.sqlite", rows, stored)
    for name, date in stored:
        (store / name / date).mkdir(parents=True)
    config = place / "collector.yaml"
    config.write_text(f"store: {store}\nstate: {state}\n")
    return config


def write_history(file: Path, rows: list[tuple[str, str]], stored: list[tuple[str, str]]) -> None:
    """Put nights, attempts and snapshots on record at once; one by one that takes many minutes."""
    dumps = '{"mysql/nova.sql.zst": 12345678}'
    with sqlite3.connect(file) as db:
        db.executemany(
            "INSERT INTO nights VALUES (?, ?, ?, 20000, 1000000000, 50, 5000000, ?, '[]', '[]')",
            ((node, date, f"{date}T03:00:00Z", dumps) for node, date in rows),
        )
        db.executemany(
            "INSERT INTO attempts VALUES (?, ?, 1.0, 1, NULL, 5)",
            ((node, f"{date}T03:00:00Z") for date, node in sorted((date, node) for node, date in rows)),
        )
        db.executemany(
            "INSERT INTO snapshots VALUES (?, ?, ?, 20000, 1000000000, 50, 5000000, '0', '', 0)",
            ((node, date, f"{date}T03:00:00Z") for node, date in stored),
        )


if __name__ == "__main__":
    main()
