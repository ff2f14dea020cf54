"""Those that are compared on one node: how each makes a night, brings something back, and deletes a night."""

import json
import subprocess
from abc import ABC, abstractmethod
from datetime import date, timedelta
from pathlib import Path

from measure import Command

_REPO = Path(__file__).parents[2]
_FIRST = date(2026, 11, 1)
_RSYNC = ("rsync", "-aHAXS", "--numeric-ids", "--modify-window=-1")


class Place:
    """Where it all lies: the source, whose last name is srv, and below `top` a directory for each contender."""

    def __init__(self, top: Path, source: Path) -> None:
        self.top, self.source = top, source
        top.mkdir()

    def leave(self) -> None:
        """Take down the mounts below it."""
        subprocess.run(["umount", "-R", "-l", self.top / "agent" / "node"], check=False, capture_output=True)


class Contender(ABC):
    """One of them; a night is given by its number, from 0."""

    name: str
    packages: tuple[str, ...] = ()

    def __init__(self, place: Place) -> None:
        self.place = place
        self.target = place.top / self.name.replace(" ", "-")
        self.target.mkdir()
        self.back = place.top / f"{self.target.name}-back"
        self.prepare()

    def prepare(self) -> None:  # noqa: B027  # most have nothing to do
        """Do what is done once, before the first night."""

    @property
    @abstractmethod
    def version(self) -> str:
        """What is measured, in the program's own words."""

    @abstractmethod
    def run(self, night: int) -> list[Command]:
        """Return what makes a night."""

    @abstractmethod
    def bring_back(self, night: int, path: str) -> list[Command]:
        """Return what brings a path of a night back, to `back`, which is not there yet or has other files."""

    @abstractmethod
    def delete(self, night: int) -> list[Command]:
        """Return what deletes a night, and may delete those before it, which are all alike."""


def _says(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return (ended.stdout or ended.stderr).splitlines()[0].strip()


class Kaizen(Contender):
    """The agent, at its own paths in an overlay of this machine; source and snapshots are on the disk."""

    name = "kaizen-backup"

    def prepare(self) -> None:
        """Make the node of the agent's tests, with the source and a directory for the snapshots."""
        agent = self.place.top / "agent"
        agent.mkdir()
        self.root = agent / "node" / "root"
        script = f'BATS_TEST_TMPDIR={agent}; source "{_REPO}/tests/agent/node.bash"; setup;'
        script += ' config "path = /srv" "keep_days = 400"'
        subprocess.run(["bash", "-ec", script], check=True)
        for inside, outside in (("backups", self.target), ("srv", self.place.source)):
            subprocess.run(["mount", "--bind", outside, self.root / inside], check=True)
        date = self.root / "usr/local/bin/date"
        date.write_text('#!/bin/sh\nexec /usr/bin/date -d "$NIGHT" "$@"\n')
        date.chmod(0o755)

    @property
    def version(self) -> str:
        """The agent's."""
        return _says(str(_REPO / "files/backups/kaizen-backup"), "--version")

    def run(self, night: int) -> list[Command]:
        """Run the agent, to which date says that it is that night; libfaketime would slow down all that it starts."""
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        clock = [f"NIGHT={_night(night)} 01:00", "TZ=UTC"]
        return [Command(["chroot", self.root, "env", "-i", path, "HOME=/root", *clock, "kaizen-backup", "run"])]

    def bring_back(self, night: int, path: str) -> list[Command]:
        """Copy it out: a snapshot is a directory."""
        return _copied(self.target / _night(night) / path, self.back / path)

    def delete(self, night: int) -> list[Command]:
        """Remove its directory."""
        return [Command(["rm", "-rf", self.target / _night(night)])]


class Rsync(Contender):
    """rsync alone, with --link-dest: no dumps, no check, no rule what is kept."""

    name = "rsync --link-dest"

    @property
    def version(self) -> str:
        """Of rsync."""
        return _says("rsync", "--version")

    def run(self, night: int) -> list[Command]:
        """Link what is like the night before."""
        link = [f"--link-dest={self.target / _night(night - 1)}"] if night else []
        return [Command([*_RSYNC, *link, f"{self.place.source.parent}/", self.target / _night(night)])]

    def bring_back(self, night: int, path: str) -> list[Command]:
        """Copy it out."""
        return _copied(self.target / _night(night) / path, self.back / path)

    def delete(self, night: int) -> list[Command]:
        """Remove its directory."""
        return [Command(["rm", "-rf", self.target / _night(night)])]


class Rsnapshot(Contender):
    """rsnapshot, which copies with links (cp -al) and lets rsync change the copy."""

    name = "rsnapshot"
    packages = ("rsnapshot",)
    _keep = 30

    def prepare(self) -> None:
        """Write its settings; the fields are parted by tabs."""
        lines = [
            ("config_version", "1.2"),
            ("snapshot_root", f"{self.target}/"),
            ("cmd_cp", "/usr/bin/cp"),
            ("cmd_rm", "/usr/bin/rm"),
            ("cmd_rsync", "/usr/bin/rsync"),
            ("retain", "alpha", str(self._keep)),
            ("rsync_short_args", "-aHAXS"),
            ("rsync_long_args", "--numeric-ids --delete"),
            ("lockfile", f"{self.place.top}/rsnapshot.pid"),
            ("backup", f"{self.place.source}/", "host/srv/", "+rsync_long_args=--no-relative"),
        ]
        self.settings = self.place.top / "rsnapshot.conf"
        self.settings.write_text("".join("\t".join(line) + "\n" for line in lines))
        self._nights = 0

    @property
    def version(self) -> str:
        """Of rsnapshot."""
        return _says("rsnapshot", "version")

    def run(self, night: int) -> list[Command]:
        """Let it rotate and copy."""
        self._nights = night
        return [Command(["rsnapshot", "-c", self.settings, "alpha"])]

    def _snapshot(self, night: int) -> Path:
        return self.target / f"alpha.{self._nights - night}" / "host"

    def bring_back(self, night: int, path: str) -> list[Command]:
        """Copy it out."""
        return _copied(self._snapshot(night) / path, self.back / path)

    def delete(self, night: int) -> list[Command]:
        """Remove its directory."""
        return [Command(["rm", "-rf", self._snapshot(night).parent])]


class RdiffBackup(Contender):
    """rdiff-backup: the newest night as files, the older ones as differences back from it."""

    name = "rdiff-backup"
    packages = ("rdiff-backup",)

    @property
    def version(self) -> str:
        """Of rdiff-backup."""
        return _says("rdiff-backup", "--version")

    def run(self, night: int) -> list[Command]:
        """Make it, on the clock of that night: two in one second are refused.

        The form of 2.2's arguments is the older one: with the newer it can't restore ('NoneType' is not callable).
        """
        clock = str(int(_seconds(night)))
        source = self.place.source.parent
        return [
            Command(["rdiff-backup", "--current-time", clock, "--api-version", "200", "backup", source, self.target])
        ]

    def bring_back(self, night: int, path: str) -> list[Command]:
        """Restore a path as of then."""
        at = str(int(_seconds(night)))
        (self.back / path).parent.mkdir(parents=True, exist_ok=True)
        command = ["rdiff-backup", "--api-version", "200", "restore", "--at", at]
        return [Command([*command, self.target / path, self.back / path])]

    def delete(self, night: int) -> list[Command]:
        """Remove what is older than the next night."""
        older = str(int(_seconds(night + 1)))
        command = ["rdiff-backup", "--api-version", "200", "--force", "remove", "increments", "--older-than", older]
        return [Command([*command, self.target])]


class Borg(Contender):
    """Borg, encrypted and compressed (lz4), as it is by default."""

    name = "borg"
    packages = ("borgbackup",)

    def prepare(self) -> None:
        """Make its repository."""
        self.env = {"BORG_BASE_DIR": str(self.place.top / "borg-home"), "BORG_PASSPHRASE": "x"}
        self.env["BORG_REPO"] = str(self.target / "repository")
        subprocess.run(["borg", "init", "-e", "repokey"], check=True, capture_output=True, env=_with_path(self.env))

    @property
    def version(self) -> str:
        """Of Borg."""
        return _says("borg", "--version")

    def run(self, night: int) -> list[Command]:
        """Make an archive."""
        return [self._borg("create", f"::{_night(night)}", "srv", cwd=self.place.source.parent)]

    def bring_back(self, night: int, path: str) -> list[Command]:
        """Extract it, which goes to where one is."""
        self.back.mkdir(exist_ok=True)
        return [self._borg("extract", f"::{_night(night)}", path, cwd=self.back)]

    def delete(self, night: int) -> list[Command]:
        """Delete the archive, and free its room."""
        return [self._borg("delete", f"::{_night(night)}"), self._borg("compact")]

    def _borg(self, *arguments: str, cwd: Path | None = None) -> Command:
        return Command(["borg", *arguments], cwd, self.env)


class Restic(Contender):
    """restic, encrypted; 0.14 compresses in the newer form of the repository, which is what is made."""

    name = "restic"
    packages = ("restic",)

    def prepare(self) -> None:
        """Make its repository."""
        self.env = {"RESTIC_REPOSITORY": str(self.target / "repository"), "RESTIC_PASSWORD": "x"}
        self.env["RESTIC_CACHE_DIR"] = str(self.place.top / "restic-cache")
        command = ["restic", "init", "-q", "--repository-version", "2"]
        subprocess.run(command, check=True, capture_output=True, env=_with_path(self.env))

    @property
    def version(self) -> str:
        """Of restic."""
        return _says("restic", "version")

    def run(self, night: int) -> list[Command]:
        """Make a snapshot."""
        arguments = ["backup", "-q", "--host", "node", "--tag", _night(night), "srv"]
        return [Command(["restic", *arguments], self.place.source.parent, self.env)]

    def bring_back(self, night: int, path: str) -> list[Command]:
        """Restore it."""
        wanted = ["--tag", _night(night), "--include", f"/{path}", "--target", str(self.back)]
        return [Command(["restic", "restore", "-q", "latest", *wanted], None, self.env)]

    def delete(self, night: int) -> list[Command]:
        """Forget the snapshot, and free its room."""
        command = ["restic", "snapshots", "--json", "--tag", _night(night)]
        (found,) = json.loads(subprocess.check_output(command, env=_with_path(self.env)))
        return [Command(["restic", "forget", "-q", "--prune", found["id"]], None, self.env)]


def _night(number: int) -> str:
    return str(_FIRST + timedelta(days=number))


def _seconds(night: int) -> float:
    return (_FIRST - date(1970, 1, 1) + timedelta(days=night, hours=1)).total_seconds()


def _copied(source: Path, target: Path) -> list[Command]:
    target.parent.mkdir(parents=True, exist_ok=True)
    return [Command(["cp", "-a", source, target])]


def _with_path(env: dict[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **env}


CONTENDERS: dict[str, type[Contender]] = {
    one.name: one for one in (Kaizen, Rsync, Rsnapshot, RdiffBackup, Borg, Restic)
}


def install_missing(names: list[str]) -> None:
    """Install what the contenders need, and GNU time."""
    packages = {"time", *(package for name in names for package in CONTENDERS[name].packages)}
    subprocess.run([_REPO / "tests/tools/packages", *sorted(packages)], check=True, stdout=subprocess.DEVNULL)
