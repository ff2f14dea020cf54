"""A new machine in the place of a node."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.node import Node


def reinstall(node: Node, *, keep_backups: bool = False) -> None:
    """Give a node an empty disk with a host key of its own, and boot it: what comes back has nothing
    but the name and the address, and /backups as the second disk that was moved over, if that is kept.

    Its certificate's name is taken until PuppetServer.clean().
    """
    fleet = node.fleet
    fleet.power_off(node)
    disk = fleet._disk(node)
    for part in disk.path.iterdir():
        if not (keep_backups and part.name == "backups"):
            shutil.rmtree(part)
    disk.create(node.name, fleet.hosts, fleet.wheelhouse)
    fleet.power_on(node)
