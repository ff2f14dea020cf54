"""What a person at a terminal sees of a running collection: a line a node at work, and how far all of it is."""

import time
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from kaizen_backups.night import Event
from kaizen_backups.units import size

_LINES = 15


class Display(AbstractContextManager["Display"]):
    """Shows, on stderr, node, phase, bytes and rate of every node at work, and the time that all will take."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._all = Progress(*columns, *times, console=console)
        self._task = self._all.add_task("nodes", total=total)
        self._working: dict[str, _Work] = {}
        self._waiting: set[str] = set()
        self._live = Live(
            get_renderable=self._render,
            console=console or Console(stderr=True),
            transient=True,
            refresh_per_second=4,
        )

    def __enter__(self) -> "Display":
        self._live.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._live.stop()

    def print(self, line: str, *, err: bool = False) -> None:
        """Print a line above the display."""
        style = "red" if err else None
        self._live.console.print(Text(line, style=style or ""), soft_wrap=True)

    def show(self, event: Event) -> None:
        """Take an event of the collection."""
        if event.kind in ("waiting", "done"):
            self._working.pop(event.node, None)
            (self._waiting.add if event.kind == "waiting" else self._waiting.discard)(event.node)
            self._all.advance(self._task, event.kind == "done")
            return
        self._waiting.discard(event.node)
        work = self._working.setdefault(event.node, _Work())
        if event.kind == "progress":
            work.take(event.facts["bytes"])
        else:
            work.begin(" ".join([event.kind, *filter(None, [event.facts.get("snapshot")])]))

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for node, work in list(self._working.items())[:_LINES]:
            table.add_row(node, work.phase, size(work.bytes), f"{size(int(work.rate()))}/s")
        more = len(self._working) - _LINES
        said = [f"and {more} more at work"] if more > 0 else []
        said += [f"{len(self._waiting)} will be asked again"] if self._waiting else []
        return Group(table, *said, self._all)


class _Work:
    """What one node is at: the phase, bytes received in it, since when."""

    def __init__(self) -> None:
        self.begin("asking")

    def begin(self, phase: str) -> None:
        self.phase = phase
        self.bytes = 0
        self._began = time.monotonic()

    def take(self, count: int) -> None:
        self.bytes = count

    def rate(self) -> float:
        return self.bytes / max(0.2, time.monotonic() - self._began)
