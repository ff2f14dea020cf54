"""`kaizen collect`: fetch, check, publish and keep every node's snapshots."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

import click

from kaizen_backups.cli.nodes import say_problems
from kaizen_backups.cli.table import size
from kaizen_backups.collect import Night, Outcome, collect
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import open_history
from kaizen_backups.lock import only_run
from kaizen_backups.node import Node
from kaizen_backups.nodelist import refresh
from kaizen_backups.settings import load_settings


@click.command("collect")
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@click.option("-n", "--dry-run", is_flag=True, help="Connect, and say what would be fetched; store nothing.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each node, also where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each node.")
@click.pass_context
def command(context: click.Context, nodes: tuple[str, ...], dry_run: bool, verbose: bool, as_json: bool) -> None:
    """Fetch the new snapshots of every node, or of the NODEs named; check, publish and keep them.

    The node list is made anew first. A node that fails is named on stderr, and the others are collected all the
    same; the exit code is then 1. Where there is no terminal, nothing else is printed.

    \b
    Examples:
      kaizen collect
      kaizen collect --dry-run compute01.kaizen.example
    """
    settings = load_settings(context.obj)
    with only_run(settings.lock_file), open_history(settings.history_file) as history:
        known = refresh(settings)
        wanted = [known.get(name) for name in dict.fromkeys(nodes)] if nodes else known.share(settings)
        failed = say_problems(known)
        if not wanted:
            raise KaizenError("there is no node to collect; 'kaizen nodes refresh' reads the sources")
        night = Night(settings, history, datetime.now().astimezone().date(), dry_run)
        outcomes = _run(wanted, night, verbose or sys.stdout.isatty(), as_json)
    if failed or any(outcome.problems for outcome in outcomes):
        context.exit(ExitCode.FAILED)


def _run(nodes: list[Node], night: Night, chatty: bool, as_json: bool) -> list[Outcome]:
    with _progress(len(nodes)) as advance:

        def done(outcome: Outcome) -> None:
            if as_json:
                click.echo(json.dumps(outcome.as_json()))
            elif chatty:
                click.echo(_line(outcome, night.dry_run))
            for problem in outcome.problems:
                click.echo(f"kaizen: {outcome.node}: {printable(problem)}", err=True)
            advance()

        return asyncio.run(_interruptible(nodes, night, done))


async def _interruptible(nodes: list[Node], night: Night, done: Callable[[Outcome], None]) -> list[Outcome]:
    """Collect; a SIGTERM ends it as Ctrl-C does: everything it started is ended, and nothing half done counts."""
    task = asyncio.ensure_future(collect(nodes, night, done))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _line(outcome: Outcome, dry_run: bool) -> str:
    if dry_run:
        return f"{outcome.node}: would fetch {', '.join(outcome.wanted) or 'nothing'}"
    received = ", ".join(outcome.received) or "nothing new"
    expired = f", expired {', '.join(outcome.expired)}" if outcome.expired else ""
    return f"{outcome.node}: {received} ({size(outcome.new_bytes)} new, {outcome.seconds:.1f} s){expired}"


def _progress(total: int) -> AbstractContextManager[Callable[[], None]]:
    """Return a progress bar on a terminal's stderr, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(lambda: None)
    return _Bar(total)


class _Bar(AbstractContextManager[Callable[[], None]]):
    def __init__(self, total: int) -> None:
        from rich.console import Console  # cron does without
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("collecting"), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._task)

    def __exit__(self, *_: Any) -> None:
        self._bar.stop()
