"""`kaizen`: the group of commands."""

import gc
from pathlib import Path

import click

from kaizen_backups.cli.program import CONTEXT, EXIT_CODES, LazyGroup, config_option, run_program, version_option

_COMMANDS = (
    *("collect", "config", "drill", "find", "history", "nodes", "notify"),
    *("offsite", "prune", "report", "restore", "restore-db", "status", "switches", "verify"),
)


@click.group(
    cls=LazyGroup,
    package="kaizen_backups.cli",
    modules={name: name.replace("-", "_") for name in _COMMANDS},
    context_settings=CONTEXT,
    epilog=EXIT_CODES,
)
@version_option
@config_option
@click.pass_context
def cli(context: click.Context, config: Path) -> None:
    """Collect, verify, keep, show and restore the snapshots of every node.

    \b
    Examples:
      kaizen nodes refresh        read the sources, write nodes.yaml and known_hosts
      kaizen collect              fetch every node's new snapshots
      kaizen status               is everybody safe?
      kaizen report --to DIR      the same, and more, as pages for a browser
      kaizen find nova.conf       where it is, in which nights, and which versions differ
      kaizen restore NODE PATH    get something back
      kaizen restore-db NODE DATABASE --into mysql:///
    """
    context.obj = config


def main() -> None:
    """Run `kaizen`."""
    gc.set_threshold(100_000)  # nearly all that is loaded and read stays to the end: looking for garbage in it is waste
    run_program(cli, "kaizen")
