"""Lets go of a node's snapshots that no rule keeps any more."""

from collections.abc import Collection

from kaizen_backups.night import Night
from kaizen_backups.snapshots import Snapshot, kept
from kaizen_backups.store import NodeStore


def expire(store: NodeStore, night: Night, rotten: Collection[Snapshot]) -> list[str]:
    """Remove what is out of date, and what a killed removal left; return the snapshots that are gone."""
    store.finish_removals()
    stored = store.snapshots()
    gone = sorted(set(stored) - kept(stored, night.today(), night.settings.keep, rotten).keys())
    if gone:
        store.discard(store.path(snapshot) for snapshot in gone)
    return [str(snapshot) for snapshot in gone]
