"""What a person sees of a restore: the plan, how far it is, how it ended."""

import os
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from kaizen_backups.errors import printable
from kaizen_backups.restore.contents import Contents
from kaizen_backups.restore.place import Place
from kaizen_backups.restore.plan import Plan
from kaizen_backups.restore.work import Restore, Restored
from kaizen_backups.units import many, size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_NAMED = 20  # names of a kind that are shown without -v
_COLOURS = {"create": "green", "overwrite": "yellow", "change attributes of": "yellow", "delete": "red"}


def say_plan(plan: Plan, restore: Restore, place: Place, *, verbose: bool) -> None:
    """Print what would be done, a name a line; of many names the first, unless all are wanted."""
    click.echo(f"{restore.node}, snapshot {restore.snapshot}, to {place}")
    kinds = [plan.create, plan.overwrite, plan.attributes, plan.delete]
    for verb, names in zip(_COLOURS, kinds, strict=True):
        if names:
            say_names(verb, names, restore.contents, verbose=verbose)
    if plan.same:
        click.echo(f"leave {plan.same} that are there and the same")
    if plan.as_they_are:
        kept = many(len(plan.as_they_are), "directory").replace("directorys", "directories")
        click.echo(f"leave owner, mode and time of {kept} that differ in that (--overwrite changes them)")
    for name in plan.leftovers:
        click.echo(f"left by a restore that was broken off, and yours to remove: {place.shown(name)}")
    for warning in plan.warnings:
        click.secho(f"warning: {warning}", fg=_colour("yellow"))
    if plan.empty:
        click.echo("there is nothing to do")


def say_names(verb: str, names: list[bytes], contents: Contents, *, verbose: bool) -> None:
    """Print a heading with the count, and names."""
    bytes_ = size(contents.size_of(names)) if verb in ("create", "overwrite") else ""
    click.secho(f"{verb} {len(names)}{f' ({bytes_})' if bytes_ else ''}:", fg=_colour(_COLOURS[verb]))
    shown = names if verbose else names[:_NAMED]
    for name in shown:
        entry = contents.entries.get(name)
        slash = "/" if entry and entry.kind.is_directory else ""
        click.echo(f"  /{printable(name.decode('utf-8', 'backslashreplace'))}{slash}")
    if len(shown) < len(names):
        click.echo(f"  and {len(names) - len(shown)} more (-v names all)")


def result_lines(done: Restored, restore: Restore, place: Place) -> list[str]:
    """Return what is said at the end."""
    counts = [
        f"{count} {what}"
        for count, what in (
            (done.created, "created"),
            (done.overwritten, "overwritten"),
            (done.attributes, "with other attributes"),
            (done.deleted, "deleted"),
        )
        if count
    ]
    what = ", ".join(counts) or "nothing to do"
    return [f"{place}: {what}; {many(done.verified, 'file')} verified, from {restore.node} {restore.snapshot}"]


def _colour(name: str) -> str | None:
    return None if os.environ.get("NO_COLOR") else name


class Display(AbstractContextManager["Display"]):
    """A bar on stderr where that is a terminal; nothing elsewhere."""

    def __init__(self, *, as_json: bool) -> None:
        self._shown = sys.stderr.isatty() and not as_json
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._doing = ""
        self._total: int | None = None

    def __exit__(self, *_: object) -> None:
        self.pause()

    def total(self, count: int) -> None:
        """Take the bytes that will be copied."""
        self._total = count

    def tell(self, doing: str, done: int) -> None:
        """Say what is being done, and how many bytes of it are."""
        if not self._shown:
            return
        if doing != self._doing:
            self._begin(doing)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)

    def pause(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._doing = ""

    def _begin(self, doing: str) -> None:
        from rich.console import Console  # what shows no bar does without
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

        self.pause()
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True))
        self._bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(doing, total=self._total if doing == "copying" else None)
        self._doing = doing
        self._bar.start()
