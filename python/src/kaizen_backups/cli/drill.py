"""`kaizen drill`: prove that what is stored can be restored."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from kaizen_backups.cli.signals import update_metrics
from kaizen_backups.drill.live import Live
from kaizen_backups.drill.pick import pick
from kaizen_backups.drill.scratch import scratch
from kaizen_backups.drill.work import Outcome, drill, require_servers
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import History, open_history
from kaizen_backups.lock import only_run
from kaizen_backups.nodes_yaml import read_list
from kaizen_backups.onboard.administrator import administrator
from kaizen_backups.restore.place import local_directory
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.status_words import but_for
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
@click.option("--live", is_flag=True, help="Compare some of the files with the live nodes too, by your own ssh.")
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
    live: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Bring the newest snapshot of NODEs, or of N nodes, back to scratch space, check all of it, and remove it.

    Every sum is verified, every database's dump is loaded into a throw-away MariaDB or PostgreSQL without a network,
    and what the node's role must have is looked at: settings, Fernet keys, Keystone's users, and every table that the
    last good drill found. 'kaizen status' then says since when each node is proven restorable. A failure is named, and
    the exit code is 1.

    Of a dump that is encrypted (dump_recipients) only the sum is verified. It is named as not looked into, in --json in
    `unchecked`, and the node counts as proven but for it.

    With --live up to 200 of the files, at random, are compared with the node itself, where they are unchanged by size
    and time: by your own ssh, and sudo there unless you log in as root. A file that has another content is a failure.
    A node that cannot be asked is named, and the exit code is 69; its snapshot counts as proven all the same.
    Switches are not asked.

    \b
    Examples:
      kaizen drill                                         # for cron
      kaizen drill controller01.example --scratch /srv/tmp -v
      kaizen drill --nodes 3 --live -v                     # not for cron: your ssh
    """
    if nodes and count:
        raise click.UsageError("--nodes chooses the nodes itself: give it without NODE")
    settings = load_settings(context.obj)
    parent = Path(os.fsdecode(local_directory(str(place or settings.state / "drill"), settings.store)))
    with only_run(settings.state / "drill.lock"), open_history(settings.history_file) as history:
        chosen = _choose(settings, history, nodes, count or 1)
        require_servers(settings, chosen)
        asked = _live(settings) if live else None
        switches = {node.name for node in read_list(settings.nodes_file) if node.is_switch}
        outcomes = []
        for node in chosen:
            with scratch(parent) as directory:
                trial = drill(
                    settings,
                    history,
                    node,
                    directory,
                    accept_missing=accept_missing,
                    live=None if node in switches else asked,
                )
                outcomes.append(_interruptible(trial))
            _say(outcomes[-1], as_json=as_json, verbose=verbose)
        update_metrics(settings, history)
    if not all(outcome.good for outcome in outcomes):
        context.exit(ExitCode.FAILED)
    if any(outcome.live and outcome.live.not_done for outcome in outcomes):
        context.exit(ExitCode.UNAVAILABLE)


def _choose(settings: Settings, history: History, nodes: tuple[str, ...], count: int) -> list[str]:
    found = existing(settings.store, nodes)
    having = [node for node in found if NodeStore(settings.store, node).snapshots()]
    if not having or (nodes and len(having) < len(found)):
        without = ", ".join(printable(node) for node in found if node not in having) or "any node"
        raise KaizenError(f"there is no snapshot of {without} to drill")
    return having if nodes else pick(having, history.last_drills(), count)


def _live(settings: Settings) -> Live:
    return Live(administrator(), read_list(settings.nodes_file), settings.known_hosts_file)


def _interruptible(trial: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Drill; Ctrl-C and SIGTERM end it, and with it all that it started."""

    async def watched() -> Outcome:
        task = asyncio.ensure_future(trial)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    with suppress(asyncio.CancelledError):
        return asyncio.run(watched())
    raise KeyboardInterrupt


def _say_good(outcome: Outcome) -> None:
    if outcome.good:
        tables = sum(len(rows) for rows in outcome.tables.values())
        rows = sum(sum(rows.values()) for rows in outcome.tables.values())
        counts = f"{many(outcome.files, 'file')}, {many(len(outcome.tables), 'database')}, {many(tables, 'table')}"
        proven = f"proven restorable{but_for(outcome.unchecked)}"
        click.echo(f"{outcome.node}: {outcome.snapshot} is {proven}: {counts}, {many(rows, 'row')}")
    for dump in outcome.unchecked:
        click.echo(printable(f"{outcome.node}: {outcome.snapshot}: {dump} is encrypted, and could not be looked into"))
    if outcome.live and outcome.live.unchanged and not outcome.live.not_done:
        click.echo(f"{outcome.node}: {outcome.live.told()}")


def _say(outcome: Outcome, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.as_json()))
    elif verbose or sys.stdout.isatty():
        _say_good(outcome)
    for problem in outcome.problems:
        click.echo(f"kaizen: {outcome.node}: {outcome.snapshot}: {printable(problem)}", err=True)
    if outcome.live and outcome.live.not_done:
        click.echo(f"kaizen: {outcome.node}: not compared: {printable(outcome.live.not_done)}", err=True)
    elif outcome.live and not outcome.live.unchanged:
        click.echo(f"kaizen: {outcome.node}: {outcome.live.told()}", err=True)
    if outcome.not_done:
        click.echo(f"kaizen: {outcome.node}: not drilled: {printable(outcome.not_done)}", err=True)
