"""A collector and hosts that nobody has configured; an administrator's ssh leads from one to the others."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from doors import KAIZEN
from lab import Fleet, Node, Result

DOMAIN = "kaizen.example"
ONBOARD = KAIZEN.replace("kaizen_backups.cli.main", "kaizen_backups.cli.onboard")
# What ssh, sudo, PAM and the tools for users write by themselves; nothing of it is ours.
_OTHERS = (
    *(
        "var/log/",
        "var/cache/",
        "var/lib/mysql/",
        "var/lib/nginx/",
        "var/lib/sudo/",
        "etc/.pwd.lock",
        "etc/environment",
    ),
    *(f"etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")),
    *(f"run/{name}" for name in ("sudo", "crond", "sshd", "mysqld", "motd.dynamic")),
)


class BareHosts:
    """The collector, on which `kaizen-onboard` runs from the checkout, and the hosts by their short names."""

    def __init__(self, fleet: Fleet, *names: str) -> None:
        self.fleet = fleet
        self.collector, *nodes = fleet.add_all([f"{name}.{DOMAIN}" for name in ("backup", *names)])
        self.hosts = dict(zip(names, nodes, strict=True))
        for node in fleet.nodes:
            node.sh("rm -rf /usr/local && mkdir -p /usr/local/{bin,sbin}")
        self._furnish_collector()
        key = self.collector.read("/root/.ssh/id_ed25519.pub")
        for node in nodes:
            let_in(node, key)

    def _furnish_collector(self) -> None:
        make_collector(self.collector)
        self.collector.sh("mkdir -p -m 0700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519")

    def onboard(self, *arguments: str, user: str | None = None) -> Result:
        """Run `kaizen-onboard` on the collector."""
        return self.collector.run(["kaizen-onboard", *arguments], check=False, user=user, timeout=300)

    def add(self, name: str, *arguments: str) -> Result:
        """Protect a host; its fingerprint is known."""
        host = self.hosts[name]
        return self.onboard(host.name, "--fingerprint", fingerprint(host), *arguments)

    def trace(self, name: str) -> dict[str, str]:
        """Return everything of a host that differs from the machine below it, and what is in memory."""
        found = picture(self.fleet.written(self.hosts[name]))
        for place in ("run", "tmp", "backups"):
            below = picture(self.hosts[name].path(f"/{place}"))
            found |= {f"{place}/{path}": line for path, line in below.items()}
        return {path: line for path, line in found.items() if not path.startswith(_OTHERS)}


def make_collector(node: Node) -> None:
    """Give a node what a collector has: programs, settings, a key pair."""
    node.write("/usr/local/bin/kaizen", KAIZEN, mode=0o755)
    node.write("/usr/local/bin/kaizen-onboard", ONBOARD, mode=0o755)
    node.write("/etc/kaizen/collector.yaml", "store: /backups/nodes\nretry_seconds: 0\n")
    node.sh(
        """mkdir -p -m 0700 /etc/kaizen/ssh /backups/nodes
        ssh-keygen -q -t ed25519 -N '' -C "kaizen@$1" -f /etc/kaizen/ssh/id_ed25519""",
        node.name,
    )


def let_in(node: Node, key: str, user: str = "root") -> None:
    """Let a key log in as a user."""
    home = "/root" if user == "root" else f"/home/{user}"
    script = 'install -d -m 0700 -o "$2" "$1/.ssh" && cat >>"$1/.ssh/authorized_keys" && chown -R "$2" "$1/.ssh"'
    node.sh(script, home, user, input=key)


def fingerprint(node: Node) -> str:
    """Return the fingerprint of a node's host key, as its console shows it."""
    return node.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").out.split()[1]


def picture(root: Path) -> dict[str, str]:
    """Return kind, mode, owner and content of everything below `root`, by its path."""
    found = {}
    for directory, directories, files in os.walk(root):
        for name in [*directories, *files]:
            path = Path(directory) / name
            found[str(path.relative_to(root))] = _line(path)
    return found


def _line(path: Path) -> str:
    status = path.lstat()
    line = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
    if path.is_symlink():
        line += f" -> {path.readlink()}"
    elif path.is_file():
        line += " " + hashlib.sha256(path.read_bytes()).hexdigest()
    return line


def differing(before: dict[str, str], after: dict[str, str]) -> Sequence[str]:
    """Return the paths that are not the same in both. What was in no upper layer was as it is on the machine below."""

    def was(path: str) -> str | None:
        below = Path("/") / path
        return before[path] if path in before else _line(below) if os.path.lexists(below) else None

    return sorted(path for path in before.keys() | after.keys() if was(path) != after.get(path))
