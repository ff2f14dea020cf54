"""The room that an import takes: of each day what is not as it was the day before, as far as that shows unread."""

import os
from collections.abc import Mapping
from pathlib import Path

from kaizen_backups.onboard.legacy_files import Looks
from kaizen_backups.room import block_bytes, free_bytes
from kaizen_backups.tree import regular_files


class Need:
    """Adds up the bytes that days take, in their order."""

    def __init__(self, store: Path) -> None:
        """Take where the snapshots will be."""
        self._block = block_bytes(store)
        self._sum = 0
        self.most = 0
        """The bytes that are needed at some moment: a day is there whole, before what is unchanged becomes a link."""

    def add(self, files: Mapping[str, Looks], before: Mapping[str, Looks]) -> None:
        """Add a day's files, by their names; `before` are those of the snapshot before."""
        self.most = max(self.most, self._sum + sum(map(self._taken, files.values())))
        self._sum += sum(self._taken(looks) for name, looks in files.items() if before.get(name) != looks)

    def _taken(self, looks: Looks) -> int:
        return -(-looks.size // self._block) * self._block


def looks_of(snapshot: Path) -> dict[str, Looks]:
    """Return how a snapshot's files look, by name. Raises OSError."""
    return {os.fsdecode(file.name): _looks(file.status) for file in regular_files(snapshot)}


def _looks(status: os.stat_result) -> Looks:
    return Looks(status.st_size, status.st_mode & 0o7777, status.st_uid, status.st_gid, int(status.st_mtime))


def too_little_room(directory: Path, need: int, floor: int) -> str | None:
    """Say that the room is not enough; None where it is. `floor` are bytes that must stay free."""
    free = free_bytes(directory)
    if need + floor <= free:
        return None
    stay = f", of which {floor} must stay free (floor)" if floor else ""
    return f"{directory}: too little room: {need} bytes are needed, and {free} are free{stay}; nothing was imported"
