"""Find by name: over all nodes and nights, in their indexes."""

import json
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from kaizen_backups.search.index import Index
from kaizen_backups.search.pattern import Pattern
from kaizen_backups.search.versions import Found, versions_in
from kaizen_backups.snapshots import Snapshot


def find(index: Index, pattern: Pattern, since: date | None = None) -> Iterator[Found]:
    """Yield what matches in a node's snapshots, by path, without the versions that no snapshot since that day has."""
    for found in versions_in(index, json.dumps(list(_matching(index, pattern)))):
        versions = [v for v in found.versions if since is None or _date(v.last) >= since]
        if pattern.directories:
            versions = [version for version in versions if stat.S_ISDIR(version.mode)]
        if versions:
            yield replace(found, versions=versions)


def _matching(index: Index, pattern: Pattern) -> Iterable[int]:
    # SQLite looks for bytes many times as fast as Python could match each name.
    rows = index.db.execute("SELECT id, path FROM versions WHERE instr(path, ?)", (pattern.literal,))
    if not pattern.literal:
        rows = index.db.execute("SELECT id, path FROM versions")
    matches = pattern.matches
    return [row for row, path in rows if matches(path.decode("utf-8", "surrogateescape"))]


def _date(name: str) -> date:
    snapshot = Snapshot.parse(name)
    assert snapshot
    return snapshot.date
