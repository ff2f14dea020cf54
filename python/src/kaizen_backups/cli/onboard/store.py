"""`kaizen-onboard store`: let an offsite machine collect this collector's store."""

from pathlib import Path

import click

from kaizen_backups.cli.onboard.common import lock_file, must_be_root
from kaizen_backups.lock import only_run
from kaizen_backups.onboard.access import read_public_key
from kaizen_backups.onboard.store_door import carry_out, data, removal
from kaizen_backups.settings import load_settings


@click.command("store")
@click.argument("keys", nargs=-1, type=click.Path(path_type=Path, dir_okay=False), metavar="[KEY.pub]...")
@click.option("--remove", "close", is_flag=True, help="Close the door.")
@click.pass_context
def command(context: click.Context, keys: tuple[Path, ...], *, close: bool) -> None:
    """Open a door to this collector's store for the offsite machines with these keys, and for nobody else.

    Whoever has such a key can read everybody's published snapshots, and do nothing else. The offsite machine is a
    collector whose only source is this one: its collector.yaml says so under sources, collector.

    \b
    Examples:
      kaizen-onboard store offsite.pub
      kaizen-onboard store --remove
    """
    must_be_root()
    if bool(keys) == close:
        raise click.UsageError("name a KEY.pub, or give --remove")
    settings = load_settings(context.obj)
    with only_run(lock_file(settings)):
        lines = removal() if close else data(settings.store, [read_public_key(key) for key in keys])
        for line in carry_out(lines):
            click.echo(line)
