"""`kaizen offsite key`: a second password."""

import asyncio
from pathlib import Path

import click

from kaizen_backups.cli.offsite.common import at_work
from kaizen_backups.offsite.password import add_key
from kaizen_backups.offsite.repository import repositories
from kaizen_backups.settings import load_settings


@click.group("key")
def command() -> None:
    """Passwords of a repository."""


@command.command("add")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def add(context: click.Context, name: str, file: Path) -> None:
    """Give the repository NAME a second password, and write that to a new FILE, for root alone.

    Each of a repository's passwords opens all of it: one for the safe, say, and one for the host that forgets.

    \b
    Example:
      kaizen offsite key add cluster /root/cluster.second-password
    """
    settings = load_settings(context.obj)
    with at_work(settings):
        asyncio.run(add_key(repositories(settings, [name])[0], file))
    click.echo(f"{file} holds a second password of {name}; take it where it belongs, and remove the file here")
