"""A collector with a node, and a repository in a directory that a real restic keeps."""

import asyncio
import os
import subprocess
from pathlib import Path

from kaizen_backups.history import History
from kaizen_backups.history_records import Record
from kaizen_backups.offsite.push import Pushed, push
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.rebuild import rebuild
from kaizen_backups.settings import Settings
from kaizen_backups.settings_offsite import Repository
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.verify import verify

DAYS = ("2026-11-23", "2026-11-24")
SECRET, NAME = b"a string that nobody may read 4711\n", "etc/a-name-nobody-may-read"


class Site:
    """The collector, and its repository."""

    def __init__(self, settings: Settings, history: History, place: Path) -> None:
        self.place = place
        stated = Repository(repository=str(place / "repository"), password_file=place / "password")
        self.settings = settings.model_copy(update={"offsite": {"vault": stated}})
        self.history = history
        self.restic = Restic("vault", stated, self.settings)

    def verify(self) -> None:
        """Put on record and read all that is stored."""
        rebuild(self.settings)
        list(verify(self.settings, self.history, sorted(one.name for one in self.settings.store.iterdir())))

    def record(self, day: str) -> Record:
        """Return what the history has of a day's snapshot."""
        snapshot = Snapshot.parse(day)
        record = self.history.snapshot("n.example", snapshot) if snapshot else None
        assert record
        return record

    def push(self) -> Pushed:
        """Push everything."""
        return asyncio.run(push(self.restic, self.history, lambda _line: None))

    def own(self, *arguments: str, code: int = 0) -> str:
        """Run restic itself, without any of our program."""
        line = ["restic", "-r", str(self.place / "repository"), "-p", str(self.place / "password"), "--no-cache"]
        environment = {**os.environ, "TZ": "UTC"}
        done = subprocess.run([*line, *arguments], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == code, done.stderr
        return done.stdout
