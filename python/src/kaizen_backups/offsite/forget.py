"""Let go of old copies, at the offsite host: by the day on which each arrived there, never by what it says of itself.

A collector that is in wrong hands can make copies with any date, and would so push out the real ones. What counts is
when this program first saw a copy; the memory of that is here, out of the collector's reach.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import KaizenError
from kaizen_backups.offsite.check import problem_of
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.settings import Keep
from kaizen_backups.settings_offsite import Forget
from kaizen_backups.snapshots import Snapshot, kept


@dataclass(frozen=True)
class Arrived:
    """A copy: of which node, and when it was first seen here, as a stamp."""

    id: str
    node: str
    at: str


def read_arrivals(file: Path) -> dict[str, str]:
    """Return when each copy was first seen, by its id. Raises KaizenError."""
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise KaizenError(
            f"{file}: {error}; without it all copies count as arrived today: remove it for that"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise KaizenError(f"{file}: is not what 'kaizen offsite forget' writes")
    return found


def going(copies: Iterable[Arrived], policy: Forget, today: date) -> list[Arrived]:
    """Return the copies that no rule keeps: by day of arrival, and never the newest few of a node."""
    by_node: dict[str, list[Arrived]] = {}
    for copy in sorted(copies, key=lambda one: (one.at, one.id)):
        by_node.setdefault(copy.node, []).append(copy)
    return [copy for found in by_node.values() for copy in _going(found, policy, today)]


def _going(copies: list[Arrived], policy: Forget, today: date) -> list[Arrived]:
    """Judge one node's copies, in the order in which they arrived. A day's are told apart by a number, as snapshots."""
    counted: dict[date, int] = {}
    as_snapshots: dict[Snapshot, Arrived] = {}
    for copy in copies:
        day = date.fromisoformat(copy.at[:10])
        counted[day] = counted.get(day, 0) + 1
        as_snapshots[Snapshot(day, counted[day])] = copy
    keep = Keep(days=policy.days, weeks=policy.weeks, months=policy.months)
    stay = {as_snapshots[one].id for one in kept(as_snapshots, today, keep)}
    stay |= {copy.id for copy in copies[-policy.newest :]}
    return [copy for copy in copies if copy.id not in stay]


async def forget(restic: Restic, now: str, *, dry_run: bool = False) -> list[Arrived]:
    """Let go of what the policy does not keep, and return it. Raises KaizenError.

    The room that it took is given back by `prune`.
    """
    file = restic.settings.offsite_directory / f"{restic.name}.arrivals.json"
    before = read_arrivals(file)
    if not dry_run:
        await restic.unlock()
    listed = await restic.everything()
    arrived = [Arrived(identity, node, before.get(identity, now)) for identity, node in listed.items()]
    if not dry_run:
        _remember(file, arrived)  # before anything goes: what was seen today is one day older tomorrow
    gone = going(arrived, restic.stated.forget, date.fromisoformat(now[:10]))
    if dry_run:
        return gone
    if gone:
        await restic.require("forget", "--quiet", *(copy.id for copy in gone))
    _remember(file, [copy for copy in arrived if copy not in gone])
    return gone


async def prune(restic: Restic) -> None:
    """Give back the room of what nothing needs any more. Raises DataError when something is damaged: all of it stays.

    Whoever may add can add a false index, by which good data is elsewhere; pruning by that would remove the good.
    So all of the data is read first.
    """
    await restic.unlock()
    result = await restic.run("check", "--quiet", "--read-data")
    if result.code != 0:
        raise problem_of(restic, result)
    await restic.require("prune", "--quiet")


def _remember(file: Path, arrived: Iterable[Arrived]) -> None:
    known: Mapping[str, str] = {copy.id: copy.at for copy in sorted(arrived, key=lambda one: (one.at, one.id))}
    write_atomically(file, json.dumps(known, indent=1) + "\n", 0o600)
