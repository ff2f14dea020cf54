"""`kaizen drill`: prove that what is stored can be restored."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click

from kaizen_backups.cli.signals import update_metrics
from kaizen_backups.drill.pick import pick
from kaizen_backups.drill.scratch import scratch
from kaizen_backups.drill.work import Outcome, drill, require_servers
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import History, open_history
from kaizen_backups.lock import only_run
from kaizen_backups.restore.place import local_directory
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.store import NodeStore, existing
from kaizen_backups.units import many


@click.command("drill")
@click.argument("nodes", nargs=-1, metavar="[NODE...]")
@click.option(
    "--nodes",
    "count",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many: those drilled longest ago; 1 unless told.",
)
@click.option(
    "--scratch",
    "place",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where there is room; below the collector's state unless told.",
)
@click.option(
    "--accept-missing", is_flag=True, help="Tables and databases that are gone since the last drill are meant."
)
@click.option("-v", "--verbose", is_flag=True, help="A line for each good node, also where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each node.")
@click.pass_context
def command(
    context: click.Context,
    *,
    nodes: tuple[str, ...],
    count: int | None,
    place: Path | None,
    accept_missing: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Bring the newest snapshot of NODEs, or of N nodes, back to scratch space, check all of it, and remove it.

    Every sum is verified, every database's dump is loaded into a throw-away MariaDB or PostgreSQL without a network,
    and what the node's role must have is looked at: settings, Fernet keys, Keystone's users, and every table that the
    last good drill found. 'kaizen status' then says since when each node is proven restorable. A failure is named, and
    the exit code is 1.

    \b
    Examples:
      kaizen drill                                         # for cron
      kaizen drill controller01.example --scratch /srv/tmp -v
    """
    if nodes and count:
        raise click.UsageError("--nodes chooses the nodes itself: give it without NODE")
    settings = load_settings(context.obj)
    parent = Path(os.fsdecode(local_directory(str(place or settings.state / "drill"), settings.store)))
    with only_run(settings.state / "drill.lock"), open_history(settings.history_file) as history:
        chosen = _choose(settings, history, nodes, count or 1)
        require_servers(settings, chosen)
        good = True
        for node in chosen:
            with scratch(parent) as directory:
                outcome = _interruptible(settings, history, node, directory, accept_missing=accept_missing)
            good &= outcome.good
            _say(outcome, as_json=as_json, verbose=verbose)
        update_metrics(settings, history)
    if not good:
        context.exit(ExitCode.FAILED)


def _choose(settings: Settings, history: History, nodes: tuple[str, ...], count: int) -> list[str]:
    found = existing(settings.store, nodes)
    having = [node for node in found if NodeStore(settings.store, node).snapshots()]
    if not having or (nodes and len(having) < len(found)):
        without = ", ".join(printable(node) for node in found if node not in having) or "any node"
        raise KaizenError(f"there is no snapshot of {without} to drill")
    return having if nodes else pick(having, history.last_drills(), count)


def _interruptible(settings: Settings, history: History, node: str, place: Path, *, accept_missing: bool) -> Outcome:
    """Drill; Ctrl-C and SIGTERM end it, and with it all that it started."""

    async def watched() -> Outcome:
        task = asyncio.ensure_future(drill(settings, history, node, place, accept_missing=accept_missing))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    with suppress(asyncio.CancelledError):
        return asyncio.run(watched())
    raise KeyboardInterrupt


def _say(outcome: Outcome, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.as_json()))
    elif outcome.good and (verbose or sys.stdout.isatty()):
        tables = sum(len(rows) for rows in outcome.tables.values())
        rows = sum(sum(rows.values()) for rows in outcome.tables.values())
        counts = f"{many(outcome.files, 'file')}, {many(len(outcome.tables), 'database')}, {many(tables, 'table')}"
        click.echo(f"{outcome.node}: {outcome.snapshot} is proven restorable: {counts}, {many(rows, 'row')}")
    for problem in outcome.problems:
        click.echo(f"kaizen: {outcome.node}: {outcome.snapshot}: {printable(problem)}", err=True)
    if outcome.not_done:
        click.echo(f"kaizen: {outcome.node}: not drilled: {printable(outcome.not_done)}", err=True)
