"""What was told last, and when: a small file for each who is told. When one is lost, a thing is told twice."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import KaizenError


@dataclass(frozen=True)
class Told:
    """The date, ISO 8601 and the collector's own, what was wrong then: names of nodes, and kinds of trouble; and the
    changed configurations that were told of.
    """

    date: str = ""
    concerns: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


def read_told(file: Path) -> Told:
    """Return what the file says; nothing was told where it is missing or damaged."""
    try:
        data = json.loads(file.read_bytes())
        concerns, changed = (frozenset(map(str, names)) for names in (data["concerns"], data.get("changed", ())))
        return Told(str(data["date"]), concerns, changed)
    except (OSError, ValueError, TypeError, KeyError):
        return Told()


def write_told(file: Path, date: str, concerns: Iterable[str], changed: Iterable[str] = ()) -> None:
    """Note what was told. Raises KaizenError."""
    told = {"date": date, "concerns": sorted(concerns), "changed": sorted(changed)}
    try:
        write_atomically(file, json.dumps(told) + "\n", 0o600)
    except OSError as error:
        raise KaizenError(f"{file}: {error.strerror}; the same will be told again") from error
