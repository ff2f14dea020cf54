"""`kaizen config`: check the settings, or print all of them with comments."""

from pathlib import Path

import click

from kaizen_backups.settings import load_settings
from kaizen_backups.settings_example import example


@click.group("config")
def command() -> None:
    """Check the collector's settings, or print an example of them."""


@command.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def check(config: Path, file: Path | None) -> None:
    """Read FILE, or the settings in use, as every command would.

    Each mistake is named with file, line and key; the exit code is then 78.

    \b
    Example:
      kaizen config check /etc/kaizen/collector.yaml
    """
    load_settings(file or config)
    click.echo(f"{file or config}: good")


@command.command("example")
def show_example() -> None:
    """Print a collector.yaml with every setting, its meaning and its default.

    \b
    Example:
      kaizen config example > collector.yaml
    """
    click.echo(example(), nl=False)
