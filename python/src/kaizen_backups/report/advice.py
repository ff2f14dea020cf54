"""What to do next about a node that needs a look: one command, and where it is run."""

from dataclasses import dataclass

from kaizen_backups.status import SAFE, NodeStatus, State


@dataclass(frozen=True)
class Advice:
    """A command, and the host on which it is run; None: this collector."""

    command: str
    host: str | None = None


def next_step(status: NodeStatus) -> Advice | None:
    """Return what to do next; None when nothing is to be done."""
    if status.state not in SAFE:
        return _to_make_safe(status)
    if status.rotten:
        return Advice(f"kaizen verify {status.node}")
    if status.drill_failed:
        return Advice(f"kaizen drill {status.node}")
    return Advice(f"kaizen status {status.node}") if status.unusual or status.warnings else None


def _to_make_safe(status: NodeStatus) -> Advice:
    if status.collector:
        return Advice(f"kaizen status {status.node}", status.collector)
    if status.problem and "has a rotten file" in status.problem:
        return Advice(f"kaizen verify {status.node}")
    if status.state == State.STALE and status.role != "switch":
        return Advice("kaizen-backup status", status.node)  # it answers, and has nothing newer
    return Advice(f"kaizen {'switches' if status.role == 'switch' else 'collect'} -v {status.node}")
