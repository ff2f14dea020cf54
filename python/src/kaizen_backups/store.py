"""The store: STORE/NODE/YYYY-MM-DD. A snapshot appears by one rename, complete, and is never written to again."""

import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.snapshots import EXPIRED, PARTIAL, Snapshot

_LIBC = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def stored_nodes(store: Path) -> list[str]:
    """Return the names of the nodes that the store has a directory of."""
    try:
        with os.scandir(store) as entries:
            return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith("."))
    except FileNotFoundError:
        return []


def existing(store: Path, nodes: Iterable[str]) -> list[str]:
    """Return the nodes named, or all that are stored when none is. Raises KaizenError for one that is not stored."""
    found = stored_nodes(store)
    for node in nodes:
        if node not in found:
            raise KaizenError(f"{printable(node)}: nothing of it is stored in {store}")
    return list(dict.fromkeys(nodes)) or found


class NodeStore:
    """One node's directory in the store. Its content came from the node, its names are ours."""

    def __init__(self, store: Path, node: str) -> None:
        self.directory = store / node

    def prepare(self) -> None:
        """Make the directory, for root alone."""
        for directory in (self.directory.parent, self.directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)

    def snapshots(self) -> list[Snapshot]:
        """Return the published snapshots, oldest first."""
        try:
            entries = list(os.scandir(self.directory))
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = (Snapshot.parse(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False))
        return sorted((snapshot for snapshot in found if snapshot), key=attrgetter("date", "number"))

    def path(self, snapshot: Snapshot) -> Path:
        """Return where a snapshot is, or would be."""
        return self.directory / str(snapshot)

    def partials(self) -> list[Path]:
        """Return what unfinished receptions left, the newest first: a basis for the next, never more."""
        found = [path for path in self.directory.glob(f"{PARTIAL}*") if path.is_dir() and not path.is_symlink()]
        return sorted(found, key=lambda path: path.stat().st_ctime_ns, reverse=True)

    def abandoned_partials(self, seconds: float) -> list[Path]:
        """Return those that nothing has been received into for so long."""
        return [path for path in self.partials() if path.stat().st_ctime < time.time() - seconds]

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

    def replace(self, partial: Path, snapshot: Snapshot) -> None:
        """Put a checked snapshot in the place of a rotten one: at every moment there is one of that name."""
        sync(partial)
        exchange(partial, self.path(snapshot))
        sync(self.directory)
        self.discard([partial])

    def discard(self, paths: Iterable[Path], at_once: int = 4) -> None:
        """Remove directories of this store; renamed away first, so that half of one is never taken for a whole."""
        gone = Path(tempfile.mkdtemp(prefix=EXPIRED, dir=self.directory))
        renamed = []
        for path in paths:
            path.rename(gone / path.name)
            renamed.append(gone / path.name)
        _remove_all(renamed, at_once)
        gone.rmdir()

    def finish_removals(self) -> None:
        """Remove what a killed removal left."""
        _remove_all(self.directory.glob(f"{EXPIRED}*"), 1)


def _remove_all(paths: Iterable[Path], at_once: int) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(_remove, paths))


def _remove(path: Path) -> None:
    # rm copes with trees of any depth, and follows no symlink.
    command = ["rm", "-rf", "--one-file-system", "--", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise KaizenError(f"cannot remove {path}: {printable(done.stderr.strip())[:300]}")


def sync(path: Path) -> None:
    """Write the file system that holds `path` to disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _call("syncfs", path, descriptor)
    finally:
        os.close(descriptor)


def exchange(one: Path, other: Path) -> None:
    """Swap two names in one step. Raises OSError."""
    _call("renameat2", other, _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)


def _call(function: str, path: Path, *arguments: int | bytes) -> None:
    """Call what the C library has and Python has not."""
    if getattr(_LIBC, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
