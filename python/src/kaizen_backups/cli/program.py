"""How a program begins and ends: every error in one line, every end with its exit code, no traceback."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXIT_CODES = (
    "Exit codes: 0 good; 1 finished, but something failed or is stale, and it is named; 2 usage; "
    "65 data does not verify; 69 a service or host cannot be reached; 75 another run holds the lock; "
    "78 bad configuration; 130 interrupted."
)


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/kaizen/collector.yaml"),
    show_default=True,
    help="The collector's settings.",
)


class LazyGroup(click.Group):
    """Loads a command's module when it is asked for, so that `--version` stays quick."""

    def __init__(self, *, package: str, modules: dict[str, str], **settings: Any) -> None:
        """Take the package that the commands' modules are in, and each command's module, by the command's name."""
        super().__init__(**settings)
        self._package = package
        self._modules = modules

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the commands' names, in the order of help."""
        return list(self._modules)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Return a command, loaded now; None when there is none of that name."""
        if name not in self._modules:
            return None
        command: click.Command = importlib.import_module(f"{self._package}.{self._modules[name]}").command
        return command


def print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Print the program's name and the package's version, and end."""
    if wanted:
        from importlib.metadata import version  # takes longer to load than most else here

        click.echo(f"{context.find_root().info_name} {version('kaizen-backups')}")
        context.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=print_version,
    help="Show the version and exit.",
)


def run_program(cli: click.Command, name: str, arguments: Sequence[str] | None = None) -> None:
    """Run a program; no traceback reaches the user, unless KAIZEN_DEBUG is set."""
    try:
        code = cli.main(arguments, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except KaizenError as error:
        for line in str(error).splitlines():
            click.echo(f"{name}: {line}", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{name}: interrupted", err=True)
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
        click.echo(f"{name}: {_in_one_line(error)}", err=True)
        code = ExitCode.FAILED
    sys.exit(code or ExitCode.GOOD)


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{printable(os.fsdecode(error.filename))}: {error.strerror}"
    return f"unexpected {type(error).__name__}: {printable(str(error))}; KAIZEN_DEBUG=1 shows where"
