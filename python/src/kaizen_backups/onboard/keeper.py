"""A host that keeps a repository: one user, whose only key opens an append-only door, and the repository's directory.

Whoever has that key can add to the repository and read it, and do nothing else: no shell, no forwarding, no other path,
no removal. The key's file and the user's home are root's.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from kaizen_backups.atomic import write_atomically
from kaizen_backups.onboard.script import content_lines, data_line

USER = "kaizen-offsite"
DIRECTORY = "/srv/kaizen-offsite"
PLACE = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._-]*){2,}", re.ASCII)
"""What the directory may be called: it stands in a forced command."""
_HOMES = "/var/lib"


@dataclass(frozen=True)
class Keeper:
    """How a repository is kept on a host, and for whom."""

    key: str
    user: str = USER
    directory: str = DIRECTORY

    @property
    def home(self) -> str:
        """The user's home, which is root's."""
        return f"{_HOMES}/{self.user}"

    def authorized_keys(self) -> str:
        """Return the one line that lets the collector in."""
        serve = f"/usr/bin/rclone serve restic --stdio --append-only --config=/notfound {self.directory}"
        return f'restrict,command="{serve}" {self.key}\n'

    def questions(self) -> list[str]:
        """Return the data that ask a host what it has."""
        return [data_line("program", "rclone"), data_line("room", self.directory)]

    def data(self) -> list[str]:
        """Return the data that make the host a keeper. What is there as it should be stays."""
        keys = data_line("file", "0644", "root", "root", "-", f"{self.home}/.ssh/authorized_keys")
        return [
            data_line("need", "rclone"),
            data_line("keeper", self.user, self.home),
            data_line("directory", "0755", "root", "root", "-", self.home),
            data_line("directory", "0755", "root", "root", "ssh_home_t", f"{self.home}/.ssh"),
            data_line("directory", "0700", self.user, self.user, "-", self.directory),
            *[keys, *content_lines(self.authorized_keys())],
        ]


def settings_of(name: str, url: str) -> str:
    """Return what collector.yaml is to say of the repository."""
    return f"offsite:\n  {name}:\n    repository: {url}\n"


def know_host(known_hosts: Path, host: str, port: int, key: str) -> None:
    """Note a host's key, in the place of another that was noted. Raises OSError."""
    name = host if port == 22 else f"[{host}]:{port}"
    lines = known_hosts.read_text().splitlines() if known_hosts.exists() else []
    others = [line for line in lines if line.split(" ")[0] != name]
    known_hosts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(known_hosts, "\n".join([*others, f"{name} {key}", ""]), 0o644)
