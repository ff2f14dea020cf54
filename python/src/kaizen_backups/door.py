"""A node's door: one ssh connection, opened here, over which the confined rsync reads that node's snapshots."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from kaizen_backups.confine import SOCKET, STORE, confined
from kaizen_backups.errors import DataError, UnavailableError, printable
from kaizen_backups.node import Node
from kaizen_backups.run import Result, TooMuchOutputError, run
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot

_LISTING_LIMIT = 1 << 20  # bytes
_LISTING_SECONDS = 120
_HINTS = {
    "Host key verification failed": "its host key is not the one that the node list has; see 'kaizen nodes show'",
    "Permission denied": "it does not accept the collector's key",
}


def master_command(node: Node, settings: Settings, socket: Path) -> list[str]:
    """Return the ssh that logs in, leaves a master behind at `socket`, and ends.

    Nothing is trusted on first use, nothing is forwarded, and a link that is cut ends the master, and with it
    whatever goes over it, after 15 to 20 s. Should we be killed, it ends itself when a node's time is over.
    """
    options = {
        "BatchMode": "yes",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": "15",
        "ControlMaster": "yes",
        "ControlPath": str(socket),
        "ControlPersist": str(settings.timeout),
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": node.name,
        "IdentitiesOnly": "yes",
        "IdentityFile": str(settings.key),
        "LogLevel": "ERROR",
        "ServerAliveCountMax": "3",
        "ServerAliveInterval": "5",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": str(settings.known_hosts_file),
    }
    command = ["ssh", "-F", "/dev/null", "-f", "-N", "-T", "-a", "-x"]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    return [*command, "-l", node.user, "-p", str(node.port), "--", node.address]


def rsync_command(node: Node, arguments: Sequence[str], source: str, target: str | None = None) -> list[str]:
    """Return the rsync, for inside the cage, that reads `source` of the node's module [backups]."""
    shell = f"ssh -F /dev/null -o ControlPath={SOCKET} -o ControlMaster=no -o BatchMode=yes -p {node.port}"
    where = f"{node.user}@{node.name}::backups/{source}"
    return ["rsync", *arguments, "--timeout=120", "-e", shell, "--", where, *([target] if target else [])]


def pull_arguments(bases: Sequence[str], *, checksum: bool) -> list[str]:
    """Return rsync's arguments for a whole snapshot: `bases` are directories in the cage, the best first.

    With `checksum` a file is linked to a base's only when its content is the same, whatever its time says. Of the
    extended attributes those come that may be given without being all-powerful; labels of SELinux and the like stay.
    """
    arguments = ["-aHAX", "--no-D", "--numeric-ids", "--sparse", "--modify-window=-1"]
    arguments += [f"--filter={rule}" for rule in ("+x user.*", "+x security.capability", "-x *")]
    if checksum:
        arguments.append("--checksum")
    return arguments + [f"--link-dest={STORE}/{base}" for base in bases]


class Door:
    """An open door. Everything that comes through it is received in the cage."""

    def __init__(self, node: Node, socket: Path) -> None:
        self._node = node
        self._socket = socket

    async def listing(self) -> list[Snapshot]:
        """Return the snapshots that the node has, oldest first. Raises UnavailableError, DataError."""
        command = rsync_command(self._node, ["--list-only", "--no-motd"], "")
        try:
            async with asyncio.timeout(_LISTING_SECONDS):
                result = await run(confined(command, socket=self._socket, store=None), limit=_LISTING_LIMIT)
        except TooMuchOutputError:
            raise DataError("its list of snapshots is endless") from None
        except TimeoutError:
            raise UnavailableError(f"its list of snapshots did not end within {_LISTING_SECONDS} s") from None
        if result.code != 0:
            raise UnavailableError(f"cannot list its snapshots: {_complaint(result)}")
        # drwx------          4,096 2026/11/24 01:00:02 2026-11-24
        names = (line.split(maxsplit=4)[-1] for line in result.out.splitlines() if line.startswith("d"))
        return sorted(snapshot for snapshot in map(Snapshot.parse, names) if snapshot)

    async def pull(
        self, snapshot: Snapshot, store: Path, target: Path, bases: Sequence[Path], *, checksum: bool
    ) -> None:
        """Receive a snapshot into `target`, fresh and below `store`, as are the `bases`. Raises UnavailableError."""
        arguments = pull_arguments([base.name for base in bases], checksum=checksum)
        command = rsync_command(self._node, arguments, f"{snapshot}/", f"{STORE}/{target.name}/")
        try:
            result = await run(confined(command, socket=self._socket, store=store))
        except TooMuchOutputError:
            raise DataError(f"{snapshot}: rsync complained without end") from None
        if result.code != 0:
            raise UnavailableError(f"{snapshot}: rsync ended with code {result.code}: {_complaint(result)}")


@asynccontextmanager
async def open_door(node: Node, settings: Settings, socket: Path) -> AsyncIterator[Door]:
    """Log in to a node. Raises UnavailableError, which says why it can't be."""
    result = await run(master_command(node, settings, socket))
    if result.code != 0:
        raise UnavailableError(_why_closed(node, result))
    try:
        yield Door(node, socket)
    finally:
        await run(["ssh", "-F", "/dev/null", "-O", "exit", "-o", f"ControlPath={socket}", "--", node.address])


def _why_closed(node: Node, result: Result) -> str:
    hint = next((hint for words, hint in _HINTS.items() if words in result.err), None)
    where = f"{node.address} port {node.port}"
    if hint:
        return f"{where}: {hint} (ssh: {printable(result.last_words)[:200]})"
    return f"{where} cannot be reached: {printable(result.last_words)[:200]}"


def _complaint(result: Result) -> str:
    """Return the line in which rsync says what was wrong; its last one only gives the code."""
    lines = [line.strip() for line in result.err.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("rsync error:")] or lines
    return printable(telling[0])[:300] if telling else f"exit code {result.code}"
