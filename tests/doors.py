"""A collector and many nodes' doors, quickly: all doors are users of one host, and snapshots are made by the test.

Where tests/cluster.py has everything as it really is, this has nothing but what a collector meets: ssh, a forced
command, rsync's daemon, snapshots.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lab import Fleet, Result
from lab.clock import When
from lab.puppet import ENVIRONMENT
from lab.services import restart_sshd

STORE = "/backups/nodes"
DAEMON = "rsync --server --daemon --config=/srv/{user}/rsyncd.conf ."
_REPO = f"{ENVIRONMENT}/modules/quickstack"
KAIZEN = f"""#!/bin/bash
PYTHONPATH=$(echo {_REPO}/.venv/lib/python3*/site-packages):{_REPO}/python/src
export PYTHONPATH
exec /usr/bin/python3 -c 'from kaizen_backups.cli.main import main; main()' "$@"
"""
_SETTINGS = {"store": STORE, "jobs": 8, "floor": "16m", "retry_seconds": 0, "ask_again": 1}


class Doors:
    """Nodes called n00.example, n01.example, ... and the collector of their snapshots."""

    def __init__(self, fleet: Fleet, count: int, **settings: Any) -> None:
        self.host, self.collector = fleet.add_all(["doors.kaizen.example", "backup.kaizen.example"])
        self.names = [f"n{number:02}.example" for number in range(count)]
        self._settings = {**_SETTINGS, **settings}
        self._furnish_collector()
        self._furnish_host()
        self.list_nodes(self.names)

    def _furnish_collector(self) -> None:
        self.collector.write("/usr/local/bin/kaizen", KAIZEN, mode=0o755)
        self.configure()
        self.collector.sh("""mkdir -p -m 0700 /etc/kaizen/ssh
            ssh-keygen -q -t ed25519 -N '' -f /etc/kaizen/ssh/id_ed25519""")

    def _furnish_host(self) -> None:
        key = self.collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
        self.host.write("/etc/ssh/sshd_config.d/many.conf", "MaxStartups 200\nMaxSessions 100\nUsePAM no\n")
        restart_sshd(self.host)
        script = ""
        for name in self.names:
            user = user_of(name)
            script += f"useradd -M -d /srv/{user} -s /bin/sh {user}; usermod -p x {user}\n"
            script += f"mkdir -p /srv/{user}/.ssh /srv/{user}/backups\n"
            conf = f"[backups]\npath = /srv/{user}/backups\nread only = yes\nuse chroot = no\nnumeric ids = yes\n"
            self.host.write(f"/srv/{user}/rsyncd.conf", conf)
            self.host.write(f"/srv/{user}/.ssh/authorized_keys", f'restrict,command="{daemon(name)}" {key}\n')
        self.host.sh(script)

    def configure(self, **changes: Any) -> None:
        """Change the collector's settings."""
        self._settings.update(changes)
        self.collector.write("/etc/kaizen/collector.yaml", yaml.safe_dump(self._settings))

    def list_nodes(self, names: Sequence[str]) -> None:
        """Put exactly these nodes on the collector's list."""
        key = " ".join(self.host.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        directory = self.collector.path("/etc/kaizen/nodes.d")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for name in names:
            stated = {"address": self.host.address, "user": user_of(name), "host_keys": [key]}
            (directory / f"{name}.yaml").write_text(yaml.safe_dump(stated))

    def behind(self, name: str, command: str) -> None:
        """Put another command behind a node's door; daemon(name) is the good one."""
        keys = f"/srv/{user_of(name)}/.ssh/authorized_keys"
        changed = re.sub('command="[^"]*"', lambda _: f'command="{command}"', self.host.read(keys))
        self.host.write(keys, changed)

    # -- the nodes' side

    def backups(self, name: str) -> Path:
        """Return where a node has its snapshots."""
        return self.host.path(f"/srv/{user_of(name)}/backups")

    def snapshot(self, name: str, date: str, files: Mapping[str, bytes] | None = None) -> Path:
        """Let a node have a snapshot of these files; one that is as the newest before it is linked to that."""
        before = sorted(path for path in self.backups(name).iterdir() if path.name < date)
        content = {"etc/name": name.encode(), **(files or {}), "backup.info": b"host = x\nstatus = complete\n"}
        root = self.backups(name) / f".partial-{date}"
        for file, data in content.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            old = before[-1] / file if before else path
            if old.exists() and old.read_bytes() == data:
                os.link(old, path)
            else:
                path.write_bytes(data)
        write_sums(root)
        return root.rename(self.backups(name) / date)

    # -- the collector's side

    def kaizen(self, *arguments: str, at: When | None = None, timeout: float = 300) -> Result:
        """Run `kaizen` on the collector."""
        return self.collector.run(["kaizen", *arguments], check=False, at=at, timeout=timeout)

    def collect(self, *arguments: str, at: When | None = None) -> Result:
        """Run `kaizen collect` on the collector."""
        return self.kaizen("collect", *arguments, at=at)

    def store(self, name: str, date: str = "") -> Path:
        """Return where the collector has a node's snapshots, or one."""
        return self.collector.path(f"{self._settings['store']}/{name}/{date}")

    def stored(self, name: str) -> list[str]:
        """Return the names in a node's directory of the store, what is unfinished included."""
        return sorted(os.listdir(self.store(name))) if self.store(name).exists() else []

    def states(self, at: When | None = None) -> dict[str, dict[str, Any]]:
        """Return what `kaizen status` says of every node."""
        return {node["node"]: node for node in json.loads(self.kaizen("status", "--json", at=at).out)["nodes"]}

    def picture(self) -> set[str]:
        """Return a line for everything that is published in the store, with its content's hash."""
        return picture(self.collector.path(self._settings["store"]), "*/[0-9]*")


def daemon(name: str) -> str:
    """Return the command of a good door."""
    return DAEMON.format(user=user_of(name))


def user_of(name: str) -> str:
    """Return the user whose door is a node's."""
    return name.partition(".")[0]


def write_sums(root: Path) -> None:
    """Write the SHA256SUMS of a tree."""
    lines = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path != root / "SHA256SUMS":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {path.relative_to(root)}\n")
    (root / "SHA256SUMS").write_text("".join(lines))


def picture(root: Path, pattern: str = "*") -> set[str]:
    """Return a line for everything below what matches: name, kind, mode, owner, time, links' targets, hashes."""
    lines = set()
    for top in root.glob(pattern):
        for path in [top, *top.rglob("*")]:
            status = path.lstat()
            line = f"{path.relative_to(root)} {status.st_mode:o} {status.st_uid}:{status.st_gid} {status.st_mtime_ns}"
            if path.is_symlink():
                line += f" -> {os.readlink(path)}"  # noqa: PTH115 (bytes as they are)
            elif path.is_file():
                line += " " + hashlib.sha256(path.read_bytes()).hexdigest()
            lines.add(line)
    return lines
