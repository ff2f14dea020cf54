"""The store: STORE/NODE/YYYY-MM-DD. A snapshot appears by one rename, complete, and is never written to again."""

import os
import subprocess
import tempfile
from pathlib import Path

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.snapshots import EXPIRED, PARTIAL, Snapshot


class NodeStore:
    """One node's directory in the store. Its content came from the node, its names are ours."""

    def __init__(self, store: Path, node: str) -> None:
        self.directory = store / node

    def prepare(self) -> None:
        """Make the directory, for root alone."""
        self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.parent.chmod(0o700)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self.directory.chmod(0o700)

    def snapshots(self) -> list[Snapshot]:
        """Return the published snapshots, oldest first."""
        try:
            entries = list(os.scandir(self.directory))
        except FileNotFoundError:
            return []
        found = (Snapshot.parse(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False))
        return sorted(snapshot for snapshot in found if snapshot)

    def path(self, snapshot: Snapshot) -> Path:
        """Return where a snapshot is, or would be."""
        return self.directory / str(snapshot)

    def partials(self) -> list[Path]:
        """Return what unfinished receptions left, the newest first: a basis for the next, never more."""
        found = [path for path in self.directory.glob(f"{PARTIAL}*") if path.is_dir() and not path.is_symlink()]
        return sorted(found, key=lambda path: path.stat().st_ctime_ns, reverse=True)

    def new_partial(self, snapshot: Snapshot) -> Path:
        """Make a fresh directory to receive into."""
        return Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{snapshot}.", dir=self.directory))

    def publish(self, partial: Path, snapshot: Snapshot) -> None:
        """Give a checked snapshot its name. Synced before and after: a rename alone does not survive a power cut."""
        target = self.path(snapshot)
        if os.path.lexists(target):
            raise KaizenError(f"{target} is there already")
        sync(partial)
        partial.rename(target)
        sync(self.directory)

    def discard(self, path: Path) -> None:
        """Remove a directory of this store; renamed away first, so that half of it is never taken for a whole."""
        gone = Path(tempfile.mkdtemp(prefix=EXPIRED, dir=self.directory)) / path.name
        path.rename(gone)
        _remove(gone.parent)

    def finish_removals(self) -> None:
        """Remove what a killed removal left."""
        for left in self.directory.glob(f"{EXPIRED}*"):
            _remove(left)


def _remove(path: Path) -> None:
    # rm copes with trees of any depth.
    _done(f"cannot remove {path}", ["rm", "-rf", "--one-file-system", "--", str(path)])


def sync(path: Path) -> None:
    """Write the file system that holds `path` to disk. Raises KaizenError."""
    _done(f"cannot sync {path}", ["sync", "-f", "--", str(path)])


def _done(complaint: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise KaizenError(f"{complaint}: {printable(done.stderr.strip())[:300]}")
