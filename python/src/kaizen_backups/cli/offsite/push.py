"""`kaizen offsite push`: send what is not offsite yet."""

import asyncio
import json
import sys

import click

from kaizen_backups.cli.offsite.common import at_work
from kaizen_backups.cli.signals import update_metrics
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import History
from kaizen_backups.offsite.check import check
from kaizen_backups.offsite.push import Pushed, push
from kaizen_backups.offsite.repository import Restic, repositories
from kaizen_backups.settings import load_settings
from kaizen_backups.units import many, size


@click.command("push")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@click.option("--check", "also_check", is_flag=True, help="Then do what 'kaizen offsite check' does.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each snapshot, also where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each repository.")
@click.pass_context
def command(
    context: click.Context, names: tuple[str, ...], *, dry_run: bool, also_check: bool, verbose: bool, as_json: bool
) -> None:
    """Send every stored and verified snapshot that is not there yet to all repositories, or to those NAMEd.

    A push that was cut short is gone on with by the next one. What fails is named, the rest is sent, and the exit code
    is then 1. Where there is no terminal, nothing else is printed.

    \b
    Examples:
      kaizen offsite push
      kaizen offsite push cluster --dry-run
      kaizen offsite push --check       what the schedule runs every day
    """
    settings = load_settings(context.obj)
    chatty = (verbose or sys.stdout.isatty()) and not as_json
    failed = False
    with at_work(settings) as history:
        for restic in repositories(settings, names):
            outcome = asyncio.run(push(restic, history, click.echo if chatty else _nothing, dry_run=dry_run))
            failed |= bool(outcome.problems)
            if as_json:
                click.echo(json.dumps(outcome.as_json()))
            elif chatty or dry_run:
                _say(outcome, dry_run=dry_run)
            if outcome.unverified:
                waits = f"{many(len(outcome.unverified), 'snapshot')} not verified yet, {outcome.unverified[0]} first"
                click.echo(f"kaizen: offsite.{restic.name}: {waits}; 'kaizen verify' reads them", err=True)
            for problem in outcome.problems:
                click.echo(f"kaizen: {printable(problem)}", err=True)
            if also_check and not dry_run and not outcome.problems:
                failed |= not _is_whole(restic, history)
        if not dry_run:
            update_metrics(settings, history)
    if failed:
        context.exit(ExitCode.FAILED)


def _is_whole(restic: Restic, history: History) -> bool:
    try:
        asyncio.run(check(restic, history))
    except KaizenError as error:
        click.echo(f"kaizen: {printable(str(error))}", err=True)
        return False
    return True


def _nothing(_line: str) -> None:
    """Say nothing."""


def _say(outcome: Pushed, *, dry_run: bool) -> None:
    for one in outcome.sent if dry_run else ():
        click.echo(f"{outcome.repository}: would send {one}")
    count = many(len(outcome.sent), "snapshot")
    click.echo(f"{outcome.repository}: {count} {'to send' if dry_run else f'sent, {size(outcome.added_bytes)} added'}")
