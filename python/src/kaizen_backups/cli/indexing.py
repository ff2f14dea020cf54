"""The indexes that `find` and `history` ask: brought up to date, with what is amiss said, and progress shown."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from kaizen_backups.errors import printable
from kaizen_backups.search.index import Index, open_index
from kaizen_backups.settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 3.0


class Indexes:
    """Opens indexes; `failed` tells whether something that is stored could not be read, which was then named."""

    def __init__(self, settings: Settings, *, quiet: bool = False) -> None:
        """Take the settings, and whether it is no news that it takes long."""
        self.failed = False
        self._settings = settings
        self._progress: Progress | None = None
        self._began: float | None = None
        self._said = quiet
        self._unsaved = False

    def of(self, nodes: Iterable[str]) -> Iterator[Index]:
        """Yield the nodes' indexes."""
        for node in nodes:
            try:
                index = open_index(self._settings, node, self._tell)
            except OSError as error:
                self._complain(f"{node}: in the store: {error}")
                continue
            finally:
                self._hide()
            for problem in index.problems:
                self._complain(problem)
            if index.unsaved and not self._unsaved:
                self._unsaved = True
                _say(f"the index cannot be kept, so each search reads the snapshots again: {index.unsaved}")
            yield index

    def _complain(self, problem: str) -> None:
        self.failed = True
        _say(problem)

    def _tell(self, node: str, snapshot: str, number: int, total: int) -> None:
        """Show how far it is at a terminal; elsewhere say, once, that it takes long."""
        if sys.stderr.isatty():
            self._show(f"reading {node} {snapshot}", number, total)
            return
        self._began = self._began or time.monotonic()
        if not self._said and time.monotonic() > self._began + _PATIENCE:
            self._said = True
            _say("reading snapshots that are not indexed yet")

    def _show(self, what: str, number: int, total: int) -> None:
        from rich.console import Console  # nearly always there is nothing to show
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if not self._progress:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.add_task(what, total=total)
            self._progress.start()
        self._progress.update(self._progress.task_ids[0], description=what, completed=number)

    def _hide(self) -> None:
        if self._progress:
            self._progress.stop()
            self._progress = None


def _say(message: str) -> None:
    click.echo(f"kaizen: {printable(message)}", err=True)
