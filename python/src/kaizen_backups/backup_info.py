"""backup.info: what a snapshot says of itself, as `key = value` lines."""

import re
from pathlib import Path

from kaizen_backups.errors import DataError
from kaizen_backups.snapshots import INFO
from kaizen_backups.tree import read_file

INFO_LIMIT = 1 << 18
"""Bytes that a backup.info may have."""

_LINE = re.compile(r"([a-z_]+) = (.*)")


def read_info(snapshot: Path) -> dict[str, list[str]]:
    """Return every key's values, in order. Raises DataError for a file that no agent wrote."""
    info: dict[str, list[str]] = {}
    for line in read_file(snapshot, INFO, INFO_LIMIT).decode("utf-8", "backslashreplace").splitlines():
        match = _LINE.fullmatch(line)
        if match:
            info.setdefault(match[1], []).append(match[2])
    if info.get("status") != ["complete"]:
        raise DataError(f"{INFO} does not say 'status = complete'")
    return info
