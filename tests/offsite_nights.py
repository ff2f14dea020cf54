"""A collector's store of two nodes and two nights, and a repository in a directory for it."""

import asyncio
import json
from pathlib import Path

from kaizen_backups.history import History
from kaizen_backups.offsite.push import Pushed, push
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.settings import Settings
from kaizen_backups.settings_offsite import Repository
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.sums import check_tree
from stored import Nights

NODES = ("a.example", "b.example")
DAYS = ("2026-11-23", "2026-11-24")
SECRET = b"a secret that must not be readable elsewhere"


def parse(name: str) -> Snapshot:
    """Return the snapshot of that name."""
    snapshot = Snapshot.parse(name)
    assert snapshot
    return snapshot


class Offsite:
    """The store, its history and the repository."""

    def __init__(self, settings: Settings, history: History, place: Path) -> None:
        stated = Repository(repository=str(place / "repository"), password_file=place / "password")
        self.settings = settings.model_copy(update={"offsite": {"disk": stated}})
        self.history = history
        self.place = place
        self.restic = Restic("disk", stated, self.settings)
        self.nights = {node: Nights(settings.store, node) for node in NODES}

    def receive(self, node: str, day: str) -> None:
        """Let a snapshot come."""
        files = {"etc/name": node.encode(), "etc/secret": SECRET, "etc/day": day.encode(), "backup.info": b"host = x\n"}
        path = self.nights[node].add(day, files)
        self.history.add_snapshot(node, parse(day), check_tree(path), f"{day}T04:00:00Z")

    def receive_all(self) -> None:
        """Let two nights of two nodes come."""
        for node in NODES:
            for day in DAYS:
                self.receive(node, day)

    def push(self, *, dry_run: bool = False) -> Pushed:
        """Send what is missing."""
        return asyncio.run(push(self.restic, self.history, lambda _line: None, dry_run=dry_run))

    def listed(self) -> list[dict[str, object]]:
        """Return what restic itself says that there is."""
        found = json.loads(asyncio.run(self.restic.require("snapshots", "--json", "--no-lock")))
        return list(found)

    def damage(self) -> None:
        """Damage every file of data, with its size as it was."""
        for pack in (self.place / "repository/data").rglob("*"):
            if pack.is_file():
                data = bytearray(pack.read_bytes())
                data[len(data) // 3] ^= 1
                pack.chmod(0o600)
                pack.write_bytes(data)
