"""A configuration in the store."""

from kaizen_backups.errors import DataError
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.tree import read_file

CONFIG = "running-config"
"""The name of the file in a snapshot."""
ROLE = "switch"
"""The role that a switch has in the node list."""
_LIMIT = 64 << 20  # bytes


def read_config(store: NodeStore, snapshot: Snapshot) -> str | None:
    """Return a stored configuration; None when it cannot be read, which 'kaizen verify' says."""
    try:
        return read_file(store.path(snapshot), CONFIG, _LIMIT).decode()
    except (DataError, UnicodeDecodeError):
        return None
