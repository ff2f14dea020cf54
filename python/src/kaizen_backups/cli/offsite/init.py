"""`kaizen offsite init`: make a repository and its password."""

import asyncio

import click

from kaizen_backups.cli.offsite.common import at_work
from kaizen_backups.offsite.password import SAFE, initialize
from kaizen_backups.offsite.repository import repositories
from kaizen_backups.settings import load_settings


@click.command("init")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...]) -> None:
    """Make the repositories, all or those NAMEd, each with a password of its own.

    The password goes into the password_file, for root alone, and is shown once, for the safe: without it the copies
    can't be read. Where there is a repository already, nothing is changed.

    \b
    Example:
      kaizen offsite init
    """
    settings = load_settings(context.obj)
    with at_work(settings):
        for restic in repositories(settings, names):
            password = asyncio.run(initialize(restic))
            if password:
                click.echo(SAFE.format(name=restic.name, password=password, place=restic.stated.repository))
            else:
                click.echo(f"{restic.name}: is ready; its password is in {restic.password_file}")
