"""Whose turn it is."""

from collections.abc import Iterable, Mapping

from kaizen_backups.history_records import Drill


def pick(nodes: Iterable[str], last: Mapping[str, Drill], count: int) -> list[str]:
    """Return so many of the nodes: those never drilled, then those drilled longest ago."""
    return sorted(nodes, key=lambda node: (last[node].at if node in last else "", node))[:count]
