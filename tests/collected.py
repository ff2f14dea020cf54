"""What a collector has after some nights: nodes on its list, snapshots in its store, and a history of both."""

from datetime import datetime

from kaizen_backups.atomic import write_atomically
from kaizen_backups.history import History, stamp
from kaizen_backups.node import Node
from kaizen_backups.nodes_yaml import to_yaml
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.sums import Checked
from samples import make_node


class Collected:
    """The nodes of a collector, as the tests have them."""

    def __init__(self, settings: Settings, history: History) -> None:
        self._settings = settings
        self._history = history
        self.nodes: list[Node] = []

    def node(self, name: str, *snapshots: str, problem: str | None = None, size: int = 2048) -> None:
        """Add a node with these snapshots, each received at 4 o'clock, whose last collection had that problem."""
        self.nodes.append(make_node(name))
        write_atomically(self._settings.nodes_file, to_yaml(self.nodes))
        for one in snapshots:
            self.receive(name, one, size=size)
        self._history.add_attempt(name, 1.5, len(snapshots), problem)

    def receive(self, name: str, one: str, *, size: int = 2048) -> None:
        """Let a snapshot of a node come."""
        (self._settings.store / name / one).mkdir(parents=True)
        snapshot = Snapshot.parse(one)
        assert snapshot
        received = stamp(datetime.fromisoformat(f"{snapshot.date}T04:00:00+00:00"))
        self._history.add_snapshot(name, snapshot, Checked(3, size, 1, 1024, "0" * 64), received)

    def forget(self, name: str) -> None:
        """Take a node off the list; its snapshots stay."""
        self.nodes = [node for node in self.nodes if node.name != name]
        write_atomically(self._settings.nodes_file, to_yaml(self.nodes))
