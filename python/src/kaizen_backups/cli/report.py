"""`kaizen report`: the status page."""

from datetime import datetime
from pathlib import Path

import click

from kaizen_backups.cli.signals import verdict
from kaizen_backups.errors import ConfigError
from kaizen_backups.history import open_history
from kaizen_backups.nodelist import read_list
from kaizen_backups.settings import Settings, load_settings


@click.command("report")
@click.option(
    "--to",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where it goes, instead of the directory that the settings name.",
)
@click.option("--mail", is_flag=True, help="Send the mail digest, too, if one is due: when something is wrong.")
@click.pass_obj
def command(config: Path, directory: Path | None, mail: bool) -> None:
    """Write the status page, a small static site, and print where it is.

    It shows what is to be done first, every node on every night, and the store's room; and on a page for each node
    its sizes, its dumps, what it warned of and how the last attempts at it ended. It needs no server and no
    JavaScript. With `report` in the settings every collection writes it anew.

    DIR is replaced as a whole, in one step. It must be a report, empty, or not there yet; its parent directory must be
    there, and that and all above it be root's. Nobody can read it but root and the group in the settings.

    \b
    Examples:
      kaizen report
      kaizen report --to /srv/www/backups
      kaizen report --mail         for cron, where no collection does it
    """
    settings = load_settings(config)
    place = directory.absolute() if directory else settings.report and settings.report.directory
    if not place and not mail:
        raise click.UsageError(f"{config} has no 'report', so --to must say where the status page goes")
    if mail:
        _mail(settings)  # first: what keeps the page from being written may be what the mail tells
    if place:
        write(settings, place)
        click.echo(place / "index.html")


def _mail(settings: Settings) -> None:
    if not settings.mail:
        raise ConfigError("the settings have no 'mail'; see 'kaizen config example'")
    from kaizen_backups.signals.mail import send_digest  # what it needs takes long to load

    now = datetime.now().astimezone()
    send_digest(settings, verdict(settings, now), now)


def write(settings: Settings, directory: Path) -> None:
    """Write the status page, as of now, for the group that the settings name. Raises KaizenError and OSError."""
    from kaizen_backups.report.site import write_report  # the templates take a while to load

    group = settings.report.group if settings.report else None
    now = datetime.now().astimezone()
    with open_history(settings.history_file) as history:
        write_report(directory, read_list(settings.nodes_file), settings, history, now=now, group=group)
