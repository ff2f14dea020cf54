"""What to do next about a node."""

import pytest

from kaizen_backups.report.advice import Advice, next_step
from kaizen_backups.status import NodeStatus, State


def status(state: State, problem: str | None = None, **fields: object) -> NodeStatus:
    return NodeStatus("n", "compute", state, None, None, None, None, 0, problem, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (status(State.NEVER, "never collected"), Advice("kaizen collect -v n")),
        (status(State.FAILING, "cannot be reached"), Advice("kaizen collect -v n")),
        (status(State.FAILING, "2026-11-24 has a rotten file; 'kaizen verify' names it"), Advice("kaizen verify n")),
        (status(State.STALE, "nothing newer than 2026-11-19"), Advice("kaizen-backup status", "n")),
        (status(State.FRESH, rotten=["2026-11-20"]), Advice("kaizen verify n")),
        (status(State.FRESH, drill_failed="2026-11-23T09:00:00Z"), Advice("kaizen drill n")),
        (status(State.FRESH, unusual=["much smaller"]), Advice("kaizen status n")),
        (status(State.LATE, warnings=["a warning"]), Advice("kaizen status n")),
        (status(State.FRESH), None),
        (status(State.LATE, "today's snapshot is not here yet"), None),
    ],
)
def test_each_trouble_has_its_command(found: NodeStatus, advice: Advice | None) -> None:
    assert next_step(found) == advice


@pytest.mark.parametrize("state", [State.NEVER, State.STALE])
def test_a_node_of_another_collector_is_looked_at_there(state: State) -> None:
    assert next_step(status(state, "silent", collector="other.example")) == Advice("kaizen status n", "other.example")
