"""A node's disk before its first boot: the upper layer that makes the machine's own file system
into a fresh host.

A node sees the machine's `/` through an overlay. Whatever of the machine must not show (host keys,
home directories, an installed kaizen) is hidden here by the overlay's own means: a whiteout for
what is to be gone, an opaque directory for what is to be empty.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

LOWER = Path("/")
MODULES = "etc/puppet/code/environments/production/modules"

GONE = (
    ".dockerenv",
    "backups",
    "etc/cron.d/kaizen*",
    "etc/kaizen",
    "etc/logrotate.d/kaizen*",
    "etc/pip.conf",
    "etc/ssh/ssh_host_*",
    "etc/sudoers.d/kaizen*",
    "etc/systemd/system/kaizen*",
    "etc/xdg/pip",
    "opt/kaizen",
    "usr/local/bin/kaizen*",
    "usr/local/sbin/kaizen*",
    "var/lib/kaizen",
    "var/lib/puppet/ssl",
    "var/log/kaizen*",
)
EMPTY = (
    "etc/puppet/code",
    "home",
    "root",
    "srv",
    "tmp",
    "var/lib/mysql",
    "var/spool/cron/crontabs",
    "var/tmp",
)
ACCOUNT_FILES = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")


class Disk:
    """The directories that make up a node's disk, reached through the anchor's /proc/PID/root."""

    def __init__(self, path: Path) -> None:
        self.upper = path / "upper"
        self.path = path

    def create(self, name: str, hosts: str, wheelhouse: Path | None) -> None:
        """Everything that the first boot finds."""
        for part in ("upper", "work", "root", "backups"):
            (self.path / part).mkdir(mode=0o755, exist_ok=True)
        self._hide()
        self._forget_user("kaizen")
        self._identity(name, hosts)
        self._puppet(name)
        if wheelhouse is not None:
            self.write("etc/pip.conf", "[global]\nno-index = true\nfind-links = /run/lab/wheelhouse\n")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """A file of the upper layer; only for a node that is off."""
        target = self._parents(inside)
        target.unlink(missing_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def _parents(self, inside: str) -> Path:
        """The path in the upper layer; its directories are made to look like the lower layer's."""
        target = self.upper / inside
        parent = target.parent
        if not parent.is_dir():
            self._parents(str(parent.relative_to(self.upper)))
            parent.mkdir(mode=0o755)
            _look_like(LOWER / parent.relative_to(self.upper), parent)
        return target

    def _hide(self) -> None:
        for pattern in GONE:
            for found in LOWER.glob(pattern):
                os.mknod(self._parents(str(found)[1:]), stat.S_IFCHR, os.makedev(0, 0))
        for inside in EMPTY:
            if (LOWER / inside).is_dir():
                target = self._parents(inside)
                target.mkdir()
                _look_like(LOWER / inside, target)
                os.setxattr(target, "trusted.overlay.opaque", b"y")

    def _forget_user(self, user: str) -> None:
        for name in ACCOUNT_FILES:
            lower = LOWER / "etc" / name
            lines = lower.read_text().splitlines(keepends=True) if lower.exists() else []
            others = [line for line in lines if not line.startswith(f"{user}:")]
            if others != lines:
                self.write(f"etc/{name}", "".join(others))
                _look_like(lower, self.upper / "etc" / name)

    def _identity(self, name: str, hosts: str) -> None:
        self.write("etc/hostname", name.partition(".")[0] + "\n")
        self.write("etc/hosts", hosts)
        self.write("etc/resolv.conf", "# a node has no name server: /etc/hosts knows every node\n")
        self.write("etc/machine-id", os.urandom(16).hex() + "\n")
        self.write("etc/timezone", "Etc/UTC\n")
        self._parents("etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
        for skeleton in (".bashrc", ".profile"):
            if (LOWER / "etc/skel" / skeleton).exists():
                shutil.copy(LOWER / "etc/skel" / skeleton, self._parents(f"root/{skeleton}"))
        key = self._parents("etc/ssh/ssh_host_ed25519_key")
        for whiteout in (key, key.with_suffix(".pub")):
            whiteout.unlink(missing_ok=True)
        make_key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{name}", "-f"]
        subprocess.run([*make_key, str(key)], check=True)

    def _puppet(self, name: str) -> None:
        self.write("etc/puppet/puppet.conf", f"[main]\ncertname = {name}\n")
        (self.upper / MODULES / "quickstack").mkdir(parents=True)


def _look_like(original: Path, copy: Path) -> None:
    """Owner and mode of the original, if there is one."""
    if original.exists():
        found = original.stat()
        os.chown(copy, found.st_uid, found.st_gid)
        copy.chmod(stat.S_IMODE(found.st_mode))
