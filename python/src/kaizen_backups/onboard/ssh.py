"""The administrator's ssh to a host: agent, settings, jump hosts; the host's key is the confirmed one, or nothing."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kaizen_backups.errors import ConfigError, KaizenError, LockedError, RefusedError, UnavailableError, printable
from kaizen_backups.node import KEY_TYPES, is_host_key
from kaizen_backups.onboard.administrator import Administrator
from kaizen_backups.onboard.facts import DONE, HELLO
from kaizen_backups.onboard.script import script

_ALGORITHMS = {"ssh-rsa": "rsa-sha2-512,rsa-sha2-256"}
# Whoever logs in as root needs no sudo. The user's shell may be any, so this is as plain as can be.
_REMOTE = "sh -c 'if [ \"$(id -u)\" -eq 0 ]; then exec bash -s; else exec sudo -n bash -s; fi'"
_ERRORS: dict[int, type[KaizenError]] = {75: LockedError, 78: ConfigError}
_LOOK_SECONDS = 60
_DESCRIBE_SECONDS = 300
_SSH_FAILED = 255
_HINTS = {
    "Host key verification failed": "its host key is not the one that was confirmed; nothing was done there",
    "Permission denied (": "it does not let you log in; see --ssh-user, and whether your agent has the key",
    "sudo:": "sudo refuses; it must let the user run bash as root without a password, or log in with --ssh-user root",
}
# Nothing is forwarded or run here, no key is learnt, and a link that is cut ends.
_ALWAYS = {
    "ClearAllForwardings": "yes",
    "ConnectTimeout": "15",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "LogLevel": "ERROR",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "5",
    "UpdateHostKeys": "no",
}


@dataclass(frozen=True)
class Target:
    """A host as ssh is told of it: `host` may be an alias of ~/.ssh/config; user and port override what that says."""

    name: str
    host: str
    user: str | None = None
    port: int | None = None

    def arguments(self) -> list[str]:
        """Return the last of ssh's arguments: how it gets to the host."""
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port else []
        return [*user, *port, "--", self.host]


@dataclass(frozen=True)
class Effort:
    """What came of a script: what it said it did or found, and how it ended."""

    lines: tuple[str, ...]
    error: KaizenError | None

    @property
    def done(self) -> list[str]:
        """What was done, in order."""
        return [printable(line.removeprefix("did ")) for line in self.lines if line.startswith("did ")]


def options(name: str, known_hosts: Path, *, checking: str, batch: bool) -> list[str]:
    """Return ssh's options: the host is known by our file alone, and nothing is forwarded."""
    stated = {
        "IgnoreUnknown": "KnownHostsCommand",
        "KnownHostsCommand": "none",
        "BatchMode": "yes" if batch else "no",
        "CheckHostIP": "no",
        "GlobalKnownHostsFile": "/dev/null",
        "HashKnownHosts": "no",
        "HostKeyAlias": name,
        "StrictHostKeyChecking": checking,
        "UserKnownHostsFile": str(known_hosts),
        "VerifyHostKeyDNS": "no",
    }
    return as_arguments(stated)


def as_arguments(stated: Mapping[str, str]) -> list[str]:
    """Return ssh's options: these, and those that hold whenever an administrator's ssh is used."""
    return [word for key, value in {**_ALWAYS, **stated}.items() for word in ("-o", f"{key}={value}")]


class Ssh:
    """What goes over ssh to one host. It is made by `open_ssh`, which also ends it."""

    def __init__(self, target: Target, who: Administrator, place: Path) -> None:
        self.target = target
        self._who = who
        self._place = place
        self._own = place / "own"

    def resolve(self) -> tuple[str, int]:
        """Return the address and port that the administrator's settings have for the host. Raises ConfigError."""
        code, out, err = self._who.run(["ssh", "-G", *self.target.arguments()])
        if code != 0:
            raise ConfigError(f"{self.target.name}: ssh -G: {_last_line(err)}")
        found = dict(line.split(" ", 1) for line in out.splitlines() if " " in line)
        return found.get("hostname", self.target.host), int(found.get("port", "22"))

    def offered_key(self, key_type: str | None = None) -> str | None:
        """Return the host key that is offered, of this type or the best; None when there is none of that type.

        Nobody logs in for that: the connection is left once the key is known. Raises UnavailableError.
        """
        file = self._own / "offered"
        file.unlink(missing_ok=True)
        types = [key_type] if key_type else list(KEY_TYPES)
        algorithms = ",".join(_ALGORITHMS.get(one, one) for one in types)
        command = [
            *("ssh", "-T", "-o", f"HostKeyAlgorithms={algorithms}", "-o", "PreferredAuthentications=none"),
            *("-o", "ControlMaster=no", "-o", "ControlPath=none"),
            *options(self.target.name, file, checking="accept-new", batch=_batch()),
            *self.target.arguments(),
            "true",
        ]
        _, _, err = self._who.run(command, timeout=_LOOK_SECONDS)
        text = file.read_text() if file.exists() else ""
        for line in text.splitlines():
            key = " ".join(line.split(" ")[1:3])
            if is_host_key(key):
                return key
        if key_type:
            return None
        raise UnavailableError(f"{self.target.name} cannot be reached by ssh: {_last_line(err)}")

    def trust(self, host_key: str) -> None:
        """Take this key, and no other, for the host's from now on."""
        (self._place / "known_hosts").write_text(f"{self.target.name} {host_key}\n")
        (self._place / "known_hosts").chmod(0o644)

    def command(self) -> list[str]:
        """Return the ssh that runs a script; all of them share one login."""
        return [
            *("ssh", "-T", "-o", "ControlMaster=auto", "-o", f"ControlPath={self._own / 'm'}"),
            *("-o", "ControlPersist=60"),
            *options(self.target.name, self._place / "known_hosts", checking="yes", batch=_batch()),
            *self.target.arguments(),
            _REMOTE,
        ]

    def attempt(self, mode: str, data: Iterable[str]) -> Effort:
        """Run host.sh with that data; say what it said, and how it ended."""
        limit = _DESCRIBE_SECONDS if mode == "describe" else None  # packages, and a first snapshot, take their time
        code, out, err = self._who.run(self.command(), stdin=script(mode, data), timeout=limit)
        lines = out.splitlines()
        greeted = HELLO in lines
        lines = lines[lines.index(HELLO) + 1 :] if greeted else []
        if greeted and lines and lines[-1] == DONE and code == 0:
            return Effort(tuple(lines[:-1]), None)
        return Effort(tuple(lines), self._why(code, err, greeted=greeted))

    def run(self, mode: str, data: Iterable[str]) -> list[str]:
        """Run host.sh with that data; return what it said. Raises KaizenError when it did not come to its end."""
        effort = self.attempt(mode, data)
        if effort.error:
            raise effort.error
        return list(effort.lines)

    def _why(self, code: int, err: str, *, greeted: bool) -> KaizenError:
        """Say why a script did not come to its end."""
        name = self.target.name
        said = [line for line in err.splitlines() if line.startswith("kaizen-onboard: ")]
        if said and code != _SSH_FAILED:
            message = f"{name}: {printable(said[-1].removeprefix('kaizen-onboard: '))}"
            return _ERRORS.get(code, KaizenError)(message)
        if greeted:
            return UnavailableError(f"{name}: the connection broke off: {_last_line(err)}")
        for words, hint in _HINTS.items():
            if words in err:
                return RefusedError(f"{name}: {hint} ({_last_line(err)})")
        if code == _SSH_FAILED:
            return UnavailableError(f"{name} cannot be reached by ssh: {_last_line(err)}")
        return KaizenError(f"{name}: nothing could be run there (exit code {code}): {_last_line(err)}")

    def close(self) -> None:
        """End the shared login."""
        exit_command = ["ssh", "-o", f"ControlPath={self._own / 'm'}", "-O", "exit", *self.target.arguments()]
        if (self._own / "m").exists():
            self._who.run(exit_command)


@contextmanager
def open_ssh(target: Target, who: Administrator) -> Iterator[Ssh]:
    """Make a place for the connection's files, and end all of it afterwards."""
    with place_for(who) as place:
        ssh = Ssh(target, who, place)
        try:
            yield ssh
        finally:
            ssh.close()


@contextmanager
def place_for(who: Administrator) -> Iterator[Path]:
    """Make a directory for a connection's files: what is trusted is ours to write, `own` is the administrator's."""
    place = Path(tempfile.mkdtemp(prefix="kaizen-"))
    try:
        place.chmod(0o755)
        (place / "own").mkdir(mode=0o700)
        if who.uid is not None and who.gid is not None:
            os.chown(place / "own", who.uid, who.gid)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _batch() -> bool:
    """Is there nobody whom ssh could ask for a password?"""
    return not sys.stdin.isatty()


def _last_line(text: str) -> str:
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[-1])[:300] if lines else "nothing was said"
