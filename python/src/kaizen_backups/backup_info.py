"""backup.info: what a snapshot says of itself, as `key = value` lines."""

import os
import re
import stat
from pathlib import Path

from kaizen_backups.errors import DataError
from kaizen_backups.snapshots import INFO

_LIMIT = 1 << 18
_LINE = re.compile(r"([a-z_]+) = (.*)")


def read_info(snapshot: Path) -> dict[str, list[str]]:
    """Return every key's values, in order. Raises DataError for a file that no agent wrote."""
    try:
        descriptor = os.open(snapshot / INFO, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DataError(f"{INFO} is not a regular file")
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise DataError(f"{INFO}: {error.strerror}") from error
    if len(data) > _LIMIT:
        raise DataError(f"{INFO} is larger than {_LIMIT} bytes")
    info: dict[str, list[str]] = {}
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        match = _LINE.fullmatch(line)
        if match:
            info.setdefault(match[1], []).append(match[2])
    if info.get("status") != ["complete"]:
        raise DataError(f"{INFO} does not say 'status = complete'")
    return info
