"""A node's status, and a fleet's, in words: for the terminal and the status page."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from kaizen_backups.status import SAFE, NodeStatus, State
from kaizen_backups.units import many


def summary(found: Sequence[NodeStatus]) -> str:
    """Return how many nodes are safe, in one line."""
    counts = Counter(status.state for status in found)
    safe = sum(counts[state] for state in SAFE)
    said = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    odd = sum(bool(status.unusual) for status in found)
    return f"{safe} of {len(found)} nodes are safe: {said}" + (f"; {odd} unusual" if odd else "")


def what_is_wrong(status: NodeStatus) -> str:
    """Return in words what is wrong with a node, or what should be looked at."""
    said = [status.problem] if status.problem else []
    said += status.unusual
    said += [many(len(status.warnings), "warning")] if status.warnings else []
    return "; ".join(said)


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
