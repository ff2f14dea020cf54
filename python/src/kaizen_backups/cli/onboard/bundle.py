"""`kaizen-onboard bundle`: a script for a host that nobody can log in to from here."""

import base64
import json
from typing import Any

import click
from pydantic import ValidationError

from kaizen_backups.cli.onboard.common import as_usage, host_name, must_be_root
from kaizen_backups.cli.onboard.declared import declaration_of, declaration_options
from kaizen_backups.node import Node
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.minute import own_minute
from kaizen_backups.onboard.registry import require_ours
from kaizen_backups.onboard.script import data_line, script
from kaizen_backups.onboard.survey import everything
from kaizen_backups.onboard.wanted import removal, wanted
from kaizen_backups.onboard.work import current_door
from kaizen_backups.settings import load_settings


@click.command("bundle")
@click.argument("host")
@declaration_options
@click.option("--address", help="Where the collector finds the host (default: HOST).")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=22, help="The port at which the collector finds its sshd."
)
@click.option("--remove", "take_away", is_flag=True, help="Print a script that takes all of it away again.")
@click.option("--purge-local", is_flag=True, help="With --remove: the host's own snapshots, too.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    host: str,
    address: str | None,
    port: int,
    take_away: bool,
    purge_local: bool,
    **stated: Any,
) -> None:
    """Print a shell script that protects HOST, to be run there by hand, as root.

    It needs nothing but itself, can be read before it is run, and can be run again. It ends by printing a line;
    'kaizen-onboard accept LINE' on this collector puts the host on the list.

    \b
    Examples:
      kaizen-onboard bundle www.example --role website >install.sh
      kaizen-onboard bundle www.example --remove >remove.sh
    """
    must_be_root()
    settings = load_settings(context.obj)
    name = host_name(host)
    known = require_ours(settings, name)
    base = known.declaration if known else Declaration(cron_min=own_minute(name))
    declaration = declaration_of(stated, base)
    if take_away:
        click.echo(script("by_hand", removal(declaration, purge=purge_local)), nl=False)
        return
    card = introduction(name, address or (known.node.address if known else name), port, declaration)
    items = wanted(declaration, current_door(settings))
    data = [*everything(items, declaration), data_line("introduce", card)]
    click.echo(script("by_hand", data), nl=False)


def introduction(name: str, address: str, port: int, declaration: Declaration) -> str:
    """Return what the host is to say of itself beside its key: its name, and how it is backed up."""
    try:
        # Its key is known only when it says it; everything else is checked here.
        Node.model_validate({"name": name, "address": address, "port": port, "origin": "onboarded", "host_keys": ["-"]})
    except ValidationError as error:
        wrong = [complaint for complaint in error.errors() if complaint["loc"][0] != "host_keys"]
        if wrong:
            raise as_usage(error, Node) from None
    stated = {
        "name": name,
        "address": address,
        "port": port,
        "declaration": declaration.model_dump(exclude_defaults=True),
    }
    return f"kaizen1 {base64.urlsafe_b64encode(json.dumps(stated, sort_keys=True).encode()).decode()}"
