"""The files of the Puppet module that stand on a node as they are: the agent, its man pages, the roles, the unit."""

from functools import cache
from importlib.metadata import version
from pathlib import Path

from kaizen_backups.errors import KaizenError


@cache
def module_dir() -> Path:
    """Return where they are: in an installed package beside it, in a checkout where the module has them."""
    package = Path(__file__).parents[1]
    for place in (package / "module", package.parents[2] / "files" / "backups"):
        if (place / "kaizen-backup").is_file():
            return place
    raise KaizenError(f"{package}: the agent is missing in this installation; install the package again")


def agent() -> str:
    """Return the agent."""
    return (module_dir() / "kaizen-backup").read_text()


def pages() -> dict[str, str]:
    """Return the man pages by their names."""
    return {file.name: file.read_text() for file in sorted((module_dir() / "man").iterdir())}


def roles() -> dict[str, str]:
    """Return the roles' files by the role's name."""
    return {file.stem: file.read_text() for file in sorted((module_dir() / "roles").glob("*.conf"))}


def service() -> str:
    """Return the unit that the timer starts."""
    return (module_dir() / "systemd" / "kaizen-backup.service").read_text()


def package_version() -> str:
    """Return the version of this package, which is the module's and the agent's."""
    return version("kaizen-backups")
