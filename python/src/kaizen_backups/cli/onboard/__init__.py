"""`kaizen-onboard`: hosts and collectors that Puppet does not configure."""

import sys
from pathlib import Path

import click

from kaizen_backups.cli.program import CONTEXT, EXIT_CODES, LazyGroup, config_option, run_program, version_option

_MODULES = {
    "add": "add",
    "list": "list_hosts",
    "check": "check",
    "remove": "remove",
    "upgrade": "upgrade",
    "bundle": "bundle",
    "accept": "accept",
    "collector": "collector",
    "ca": "ca",
    "import-legacy": "import_legacy",
    "offsite": "offsite",
    "store": "store",
}
_VALUED = ("--config",)


@click.group(cls=LazyGroup, package=__name__, modules=_MODULES, context_settings=CONTEXT, epilog=EXIT_CODES)
@version_option
@config_option
@click.pass_context
def cli(context: click.Context, config: Path) -> None:
    """Let a collector back up hosts that Puppet does not configure: run it there, with your own ssh.

    What it leaves on a host is what Puppet leaves on a node. `kaizen-onboard HOST` is short for
    `kaizen-onboard add HOST`, and all its options may stand behind it.

    \b
    Examples:
      kaizen-onboard www.example                    show the plan, ask, and do it
      kaizen-onboard www.example --role website --path /srv/shop --now
      kaizen-onboard check --all                    is everything as it was put there?
      kaizen-onboard remove www.example             take all of it away again
    """
    context.obj = config


def with_command(arguments: list[str]) -> list[str]:
    """Return the arguments with `add` in front of the first that is no command: `kaizen-onboard HOST`."""
    at = 0
    while at < len(arguments) and arguments[at].partition("=")[0] in _VALUED:
        at += 1 if "=" in arguments[at] else 2
    rest = arguments[at:]
    if not rest or rest[0] in _MODULES or rest[0] in ("-h", "--help", "--version"):
        return arguments
    return [*arguments[:at], "add", *rest]


def main() -> None:
    """Run `kaizen-onboard`."""
    run_program(cli, "kaizen-onboard", with_command(sys.argv[1:]))
