"""`kaizen offsite check`: is what is offsite whole?"""

import asyncio
import sys

import click

from kaizen_backups.cli.offsite.common import at_work
from kaizen_backups.cli.signals import update_metrics
from kaizen_backups.errors import DataError, KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.offsite.check import PARTS, check
from kaizen_backups.offsite.repository import repositories
from kaizen_backups.settings import load_settings


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--everything", is_flag=True, help="Read all of the data.")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...], *, everything: bool) -> None:
    """Check the structure of all repositories, or of those NAMEd, and read a thirtieth of the data.

    Each time it is the next thirtieth: checked once a day, all of it is read in a month. The exit code is 65 when
    something is damaged.

    \b
    Examples:
      kaizen offsite check
      kaizen offsite check cluster --everything
    """
    settings = load_settings(context.obj)
    worst = ExitCode.GOOD
    with at_work(settings) as history:
        for restic in repositories(settings, names):
            try:
                asyncio.run(check(restic, history, everything=everything))
            except KaizenError as error:
                click.echo(f"kaizen: {printable(str(error))}", err=True)
                worst = ExitCode.DATA if isinstance(error, DataError) else max(worst, ExitCode.FAILED)
            else:
                if sys.stdout.isatty():
                    part = history.offsite_state(restic.name).part
                    share = "all" if everything else f"part {part} of {PARTS}"
                    click.echo(f"{restic.name}: good; {share} of the data was read")
        update_metrics(settings, history)
    if worst:
        context.exit(worst)
