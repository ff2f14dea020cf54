"""`kaizen`: the group of commands, and how every error reaches the user."""

import importlib
import os
import sys
from importlib.metadata import version
from pathlib import Path

import click

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode

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


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"kaizen {version('kaizen-backups')}")
        context.exit()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 good; 1 finished, but something failed or is stale, and it is named; 2 usage; "
    "65 data does not verify; 69 a service or host cannot be reached; 75 another run holds the lock; "
    "78 bad configuration; 130 interrupted.",
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version)
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


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{printable(os.fsdecode(error.filename))}: {error.strerror}"
    return f"unexpected {type(error).__name__}: {printable(str(error))}; KAIZEN_DEBUG=1 shows where"


def main() -> None:
    """Run `kaizen`; no traceback reaches the user, unless KAIZEN_DEBUG is set."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except KaizenError as error:
        for line in str(error).splitlines():
            click.echo(f"kaizen: {line}", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("kaizen: interrupted", err=True)
        # A thread may be reading for minutes yet, and sys.exit would wait for it.
        sys.stdout.flush()
        os._exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away: `kaizen status | head`. Nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.FAILED
    except Exception as error:
        if os.environ.get("KAIZEN_DEBUG"):
            raise
        click.echo(f"kaizen: {_in_one_line(error)}", err=True)
        code = ExitCode.FAILED
    sys.exit(code or ExitCode.GOOD)
