"""What a node offers: the listing of its door, read strictly."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kaizen_backups.backup_info import INFO_LIMIT
from kaizen_backups.errors import DataError
from kaizen_backups.snapshots import INFO, SUMS, Snapshot
from kaizen_backups.sums import SUMS_LIMIT

LISTING_ARGUMENTS = (
    # Nothing is received: rsync compares with an empty directory, and prints what it would do.
    *("--dry-run", "--recursive", "--checksum", "--checksum-choice=md5", "--no-motd", "--out-format=%C %l %n"),
    *("--include=/*/", f"--include=/*/{SUMS}", f"--include=/*/{INFO}", "--exclude=*"),
)
"""rsync's arguments for the names of all snapshots, and hash and size of their two files, in one answer."""

_LINE = re.compile(r"([0-9a-f]{32}| +)  *(\d+) ([^/]+)/(.*)")
_LIMITS = {SUMS: SUMS_LIMIT, INFO: INFO_LIMIT}


@dataclass
class Offered:
    """One snapshot of a node: the MD5 of its SHA256SUMS, where there is one, and what is wrong at first sight."""

    sums_md5: str | None = None
    problem: str | None = None


def parse_listing(lines: Iterable[str]) -> dict[Snapshot, Offered]:
    """Return the snapshots that a listing names; a line that says anything else is left alone."""
    offer: dict[Snapshot, Offered] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        snapshot = Snapshot.parse(match[3]) if match else None
        if not match or not snapshot:
            continue
        offered = offer.setdefault(snapshot, Offered())
        limit = _LIMITS.get(match[4])
        if limit is not None and (len(match[2]) > 18 or int(match[2]) > limit):
            offered.problem = f"{snapshot}: {match[4]} is larger than {limit} bytes"
        if match[4] == SUMS:
            offered.sums_md5 = match[1].strip() or None
    return offer


def require_good(snapshot: Snapshot, offered: Offered) -> None:
    """Raise DataError for a snapshot that need not be received to be refused."""
    if offered.problem:
        raise DataError(offered.problem)
    if not offered.sums_md5:
        raise DataError(f"{snapshot}: {SUMS}: No such file or directory")
