"""Room in the store's file system: what a night needs, and what must stay free."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.errors import NoRoomError, NoRoomYetError
from kaizen_backups.units import size

_INODES = 0.01


def free_bytes(store: Path) -> int:
    """Return the bytes that are free where the store is, or will be made."""
    status = os.statvfs(_existing(store))
    return status.f_bavail * status.f_frsize


def block_bytes(store: Path) -> int:
    """Return the bytes by which files grow where the store is, or will be made."""
    return os.statvfs(_existing(store)).f_frsize


def all_bytes(store: Path) -> int:
    """Return the bytes, free or not, that whoever is not root could have where the store is."""
    status = os.statvfs(_existing(store))
    return (status.f_blocks - status.f_bfree + status.f_bavail) * status.f_frsize


def _existing(place: Path) -> Path:
    while not place.exists():
        place = place.parent
    return place


def _few_inodes(store: Path) -> bool:
    """Tell whether the store's file system is about to have no inode left; some have no fixed number of them."""
    status = os.statvfs(_existing(store))
    return status.f_favail < status.f_files * _INODES


class Room:
    """What of the store's room the receptions that are under way may still take."""

    def __init__(self, store: Path, floor: int, needs: Mapping[str, int]) -> None:
        """Take the bytes that must stay free, and those that each node is expected to need."""
        self._store = store
        self._floor = floor
        self._needs = needs
        self._reserved: dict[str, int] = {}
        self._beyond: dict[str, int] = {}

    def missing(self, nodes: list[str]) -> int:
        """Return how many bytes are missing for one more night of these nodes; 0 when there is room."""
        return max(0, sum(self._needs.get(node, 0) for node in nodes) + self._floor - free_bytes(self._store))

    @contextmanager
    def reserve(self, node: str) -> Iterator[None]:
        """Hold what a node is expected to need.

        Raises NoRoomError when the store has too little of it, NoRoomYetError when that may be on account of others.
        """
        if _few_inodes(self._store):
            raise NoRoomError(f"not begun: less than {_INODES:.0%} of the store's inodes are free")
        need = self._needs.get(node, 0)
        free = free_bytes(self._store) - self._floor - sum(self._reserved.values())
        if need > free:
            kind = NoRoomYetError if self._reserved else NoRoomError
            raise kind(
                f"not begun: it is expected to need {size(need)}, and the store has {size(max(free, 0))}"
                f" above its floor of {size(self._floor)}"
            )
        self._reserved[node] = need
        try:
            yield
        finally:
            del self._reserved[node]
            self.rests(node)

    def rests(self, node: str) -> None:
        """Take note that nothing comes of a node now: it is not to be broken off."""
        self._beyond.pop(node, None)

    def received(self, node: str, count: int) -> None:
        """Give back, of what is held for a node, what it has taken by now.

        Raises NoRoomError below the floor for the node that went furthest beyond what it was expected to need: the
        others are not to suffer for it.
        """
        need = self._needs.get(node, 0)
        self._reserved[node] = max(0, need - count)
        self._beyond[node] = count - need
        furthest = self._beyond[node] == max(self._beyond.values())
        if furthest and free_bytes(self._store) < self._floor:
            raise NoRoomError(f"broken off: the store has less than its floor of {size(self._floor)} free")
