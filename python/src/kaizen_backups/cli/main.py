"""`kaizen`: the group of commands."""

import importlib
from pathlib import Path

import click

from kaizen_backups.cli.program import CONTEXT, EXIT_CODES, print_version, run_program

_COMMANDS = ("collect", "config", "history", "nodes", "prune", "status", "verify")


class _LazyGroup(click.Group):
    """Loads a command's module when it is asked for, so that `kaizen --version` stays quick."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"kaizen_backups.cli.{name}").command
        return command


@click.group(
    cls=_LazyGroup,
    context_settings=CONTEXT,
    epilog=EXIT_CODES,
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=print_version)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/kaizen/collector.yaml"),
    show_default=True,
    help="The collector's settings.",
)
@click.pass_context
def cli(context: click.Context, config: Path) -> None:
    """Collect, verify, keep and show the snapshots of every node.

    \b
    Examples:
      kaizen nodes refresh        read the sources, write nodes.yaml and known_hosts
      kaizen collect              fetch every node's new snapshots
      kaizen status               is everybody safe?
    """
    context.obj = config


def main() -> None:
    """Run `kaizen`."""
    run_program(cli, "kaizen")
