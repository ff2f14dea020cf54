"""A directory of a host, which the administrator's own ssh reaches: agent, settings, jump hosts, known hosts."""

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.confine import SOURCE, restoring
from kaizen_backups.errors import KaizenError, RefusedError, UnavailableError, printable
from kaizen_backups.onboard.administrator import Administrator
from kaizen_backups.onboard.ssh import Target, as_arguments, place_for
from kaizen_backups.restore.place import Answer, Place, feed
from kaizen_backups.restore.transfer import null_separated, over_ssh
from kaizen_backups.run import Result

REMOTE = "sh -c 'if [ \"$(id -u)\" -eq 0 ]; then exec bash -s; else exec sudo -n bash -s; fi'"
"""What ssh runs there: a script on stdin, as root."""
_SSH_FAILED = 255
_HOST = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9._-]*):(.*)", re.DOTALL)
_HINTS = {
    "Host key verification failed": "its host key is not known to you, nor to the node list: log in once by ssh",
    "Permission denied (": "it does not let you log in; does your agent have the key?",
    "sudo:": "sudo refuses; it must let the user run bash and rsync as root without a password, or log in as root",
}


def parse_host(text: str) -> tuple[Target, str] | None:
    """Return host and directory of [USER@]HOST:DIR; None for a directory here. Raises ValueError."""
    if ":" not in text.partition("/")[0]:
        return None
    match = _HOST.fullmatch(text)
    if not match or not match[3].startswith("/"):
        raise ValueError("must be HOST:/DIR; a directory here that has a colon is ./NAME")
    parts = [part for part in match[3].split("/") if part]
    if {".", ".."} & set(parts):
        raise ValueError("must be a directory without '.' and '..'")
    return Target(match[2], match[2], match[1]), "/" + "/".join(parts)


def ssh_options(own: Path | None, known_hosts: Path, *, batch: bool) -> list[str]:
    """Return ssh's options: the administrator's settings hold, nothing is forwarded, no key is trusted on first use.

    All that goes by the directory `own` shares one login.
    """
    stated = {
        "BatchMode": "yes" if batch else "no",
        "ControlMaster": "auto" if own else "no",
        "ControlPath": str(own / "m") if own else "none",
        "ControlPersist": "60" if own else "no",
        "GlobalKnownHostsFile": f"/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2 {known_hosts}",
        "StrictHostKeyChecking": "yes",
    }
    return as_arguments(stated)


class HostPlace(Place):
    """A directory of a host. It is made by `open_host`, which also ends the connection."""

    accounts = True

    def __init__(self, target: Target, directory: bytes, who: Administrator, place: Path) -> None:
        super().__init__(directory)
        self._target = target
        self._who = who
        self._place = place
        self._sudo = False

    def __str__(self) -> str:
        return f"{self._target.host}:{printable(self.directory.decode('utf-8', 'backslashreplace'))}"

    @property
    def _inside(self) -> bytes:
        return self.directory

    async def ask(self, mode: str, records: Iterable[bytes]) -> list[Answer]:
        """As every place does; what the host says of itself is kept in mind."""
        answers = await super().ask(mode, records)
        for answer in answers:
            if answer.what == "lacks":
                raise KaizenError(f"{self._target.host}: there is no {printable(answer.more)} there")
            self._sudo |= answer.what == "sudo"
        return answers

    async def rsync(
        self, arguments: Sequence[str], source: Path, names: Iterable[bytes], reader: Callable[[bytes], None]
    ) -> Result:
        """Run rsync from `source` to here, for exactly those names. Only its own side is in a cage."""
        directory = self.directory.rstrip(b"/").decode("utf-8", "surrogateescape")
        # Which host that is is settled by the socket.
        command = ["rsync", *arguments, *over_ssh(sudo=self._sudo), "--", f"{SOURCE}/", f"host:{directory}/"]
        caged = restoring(command, source=source, socket=self._place / "own" / "m")
        return await feed(caged, null_separated(names), reader)

    async def _run(self, stdin: bytes, *, writable: bool) -> tuple[Result, bytes]:  # noqa: ARG002 (there is no cage)
        said = bytearray()
        options = ssh_options(self._place / "own", self._place / "known_hosts", batch=not sys.stdin.isatty())
        command = ["ssh", "-T", *options, *self._target.arguments(), REMOTE]
        return await feed(self._who.command(command), stdin, said.extend), bytes(said)

    def _why(self, result: Result) -> KaizenError:
        return ssh_failed(self._target.host, result) or super()._why(result)

    def close(self) -> None:
        """End the shared login."""
        if (self._place / "own" / "m").exists():
            control = ["-o", f"ControlPath={self._place / 'own' / 'm'}", "-O", "exit"]
            self._who.run(["ssh", *control, *self._target.arguments()])


def ssh_failed(name: str, result: Result) -> KaizenError | None:
    """Return why nothing came to run on a host; None where something did."""
    said = printable(result.last_words)[:300]
    for words, hint in _HINTS.items():
        if words in result.err:
            return RefusedError(f"{name}: {hint} ({said})")
    return UnavailableError(f"{name} cannot be reached by ssh: {said}") if result.code == _SSH_FAILED else None


@contextmanager
def place_with_keys(who: Administrator, known_hosts: Path) -> Iterator[Path]:
    """Yield a connection's place (see place_for) with the node list's host keys in it, as `known_hosts`."""
    with place_for(who) as place:
        if known_hosts.exists():
            shutil.copy(known_hosts, place / "known_hosts")
            (place / "known_hosts").chmod(0o644)
        yield place


@contextmanager
def open_host(target: Target, directory: bytes, who: Administrator, known_hosts: Path) -> Iterator[HostPlace]:
    """Yield a host's directory; the node list's host keys count beside those that the administrator knows."""
    with place_with_keys(who, known_hosts) as place:
        host = HostPlace(target, directory, who, place)
        try:
            yield host
        finally:
            host.close()
