"""The options that say how a host is backed up, for every command that takes them."""

from typing import Any

import click
from pydantic import ValidationError

from kaizen_backups.cli.onboard.common import as_usage
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.units import parse_clock


def declaration_options(function: Any) -> Any:
    """Give a command the options that say how a host is backed up."""
    for option in reversed(
        [
            click.option(
                "--role",
                help="What is saved: generic, website, controller, compute, hil, foreman, puppet, ceph-mon "
                "(default: what fits of the first two).",
            ),
            click.option("--path", "paths", multiple=True, help="One more path to save; '' for none."),
            click.option("--exclude", "excludes", multiple=True, help="What to leave out; '' for nothing."),
            click.option("--dump", "dumps", multiple=True, help="A database or command to dump; '' for none."),
            click.option(
                "--dump-recipient",
                "dump_recipients",
                multiple=True,
                metavar="KEY",
                help="Encrypt its dumps for whoever has this public key's other half (age1..., ssh-ed25519 AAAA...); "
                "'' for nobody.",
            ),
            click.option("--keep-days", type=int, help="How long the host keeps its own snapshots (default: 2)."),
            click.option("--rsync-arg", "rsync_args", multiple=True, help="Such as --bwlimit=20m; '' for none."),
            click.option("--backups-dir", help="Where the host has its snapshots (default: /backups)."),
            click.option("--metrics-dir", help="Where its node_exporter looks for *.prom files; '' for no metrics."),
            click.option("--scheduler", type=click.Choice(["cron", "timer"]), help="Who runs it (default: cron)."),
            click.option("--at", metavar="HH:MM", help="When (default: 01:xx, a minute of the host's own)."),
            click.option("--mail", "cron_email", help="Whom cron mails what went wrong."),
        ]
    ):
        function = option(function)
    return function


def declaration_of(stated: dict[str, Any], base: Declaration) -> Declaration:
    """Return the declaration with what was stated on the command line; '' empties a list."""
    changed = {key: value for key, value in stated.items() if value not in (None, ())}
    for key, value in changed.items():
        if isinstance(value, tuple):
            changed[key] = tuple(item for item in value if item)
    if changed.get("metrics_dir") == "":
        changed["metrics_dir"] = None
    if clock := changed.pop("at", None):
        try:
            moment = parse_clock(clock)
        except ValueError as error:
            raise click.UsageError(f"--at {error}") from None
        changed |= {"cron_hour": moment.hour, "cron_min": moment.minute}
    try:
        return Declaration.model_validate({**base.model_dump(), **changed})
    except ValidationError as error:
        raise as_usage(error, Declaration) from None
