"""A node's status, and a fleet's, in words: for the terminal and the status page."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from kaizen_backups.status import SAFE, NodeStatus, State
from kaizen_backups.units import many

_FEW = 3


def summary(found: Sequence[NodeStatus]) -> str:
    """Return how many nodes are safe, in one line."""
    counts = Counter(status.state for status in found)
    safe = sum(counts[state] for state in SAFE)
    said = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    odd = sum(bool(status.unusual) for status in found)
    return f"{safe} of {len(found)} nodes are safe: {said}" + (f"; {odd} unusual" if odd else "")


def what_is_wrong(status: NodeStatus) -> str:
    """Return in words what is wrong with a node, or what should be looked at."""
    return "; ".join([*([status.problem] if status.problem else []), *worth_a_look(status)])


def worth_a_look(status: NodeStatus) -> list[str]:
    """Return what should be looked at at a node, be it safe or not."""
    named = status.problem or ""
    rotten = [snapshot for snapshot in status.rotten if not named.startswith(f"{snapshot} has a rotten file")]
    said = [f"rotten: {_first(rotten)}"] if rotten else []
    said += ["its last drill failed"] if status.drill_failed else []
    said += status.unusual
    said += [many(len(status.warnings), "warning")] if status.warnings else []
    return said


def but_for(dumps: Sequence[str]) -> str:
    """Return what a drill did not prove, to be appended to what it did; "" where it was all."""
    return f", but for {many(len(dumps), 'encrypted dump')}" if dumps else ""


def _first(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")


def short_age(age: timedelta | None) -> str:
    """Return an age in its largest unit: minutes, hours or days."""
    if age is None:
        return "-"
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 72 * 60 else f"{minutes // (24 * 60)} d"


def growth(status: NodeStatus) -> str:
    """Return how its size changed in a week."""
    return "-" if status.growth is None else f"{status.growth:+.0%}"
