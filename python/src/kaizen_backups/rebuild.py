"""The history made anew from the store, where it was lost or is broken. What it still knows stays as it is."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from kaizen_backups.errors import DataError
from kaizen_backups.history import BrokenHistoryError, open_history, stamp
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import SUMS, Snapshot
from kaizen_backups.store import NodeStore, stored_nodes
from kaizen_backups.sums import Checked, Measure, read_sums
from kaizen_backups.tree import regular_files


def rebuild(settings: Settings) -> tuple[int, list[str]]:
    """Put every stored snapshot on record that is not, and forget those that are gone.

    A broken database is set aside. Returns how many snapshots were added, and what went wrong or should be known.
    Nothing is read but names, sizes and SHA256SUMS: that it is whole is for `kaizen verify` to say.
    """
    problems = _set_aside(settings.history_file)
    added = 0
    with open_history(settings.history_file) as history:
        recorded = history.on_record()
        stored = set()
        for node, snapshot, last in _stored(settings.store):
            stored.add((node, str(snapshot)))
            if (node, str(snapshot)) in recorded:
                continue
            path = NodeStore(settings.store, node).path(snapshot)
            try:
                received = stamp(datetime.fromtimestamp(path.stat().st_ctime, UTC))
                history.put_on_record(node, snapshot, _measure(path, last), received)
                added += 1
            except (DataError, OSError) as error:
                problems.append(f"{node}: {snapshot}: {error}")
        history.forget(history.known() - stored)
    return added, problems


def _stored(store: Path) -> Iterator[tuple[str, Snapshot, Path | None]]:
    """Yield every stored snapshot with its node, and where the one before it is."""
    for node in stored_nodes(store):
        last = None
        for snapshot in NodeStore(store, node).snapshots():
            yield node, snapshot, last
            last = NodeStore(store, node).path(snapshot)


def _measure(root: Path, last: Path | None) -> Checked:
    found = Measure()
    for file in regular_files(root, last):
        if file.name != SUMS.encode():
            found.add(file)
    return found.checked(read_sums(root)[1])


def _set_aside(path: Path) -> list[str]:
    """Rename a database that is damaged, with what belongs to it; return what was done. Raises KaizenError."""
    try:
        with open_history(path) as history:
            history.check()
    except BrokenHistoryError:
        aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    else:
        return []
    for companion in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + companion).replace(aside.with_name(aside.name + companion))
    return [f"{path} was broken, and is now {aside}"]
