"""Which snapshot is meant, and which names in it."""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import date

from kaizen_backups.dates import parse_day
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.restore.contents import LeadsThroughSymlinkError, lookup, opened
from kaizen_backups.snapshots import SUMS, Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.tree import show_name

LATEST = "latest"
_ODD = re.compile(rb"//|/\.{1,2}(/|$)")


def parse_path(path: str) -> bytes:
    """Return an absolute path as a name from the root, "" for the root itself. Raises ValueError."""
    name = os.fsencode(path)
    if not name.startswith(b"/") or _ODD.search(name):
        raise ValueError("must be an absolute path without '.', '..' or '//'")
    name = name.strip(b"/")
    if name == SUMS.encode():
        raise ValueError("is no file of the node")
    return name


def choose_snapshot(stored: Sequence[Snapshot], at: str, today: date) -> Snapshot:
    """Return the one of the stored snapshots (oldest first) that `at` means: a name, `latest`, or a day in words.

    A day means the newest of that day. Raises KaizenError, which names those that there are.
    """
    if not stored:
        raise KaizenError("there is no snapshot of it")
    if at == LATEST:
        return stored[-1]
    named = Snapshot.parse(at)
    if named and named in stored:
        return named
    try:
        day = parse_day(at, today)
    except ValueError as error:
        if named:
            raise KaizenError(f"there is no snapshot {named}; {_those(stored)}") from None
        raise KaizenError(f"--at {printable(at)}: {error}") from None
    of_that_day = [snapshot for snapshot in stored if snapshot.date == day]
    if not of_that_day:
        raise KaizenError(f"there is no snapshot of {day}; {_those(stored)}")
    return of_that_day[-1]


def require_there(store: NodeStore, snapshot: Snapshot, names: Iterable[bytes]) -> None:
    """Raise KaizenError where the snapshot lacks one of the names; it says which snapshots have it."""
    with opened(store.path(snapshot)) as root:
        missing = [name for name in names if lookup(root, name) is None]
    if missing:
        having = [str(other) for other in store.snapshots() if has_all(store, other, missing[:1])]
        others = f"it is in {', '.join(having)}" if having else "it is in no other snapshot either"
        raise KaizenError(f"/{show_name(missing[0])} is not in {snapshot}; {others}")


def has_all(store: NodeStore, snapshot: Snapshot, names: Iterable[bytes]) -> bool:
    """Tell whether a snapshot has all of the names."""
    try:
        with opened(store.path(snapshot)) as root:
            return all(lookup(root, name) is not None for name in names)
    except (OSError, LeadsThroughSymlinkError):
        return False


def _those(stored: Sequence[Snapshot]) -> str:
    return f"there are {', '.join(map(str, stored))}" if len(stored) > 1 else f"there is {stored[0]}"
