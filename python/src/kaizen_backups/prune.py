"""Which stored snapshots stay and which go, and why; and letting go of them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from kaizen_backups.errors import KaizenError
from kaizen_backups.history import History
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot, kept
from kaizen_backups.store import NodeStore
from kaizen_backups.tree import regular_files

_ABANDONED_SECONDS = 7 * 86400


@dataclass(frozen=True)
class Plan:
    """One node: for each stored snapshot, oldest first, whether it stays and why."""

    node: str
    snapshots: tuple[tuple[Snapshot, bool, str], ...]

    @property
    def going(self) -> list[Snapshot]:
        """The snapshots that go."""
        return [snapshot for snapshot, stays, _ in self.snapshots if not stays]


def plans(settings: Settings, history: History, nodes: Iterable[str]) -> Iterator[Plan]:
    """Yield each node's plan. Nothing goes of a node whose last collection failed, or that was never collected."""
    attempts = history.last_attempts()
    for node in nodes:
        attempt = attempts.get(node)
        failed = "its last collection failed" if attempt and attempt.problem else None
        never = None if attempt else "no collection of it is on record"
        stored = NodeStore(settings.store, node).snapshots()
        yield _plan(node, stored, settings, history.rotten(node), failed or never)


def _plan(node: str, stored: list[Snapshot], settings: Settings, rotten: set[Snapshot], left_alone: str | None) -> Plan:
    stay = kept(stored, _today(), settings.keep, rotten)
    rows = []
    for snapshot in stored:
        reason = stay.get(snapshot, "")
        if not reason and left_alone:
            reason = f"out of date, but {left_alone}"
        mark = " (rotten)" if snapshot in rotten else ""
        rows.append((snapshot, bool(reason), (reason or "no rule keeps it") + mark))
    return Plan(node, tuple(rows))


def carry_out(plans: Iterable[Plan], settings: Settings, history: History) -> Iterator[tuple[Plan, str | None]]:
    """Remove what goes, and what a killed removal left, of several nodes at a time; yield each with what went wrong."""
    with ThreadPoolExecutor(settings.jobs) as pool:
        work = {pool.submit(_remove, plan, settings.store): plan for plan in plans}
        for done in as_completed(work):
            plan, problem = work[done], done.exception()
            if not isinstance(problem, KaizenError | OSError | None):
                raise problem
            if not problem:
                history.forget((plan.node, str(snapshot)) for snapshot in plan.going)
            yield plan, str(problem) if problem else None


def _remove(plan: Plan, store: Path) -> None:
    node = NodeStore(store, plan.node)
    node.finish_removals()
    if abandoned := node.abandoned_partials(_ABANDONED_SECONDS):
        node.discard(abandoned)
    if plan.going:
        node.discard(node.path(snapshot) for snapshot in plan.going)


def would_free(settings: Settings, history: History, nodes: Iterable[str]) -> int:
    """Return the bytes that carrying out the nodes' plans would free: of files that nothing else has."""
    found = 0
    for plan in plans(settings, history, nodes):
        store = NodeStore(settings.store, plan.node)
        found += _freed(store.path(snapshot) for snapshot in plan.going)
    return found


def _freed(trees: Iterable[Path]) -> int:
    names: dict[int, int] = {}
    found = 0
    for tree in trees:
        for file in regular_files(tree):
            seen = names[file.status.st_ino] = names.get(file.status.st_ino, 0) + 1
            if seen == file.status.st_nlink:
                found += file.status.st_blocks * 512
    return found


def _today() -> date:
    return datetime.now().astimezone().date()
