"""The history made anew from the store, where it was lost or is broken. What it still knows stays as it is."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from kaizen_backups.errors import DataError, KaizenError
from kaizen_backups.history import open_history, stamp
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import SUMS, Snapshot
from kaizen_backups.store import NodeStore, stored_nodes
from kaizen_backups.sums import Checked, read_sums
from kaizen_backups.tree import regular_files


def rebuild(settings: Settings) -> tuple[int, list[str]]:
    """Put every stored snapshot on record that is not, and forget those that are gone.

    A broken database is set aside. Returns how many snapshots were added, and what went wrong or should be known.
    Nothing is read but names, sizes and SHA256SUMS: that it is whole is for `kaizen verify` to say.
    """
    problems = _set_aside(settings.history_file)
    added = 0
    with open_history(settings.history_file) as history:
        known = history.known()
        stored = set()
        for node, snapshot, last in _stored(settings.store):
            stored.add((node, str(snapshot)))
            if (node, str(snapshot)) in known:
                continue
            path = NodeStore(settings.store, node).path(snapshot)
            try:
                received = stamp(datetime.fromtimestamp(path.stat().st_ctime, UTC))
                history.add_snapshot(node, snapshot, _measure(path, last), received, verified=False)
                added += 1
            except (DataError, OSError) as error:
                problems.append(f"{node}: {snapshot}: {error}")
        history.forget(known - stored)
    return added, problems


def _stored(store: Path) -> Iterator[tuple[str, Snapshot, Path | None]]:
    """Yield every stored snapshot with its node, and where the one before it is."""
    for node in stored_nodes(store):
        last = None
        for snapshot in NodeStore(store, node).snapshots():
            yield node, snapshot, last
            last = NodeStore(store, node).path(snapshot)


def _measure(root: Path, last: Path | None) -> Checked:
    files = size = new_files = new_size = 0
    for file in regular_files(root, last):
        if file.name == SUMS.encode():
            continue
        files, size = files + 1, size + file.status.st_size
        if not file.linked:
            new_files, new_size = new_files + 1, new_size + file.status.st_size
    return Checked(files, size, new_files, new_size, read_sums(root)[1])


def _set_aside(path: Path) -> list[str]:
    """Rename a database that can't be read; return what was done."""
    try:
        with open_history(path) as history:
            history.check()
    except KaizenError as error:
        if "later release" in str(error):
            raise
    except sqlite3.DatabaseError:
        pass
    else:
        return []
    aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    path.replace(aside)
    for companion in ("-wal", "-shm"):
        path.with_name(path.name + companion).unlink(missing_ok=True)
    return [f"{path} was broken, and is now {aside}"]
