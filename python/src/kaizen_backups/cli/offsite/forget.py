"""`kaizen offsite forget`: let go of old copies, at the offsite host."""

import asyncio

import click

from kaizen_backups.cli.offsite.common import at_work
from kaizen_backups.history import stamp
from kaizen_backups.offsite.forget import forget, prune
from kaizen_backups.offsite.repository import repositories
from kaizen_backups.settings import load_settings


@click.command("forget")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--prune", "with_prune", is_flag=True, help="Give back the room, too, when all of the data is good.")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...], *, dry_run: bool, with_prune: bool) -> None:
    """Remove the copies that 'forget' in the settings does not keep. It runs where the collector has no hand.

    That is the offsite host, or whoever owns the bucket: the collector may only add. What counts is the day on which
    this command first saw a copy, whatever date that bears, so let it run every day; and the newest of each node stay.

    What is forgotten goes on taking room until --prune, which reads all of the data first: once a month, say.

    \b
    Examples:
      kaizen offsite forget --dry-run
      kaizen offsite forget
      kaizen offsite forget --prune
    """
    if dry_run and with_prune:
        raise click.UsageError("--dry-run removes nothing: leave --prune out")
    settings = load_settings(context.obj)
    with at_work(settings):
        for restic in repositories(settings, names):
            gone = asyncio.run(forget(restic, stamp(), dry_run=dry_run))
            for copy in gone if dry_run else ():
                click.echo(f"{restic.name}: would remove {copy.id[:8]} of {copy.node}, arrived {copy.at}")
            if gone and not dry_run:
                click.echo(f"{restic.name}: removed {len(gone)} of the copies")
            if with_prune:
                asyncio.run(prune(restic))
