"""Nodes that Puppet does not configure: one file a host in nodes.d, with the keys of nodes.yaml."""

from collections.abc import Sequence
from pathlib import Path

from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.node import Node
from kaizen_backups.sources import Found, Problem
from kaizen_backups.yaml_file import read_mapping


def read_nodes_d(directory: Path) -> Found:
    """Read every `HOST.yaml`. A missing directory holds no nodes; one that can't be read raises ConfigError."""
    found = Found("nodes.d", by_hand=True)
    try:
        files = sorted(f for f in directory.iterdir() if f.suffix == ".yaml" and not f.name.startswith("."))
    except FileNotFoundError:
        return found
    except OSError as error:
        raise ConfigError(f"sources.nodes_d: {directory}: {error.strerror}") from error
    for file in files:
        try:
            stated = read_mapping(file)
            name = stated.pop("name", file.stem)
            if name != file.stem:
                raise ConfigError(f"{file}: name: '{name}' is not the file's name")
            stated.pop("onboarded", None)  # how kaizen-onboard looks after the host
            found.nodes[name] = {**stated, "origin": "onboarded"}
        except KaizenError as error:
            found.problems.append(Problem(file.stem, str(error)))
    return found


def check_not_vanished(directory: Path, last: Sequence[Node]) -> None:
    """Raise ConfigError when the directory is gone though the last list holds nodes of it."""
    onboarded = [node.name for node in last if node.origin == "onboarded"]
    if onboarded and not directory.exists():
        names = ", ".join(onboarded[:3]) + (", ..." if len(onboarded) > 3 else "")
        raise ConfigError(
            f"sources.nodes_d: {directory}: No such file or directory, and {len(onboarded)} of the list's nodes"
            f" are onboarded ({names}); if none is any more, make it anew and leave it empty"
        )
