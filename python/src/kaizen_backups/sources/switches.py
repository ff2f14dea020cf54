"""Switches: they stand in the node list, so that every command knows them, and are fetched by 'kaizen switches'."""

from pathlib import Path

from kaizen_backups.node import SWITCH
from kaizen_backups.sources import Found
from kaizen_backups.switches.inventory import load_inventory
from kaizen_backups.switches.stored import ROLE


def read_switches(path: Path) -> Found:
    """Return the switches of a switches.yaml. Raises ConfigError, which names file and line."""
    found = Found("switches.yaml", by_hand=True)
    for switch in load_inventory(path).by_name.values():
        place = {"address": switch.address} | ({"port": switch.port} if switch.port != 22 else {})
        found.nodes[switch.name] = {**place, "role": ROLE, "origin": SWITCH, "host_keys": []}
    return found
