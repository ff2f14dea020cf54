"""Nodes with three nights in a collector's store, and of each night a copy of what the source was.

The agent makes the snapshots and the real door gives them out; the sources hold every kind of name and attribute.
"""

import hashlib
import os
import random
import stat
import subprocess
from pathlib import Path

import yaml

from doors import KAIZEN
from lab import Fleet, Node, Result
from lab.puppet import ENVIRONMENT

NIGHTS = ["2026-11-22", "2026-11-23", "2026-11-24"]
NOW = "2026-11-24 09:00:00"
STORE = "/backups/nodes"
_GOLDEN = Path(__file__).parent / "golden"
_AGENT = f"{ENVIRONMENT}/modules/quickstack/files/backups/kaizen-backup"
_DAEMON = "/usr/bin/rsync --server --daemon --config=/etc/kaizen/rsyncd.conf ."
ODD = [
    b"new\nline",
    b"-rf",
    b"--delete",
    b"a:b",
    b"host:",
    b"\xff\xfe",
    b"*",
    b"[a]?",
    b"#x",
    b" ",
    b"\\#012",
    b"'\"$(id)",
]


class Restores:
    """A collector, two nodes, and a bare host `spare`."""

    def __init__(self, fleet: Fleet) -> None:
        names = [f"{name}.kaizen.example" for name in ("backup", "one", "two", "spare")]
        self.collector, self.one, self.two, self.spare = fleet.add_all(names)
        self.nodes = [self.one, self.two]
        self._furnish_collector()
        for node in self.nodes:
            self._furnish(node)
        chance = random.Random(8)
        for night in NIGHTS:
            for node in self.nodes:
                change_source(node.path("/srv/data"), chance)
                node.sh(f"mkdir -p /reference && cp -a /srv/data /reference/{night}")
                node.sh(f"bash {_AGENT} run", at=f"{night} 01:00:00")
            collected = self.collector.run(["kaizen", "collect"], check=False, at=f"{night} 03:00:00")
            assert collected.code == 0, collected.describe()

    def _furnish_collector(self) -> None:
        self.collector.write("/usr/local/bin/kaizen", KAIZEN, mode=0o755)
        self.collector.write("/etc/kaizen/collector.yaml", yaml.safe_dump({"store": STORE, "retry_seconds": 0}))
        self.collector.sh("""mkdir -p -m 0700 /etc/kaizen/ssh /root/.ssh
            ssh-keygen -q -t ed25519 -N '' -f /etc/kaizen/ssh/id_ed25519
            ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519""")

    def _furnish(self, node: Node) -> None:
        key = self.collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
        node.write("/etc/kaizen/rsyncd.conf", (_GOLDEN / "rsyncd.conf").read_text())
        node.write("/etc/kaizen/node.conf", "path = /srv/data\npath = /etc/shells\npath = /etc/passwd\nkeep_days = 9\n")
        node.write("/etc/kaizen/roles/generic.conf", "")
        node.write("/etc/sudoers.d/kaizen", f"kaizen ALL=(root) NOPASSWD: {_DAEMON}\n", mode=0o440)
        node.write("/var/lib/kaizen/.ssh/authorized_keys", f'restrict,command="sudo -n {_DAEMON}" {key}\n')
        node.sh("useradd -M -d /var/lib/kaizen -s /bin/sh kaizen; usermod -p x kaizen; chmod 0700 /backups")
        node.sh("useradd -u 1009 nine")
        make_source(node.path("/srv/data"))
        host_key = " ".join(node.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        stated = {"address": node.address, "host_keys": [host_key]}
        self.collector.write(f"/etc/kaizen/nodes.d/{node.name}.yaml", yaml.safe_dump(stated))

    def restore(self, *arguments: str | Path, env: dict[str, str] | None = None) -> Result:
        """Run `kaizen restore` on the collector, where nobody is to be asked."""
        return self.collector.run(["kaizen", "restore", *arguments], check=False, env=env, cwd="/root")

    def source(self, node: Node, night: str) -> Path:
        """Return what a node's /srv/data was that night."""
        return node.path(f"/reference/{night}")


def make_source(root: Path) -> None:
    """Make a tree with every kind of name and attribute that is saved."""
    for number in range(30):
        path = root / f"d{number % 5}/file{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1000 * number))
        os.chown(path, 1000 + number, 2000 + number)
        path.chmod(0o400 + number)
    (root / "odd").mkdir(mode=0o700)
    for odd in ODD:
        path = root / "odd" / os.fsdecode(odd)
        path.mkdir()
        (path / os.fsdecode(odd)).write_bytes(odd)
    (root / "empty").mkdir(mode=0o2775)
    (root / "d0/out").symlink_to("/etc/passwd")
    (root / "d0/up").symlink_to("../../../../outside")
    (root / "d0/away").symlink_to("/root")
    os.link(root / "d1/file1", root / "d2/linked")
    os.link(root / "d1/file1", root / "d1/linked too")
    with (root / "d3/sparse").open("wb") as file:
        file.truncate(1 << 20)
        file.write(b"x")
    (root / "d3/setuid").write_bytes(b"#!\n")
    (root / "d3/setuid").chmod(0o4755)
    for name, acl in (("d4/file4", "u:nobody:r,g:1234:rw"), ("d4", "d:u:1234:rwx")):
        _setfacl(root / name, acl)
    os.setxattr(root / "d4/file4", "user.origin", b"test\0\xff")
    os.setxattr(root / "d4", "user.directory", b"yes")
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, ns=(0, 1_600_000_000_123_456_789), follow_symlinks=False)


def _setfacl(path: Path, acl: str) -> None:
    subprocess.run(["setfacl", "-m", acl, "--", path], check=True)


def change_source(root: Path, chance: random.Random) -> None:
    """Change some of a source, in content or in attributes, as a day does."""
    files = sorted(path for path in root.rglob("file*") if path.is_file())
    for path in chance.sample(files, 6):
        path.write_bytes(chance.randbytes(500))
    for path in chance.sample(files, 3):
        path.chmod(0o640)
        os.chown(path, chance.randrange(5000), 77)
    (root / f"d1/new{chance.randrange(1000)}").write_bytes(chance.randbytes(10))


def describe(root: Path) -> dict[str, tuple[object, ...]]:
    """Return everything that counts of a file or of all below a directory, by path; hard links by their first name."""
    found: dict[str, tuple[object, ...]] = {}
    first: dict[int, str] = {}
    paths = [root, *sorted(root.rglob("*"))] if root.is_dir() and not root.is_symlink() else [root]
    for path in paths:
        name = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
        status = path.lstat()
        line: tuple[object, ...] = (f"{status.st_mode:o}", status.st_uid, status.st_gid, status.st_mtime_ns)
        if stat.S_ISLNK(status.st_mode):
            line += (os.readlink(path),)  # noqa: PTH115 (bytes as they are)
        else:
            line += tuple((key, os.getxattr(path, key)) for key in sorted(os.listxattr(path)))
        if stat.S_ISREG(status.st_mode):
            line += (hashlib.sha256(path.read_bytes()).hexdigest(), first.setdefault(status.st_ino, name))
        found[name] = line
    return found
