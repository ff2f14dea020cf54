"""One repository: restic's arguments and environment, and what it means when restic fails."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from kaizen_backups.errors import ConfigError, DataError, KaizenError, LockedError, UnavailableError, printable
from kaizen_backups.history_offsite import Copy
from kaizen_backups.run import Result, run
from kaizen_backups.settings import Settings
from kaizen_backups.settings_offsite import Repository
from kaizen_backups.snapshots import Snapshot

DIRECTORY = Path("/etc/kaizen/offsite")
TAG = "kaizen"
_MOST_OUTPUT = 1 << 28
_ENVIRONMENT_LINE = re.compile(r"(?:export +)?([A-Z][A-Z0-9_]*)=(.*)", re.ASCII)
_ENVIRONMENT = re.compile(r"(AWS|RESTIC_REST|HTTPS?|NO|SSL)_[A-Z0-9_]+", re.ASCII)
_SUM = re.compile(r"[0-9a-f]{64}", re.ASCII)
# What restic says, and what it means.
_MEANINGS: tuple[tuple[str, type[KaizenError], str], ...] = (
    ("wrong password or no key found", ConfigError, "its password is not the one in the password_file"),
    (
        "401 Unauthorized",
        UnavailableError,
        "it refuses the login that the environment_file has",
    ),
    ("already locked", LockedError, "another program holds its lock; what a dead one left counts for half an hour"),
    ("config file already exists", ConfigError, "there is a repository already; a new password for it: 'key add'"),
    ("Is there a repository", UnavailableError, "there is no repository, or it can't be reached; see 'offsite init'"),
    ("Permission denied", UnavailableError, "it does not let us in, or refuses that"),
    ("Host key verification failed", UnavailableError, "its host key is not in known_hosts"),
    ("no space left on device", KaizenError, "it is full"),
    ("stdio connection already closed", UnavailableError, "the link to it broke off"),
    # Of what found no room half is there already, and an append-only door lets nobody write over it.
    ("403 Forbidden", UnavailableError, "it refuses that; is it full?"),
)


@dataclass(frozen=True)
class Restic:
    """A repository as restic is told of it."""

    name: str
    stated: Repository
    settings: Settings

    @property
    def password_file(self) -> Path:
        """What opens it."""
        return self.stated.password_file or DIRECTORY / f"{self.name}.password"

    def command(self, *arguments: str) -> list[str]:
        """Return restic's argument list. It ends when we do, and no secret stands in it."""
        cache = self.settings.offsite_directory / "cache"
        rate = [f"--limit-upload={max(1, self.stated.rate // 1024)}"] if self.stated.rate else []
        where, way = self._place()
        line = ["setpriv", "--pdeathsig=TERM", "--", "restic", *([f"--repo={where}"] if where else []), *way]
        return [*line, f"--password-file={self.password_file}", f"--cache-dir={cache}", *rate, *arguments]

    def _place(self) -> tuple[str | None, list[str]]:
        url = self.stated.repository
        if url.startswith("rest:"):
            return None, []  # the environment has it
        if not url.startswith(("sftp:", "ssh:")):
            return url, []
        parts, ssh = urlsplit(url), shlex.join(self.ssh())
        if parts.scheme == "ssh":
            # restic speaks to `rclone serve restic --stdio`; the host's forced command is that, whatever is asked for.
            return "rclone:store", ["-o", f"rclone.program={ssh}"]
        return f"sftp:{parts.username}@{parts.hostname}:{parts.path}", ["-o", f"sftp.command={ssh} -s sftp"]

    def ssh(self) -> list[str]:
        """Return the argument list that leads to the host of an sftp:// or ssh:// repository."""
        parts = urlsplit(self.stated.repository)
        options = {
            "BatchMode": "yes",
            "ClearAllForwardings": "yes",
            "ConnectTimeout": "15",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityFile": str(self.stated.key or self.settings.key),
            "LogLevel": "ERROR",
            "ServerAliveCountMax": "3",
            "ServerAliveInterval": "5",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "UserKnownHostsFile": str(self.stated.known_hosts),
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        place = ["-l", parts.username or "", "-p", str(parts.port or 22), parts.hostname or ""]
        return ["ssh", "-F", "/dev/null", "-T", "-a", "-x", *words, *place]

    def environment(self) -> dict[str, str]:
        """Return what restic needs beside the clean environment. Raises ConfigError."""
        stated = read_environment(self.stated.environment_file) if self.stated.environment_file else {}
        if self.stated.repository.startswith("rest:"):
            stated["RESTIC_REPOSITORY"] = _with_login(self.stated.repository, stated)
        return {"TZ": "UTC", "HOME": "/nonexistent", **stated}

    async def run(self, *arguments: str, directory: Path | None = None) -> Result:
        """Run restic to its end, whatever that is. Raises ConfigError."""
        if not self.password_file.is_file():
            raise ConfigError(f"offsite.{self.name}: {self.password_file} is missing; see 'kaizen offsite init'")
        line, environment = self.command(*arguments), self.environment()
        return await run(line, limit=_MOST_OUTPUT, environment=environment, directory=directory)

    async def require(self, *arguments: str, directory: Path | None = None) -> str:
        """Run restic, and return what it wrote. Raises KaizenError, which says what its failure means."""
        result = await self.run(*arguments, directory=directory)
        if result.code != 0:
            raise self.failure(result)
        return result.out

    def failure(self, result: Result) -> KaizenError:
        """Return what it means that restic ended so."""
        if result.code == 127 or "failed to execute restic" in result.err:
            return ConfigError("restic is missing: install the system's package of it")
        said = printable(_complaint(result))[:300]
        for words, kind, meaning in _MEANINGS:
            if words.lower() in result.err.lower():
                return kind(f"offsite.{self.name}: {meaning} (restic: {said})")
        return UnavailableError(f"offsite.{self.name}: {said}")

    async def copies(self) -> list[Copy]:
        """Return the copies that it holds, oldest first. Raises KaizenError."""
        return parse_snapshots(await self.require("snapshots", "--json", "--no-lock", f"--tag={TAG}"))

    async def everything(self) -> dict[str, str]:
        """Return the node of everything that it holds, by id, be it named as ours or not. Raises KaizenError."""
        try:
            listed = json.loads(await self.require("snapshots", "--json", "--no-lock")) or []
            return {str(one["id"]): str(one["hostname"]) for one in listed}
        except (ValueError, TypeError, KeyError):
            raise DataError("restic's list of snapshots can't be read") from None

    async def unlock(self) -> None:
        """Remove the locks of programs that are dead. Raises KaizenError."""
        await self.require("unlock", "--quiet")


def repositories(settings: Settings, names: Sequence[str] = ()) -> list[Restic]:
    """Return the repositories named, or all when none is. Raises ConfigError."""
    if not settings.offsite:
        raise ConfigError("no repository is named: see 'offsite' in 'kaizen config example'")
    for name in names:
        if name not in settings.offsite:
            raise ConfigError(f"{printable(name)} is none of the repositories: {', '.join(settings.offsite)}")
    return [Restic(name, settings.offsite[name], settings) for name in dict.fromkeys(names or settings.offsite)]


def tags(snapshot: Snapshot, sums_sha256: str) -> list[str]:
    """Return the tags that tell which snapshot a copy is of."""
    return [TAG, f"snapshot={snapshot}", f"sums={sums_sha256}"]


def parse_snapshots(text: str) -> list[Copy]:
    """Return the copies that `restic snapshots --json` tells of. What is not named as ours is left out."""
    try:
        listed = json.loads(text) or []
        found = [copy for one in listed if (copy := _copy(one))]
    except (ValueError, TypeError, AttributeError, KeyError):
        raise DataError("restic's list of snapshots can't be read") from None
    return sorted(found, key=lambda one: (one.received, one.id))


def _copy(one: Mapping[str, Any]) -> Copy | None:
    told = dict(tag.split("=", 1) for tag in one.get("tags") or () if "=" in tag)
    snapshot, sums = Snapshot.parse(told.get("snapshot", "")), told.get("sums", "")
    if not snapshot or not _SUM.fullmatch(sums):
        return None
    return Copy(one["id"], one["hostname"], str(snapshot), f"{one['time'][:19]}Z", sums)


def _with_login(url: str, stated: Mapping[str, str]) -> str:
    """Return a REST server's address with the login in it: restic before 0.16 knows it from there alone."""
    user, password = stated.get("RESTIC_REST_USERNAME"), stated.get("RESTIC_REST_PASSWORD")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user and password else ""
    return url.replace("://", f"://{login}", 1)


def read_environment(path: Path) -> dict[str, str]:
    """Return the variables that a file of NAME=value lines gives. Raises ConfigError."""
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read it: chmod 0600 {path}")
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or 'not text'}") from None
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _ENVIRONMENT_LINE.fullmatch(line.strip())
        if not match or not _ENVIRONMENT.fullmatch(match[1]):
            raise ConfigError(f"{path}:{number}: expected NAME=value, with a NAME such as AWS_ACCESS_KEY_ID")
        value = match[2]
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        found[match[1]] = value[1:-1] if quoted else value
    return found


def _complaint(result: Result) -> str:
    """Return the line in which restic says what was wrong; the first of its last words, not a hint or a retry."""
    lines = [line.strip() for line in result.err.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("Fatal:")][:1] or lines[-1:]
    # What ssh said, where it was that.
    telling += [line for line in lines if line.startswith("subprocess ")][:1]
    return "; ".join(dict.fromkeys(telling)) or f"restic ended with code {result.code}"
