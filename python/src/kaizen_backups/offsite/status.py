"""What is offsite: of each node the newest copy in each repository, and how pushes and checks went."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from kaizen_backups.history import History
from kaizen_backups.history_offsite import RepositoryState
from kaizen_backups.offsite.push import waiting
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.snapshots import Snapshot

_NONE = Snapshot(date.min)


@dataclass(frozen=True)
class NodeCopies:
    """A node in a repository: its newest snapshot there, when that came to the collector, how many there are."""

    node: str
    snapshot: str | None
    received: str | None
    copies: int
    waiting: int
    """Stored and verified snapshots that are not there."""


@dataclass(frozen=True)
class RepositoryStatus:
    """A repository, as it was when it was last listed."""

    repository: str
    state: RepositoryState
    nodes: list[NodeCopies]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with it, and everything is there."""
        problems = self.state.push_problem or self.state.check_problem
        return not problems and not any(one.waiting for one in self.nodes)

    def as_json(self) -> dict[str, Any]:
        """Return it as `kaizen offsite status --json` prints it."""
        return {"repository": self.repository, **asdict(self.state), "nodes": [asdict(one) for one in self.nodes]}


def offsite_status(restic: Restic, history: History, nodes: Iterable[str]) -> RepositoryStatus:
    """Return what is known of a repository without asking it."""
    copies = history.copies(restic.name)
    missing, _ = waiting(restic, history, copies)
    names = sorted({*nodes, *(one.node for one in copies), *(one.node for one in missing)})
    found = []
    for name in names:
        own = [one for one in copies if one.node == name]
        newest = max(own, key=lambda one: Snapshot.parse(one.snapshot) or _NONE, default=None)
        found.append(
            NodeCopies(
                name,
                newest.snapshot if newest else None,
                newest.received if newest else None,
                len({one.snapshot for one in own}),
                sum(one.node == name for one in missing),
            )
        )
    return RepositoryStatus(restic.name, history.offsite_state(restic.name), found)
