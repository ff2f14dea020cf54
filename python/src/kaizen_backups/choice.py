"""What of a node's offer is received, and what is wrong with the offer. Nothing here asks or stores anything."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot, kept


def choose(
    offered: Iterable[Snapshot],
    stored: Iterable[Snapshot],
    today: date,
    settings: Settings,
    rotten: Collection[Snapshot] = (),
) -> tuple[list[Snapshot], list[str]]:
    """Return the offered snapshots to receive, oldest first, and what is wrong with the offer.

    A date is the node's own and may be one day ahead of ours, as time zones go; later ones are refused. One that
    retention would remove at once is not fetched. A stored one that is rotten is fetched anew.
    """
    latest = today + timedelta(days=1)
    offer = {s for s in offered if s.date <= latest and s.number <= settings.limits.again}
    problems = [_refusal(s, latest, settings.limits.again) for s in sorted(set(offered) - offer)]
    newest = max(offer, default=None)
    if newest is None:
        problems.append("it has no snapshot; has kaizen-backup run there, and what does its log say?")
    elif newest.date < today - timedelta(days=1):
        problems.append(f"its newest snapshot is of {newest.date}; what does kaizen-backup's log there say?")
    whole = set(stored) - set(rotten)
    stay = kept(offer | set(stored), today, settings.keep)
    return sorted((offer & stay.keys()) - whole), _shortened(problems)


def deleted(offered: Collection[Snapshot], stored: Collection[Snapshot]) -> list[Snapshot]:
    """Return the stored snapshots that are missing from the offer though the agent's retention would have them there.

    It removes the oldest first, and never the newest.
    """
    if not offered:
        return [max(stored)] if stored else []
    gone = [s for s in stored if s not in offered]
    return sorted(s for s in gone if s > min(offered) or (s == max(stored) and s > max(offered)))


def _refusal(snapshot: Snapshot, latest: date, again: int) -> str:
    if snapshot.date > latest:
        return f"refused {snapshot}: it is dated in the future"
    return f"refused {snapshot}: more than {again} snapshots of one date (limits.again)"


def _shortened(problems: list[str]) -> list[str]:
    few = 10
    more = [f"and {len(problems) - few} more like this"] if len(problems) > few else []
    return problems[:few] + more
