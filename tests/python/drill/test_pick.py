"""Whose turn it is."""

from kaizen_backups.drill.pick import pick
from kaizen_backups.history_records import Drill


def test_those_never_drilled_come_first_and_then_those_longest_ago() -> None:
    last = {name: Drill(f"2026-11-{day}T00:00:00Z", "", [], {}) for name, day in (("a", 24), ("b", 13), ("c", 20))}
    nodes = ["a", "b", "c", "new2", "new1"]
    assert pick(nodes, last, 4) == ["new1", "new2", "b", "c"]
    assert pick(nodes, last, 99)[-1] == "a"
