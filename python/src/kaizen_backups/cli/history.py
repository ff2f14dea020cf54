"""`kaizen history`: the record of collections."""

import click

from kaizen_backups.errors import printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.lock import only_run
from kaizen_backups.rebuild import rebuild
from kaizen_backups.settings import load_settings
from kaizen_backups.units import many


@click.group("history")
def command() -> None:
    """Look after the record of collections, history.sqlite."""


@command.command("rebuild")
@click.pass_context
def rebuild_history(context: click.Context) -> None:
    """Put what is stored on record, where the record was lost or is broken. What is still known stays as it is.

    A broken database is set aside. Run 'kaizen verify' afterwards: that files are as they were collected is not
    looked at here.

    \b
    Example:
      kaizen history rebuild
    """
    settings = load_settings(context.obj)
    with only_run(settings.lock_file):
        added, problems = rebuild(settings)
    click.echo(f"{many(added, 'snapshot')} put on record")
    for problem in problems:
        click.echo(f"kaizen: {printable(problem)}", err=True)
    if problems:
        context.exit(ExitCode.FAILED)
