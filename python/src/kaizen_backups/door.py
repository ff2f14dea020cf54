"""A node's door: one ssh connection, opened here, over which the confined rsync reads that node's snapshots."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from kaizen_backups.confine import READY, SOCKET, STORE, confined, dying_with_us
from kaizen_backups.errors import DataError, KaizenError, NoRoomError, RefusedError, UnavailableError, printable
from kaizen_backups.node import Node
from kaizen_backups.offer import LISTING_ARGUMENTS, Offered, parse_listing
from kaizen_backups.reception import OUT_FORMAT, Reception, guarded
from kaizen_backups.run import Result, TooMuchOutputError, run
from kaizen_backups.settings import Limits, Settings
from kaizen_backups.snapshots import Snapshot

_LOGIN_SECONDS = 30
_LISTING_LIMIT = 1 << 20  # bytes
_LISTING_SECONDS = 120
_LISTING_LIMITS = Limits(files=100_000, bytes=1 << 20)
# rsync's exit codes for what may pass: a door that is busy, a link that broke, silence. See rsync(1).
_PASSING = frozenset({5, 10, 12, 24, 30, 35, 255})
# The cage says that its rsync was killed by somebody (for want of memory, say) as a shell does.
_KILLED = frozenset({-9, -15, 128 + 9, 128 + 15})
_HINTS = {
    "Host key verification failed": "its host key is not the one that the node list has; see 'kaizen nodes show'",
    "Permission denied": "it does not accept the collector's key",
}


def master_command(node: Node, settings: Settings, socket: Path) -> list[str]:
    """Return the ssh that logs in, opens a control socket at `socket`, says "up", and stays until it is ended.

    Nothing is trusted on first use, nothing is forwarded, and a link that is cut ends it, and with it whatever goes
    over it, after 15 to 20 s. Should we be killed, it ends too.
    """
    options = {
        "BatchMode": "yes",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": "15",
        "ControlMaster": "yes",
        "ControlPath": str(socket),
        "ControlPersist": "no",
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": node.name,
        "IdentitiesOnly": "yes",
        # And with it KEY-cert.pub beside it, where there is one: see ssh_config(5).
        "IdentityFile": str(settings.key),
        "LocalCommand": "echo up",
        "LogLevel": "ERROR",
        "PermitLocalCommand": "yes",
        "ServerAliveCountMax": "3",
        "ServerAliveInterval": "5",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": str(settings.known_hosts_file),
    }
    command = ["ssh", "-F", "/dev/null", "-N", "-T", "-a", "-x"]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    return [*command, "-l", node.user, "-p", str(node.port), "--", node.address]


def rsync_command(
    node: Node, arguments: Sequence[str], source: str, target: str, *, silence: int, place: str | None = None
) -> list[str]:
    """Return the rsync, for inside the cage, that reads `source` of where the node's snapshots are into `target`.

    It ends when nothing was heard of the node for `silence` seconds.
    """
    shell = f"ssh -F /dev/null -o ControlPath={SOCKET} -o ControlMaster=no -o BatchMode=yes -p {node.port}"
    where = f"{node.user}@{node.name}::{place or node.place}/{source}"
    return ["rsync", *arguments, f"--timeout={silence}", "-e", shell, "--", where, target]


def pull_arguments(bases: Sequence[str], *, checksum: bool) -> list[str]:
    """Return rsync's arguments for a whole snapshot: `bases` are directories in the cage, the best first.

    With `checksum` a file is linked to a base's only when its content is the same, whatever its time says, and
    nothing else of a base's content is used. Of the extended attributes those come that may be given without being
    all-powerful; labels of SELinux and the like stay.
    """
    arguments = [
        "-aHAX",
        "--no-D",
        "--numeric-ids",
        "--sparse",
        "--modify-window=-1",
        "-ii",
        f"--out-format={OUT_FORMAT}",
    ]
    arguments += [f"--filter={rule}" for rule in ("+x user.*", "+x security.capability", "-x *")]
    if checksum:
        arguments += ["--checksum", "--whole-file"]
    return arguments + [f"--link-dest={STORE}/{base}" for base in bases]


class Door:
    """An open door. Everything that comes through it is received in the cage."""

    def __init__(self, node: Node, settings: Settings, socket: Path) -> None:
        self._node = node
        self._settings = settings
        self._socket = socket

    async def listing(self) -> dict[Snapshot, Offered]:
        """Return the snapshots that the node has. Raises UnavailableError, DataError."""
        command = guarded(self._rsync(LISTING_ARGUMENTS, "", "/nowhere/"), _LISTING_LIMITS)
        try:
            async with asyncio.timeout(_LISTING_SECONDS):
                result = await run(confined(command, socket=self._socket, store=None), limit=_LISTING_LIMIT)
        except TooMuchOutputError:
            raise DataError("its list of snapshots is endless") from None
        except TimeoutError:
            raise UnavailableError(f"its list of snapshots did not end within {_LISTING_SECONDS} s") from None
        if result.code != 0:
            raise UnavailableError(f"cannot list its snapshots: {complaint(result)}")
        return parse_listing(result.out.splitlines())

    @property
    def node(self) -> Node:
        """Whose door it is."""
        return self._node

    async def pull(
        self, snapshot: Snapshot, target: Path, bases: Sequence[Path], reception: Reception, *, checksum: bool
    ) -> None:
        """Receive a snapshot into `target`, fresh, in the directory where the `bases` are as well.

        Raises UnavailableError when it may go well another time, and DataError, NoRoomError, KaizenError.
        """
        arguments = pull_arguments([base.name for base in bases], checksum=checksum)
        command = guarded(self._rsync(arguments, f"{snapshot}/", f"{STORE}/{target.name}/"), self._settings.limits)
        caged = confined(command, socket=self._socket, store=target.parent)
        try:
            result = await run(caged, reader=reception.read, watch=reception.watch)
            reception.finish()
        except TooMuchOutputError:
            raise DataError(f"{snapshot}: rsync complained without end") from None
        except DataError as error:
            raise DataError(f"{snapshot}: {error}") from None
        if result.code != 0:
            raise failed_pull(snapshot, result)

    def _rsync(self, arguments: Sequence[str], source: str, target: str) -> list[str]:
        return rsync_command(self._node, arguments, source, target, silence=self._settings.silence)


@asynccontextmanager
async def open_door(node: Node, settings: Settings, socket: Path) -> AsyncIterator[Door]:
    """Log in to a node. Raises UnavailableError, which says why it can't be; RefusedError when that will not pass."""
    socket.unlink(missing_ok=True)
    up = asyncio.Event()
    with _pipe() as (stdin, begin):

        def listen(said: bytes) -> None:
            if said.strip() == READY.encode():
                os.write(begin, b"\n")
            else:
                up.set()

        command = dying_with_us(master_command(node, settings, socket), writable=socket.parent)
        master = asyncio.create_task(run(command, reader=listen, stdin=stdin))
        said = asyncio.create_task(up.wait())
        try:
            await asyncio.wait({master, said}, timeout=_LOGIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if master.done():
                raise _why_closed(node, master.result())
            if not up.is_set():
                raise UnavailableError(f"{_where(node)}: it did not let us in within {_LOGIN_SECONDS} s")
            yield Door(node, settings, socket)
        finally:
            said.cancel()
            master.cancel()
            with suppress(asyncio.CancelledError, TooMuchOutputError):
                await master


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def _where(node: Node) -> str:
    return f"{node.address} port {node.port}"


def _why_closed(node: Node, result: Result) -> UnavailableError:
    hint = next((hint for words, hint in _HINTS.items() if words in result.err), None)
    if hint:
        return RefusedError(f"{_where(node)}: {hint} (ssh: {printable(result.last_words)[:200]})")
    return UnavailableError(f"{_where(node)} cannot be reached: {printable(result.last_words)[:200]}")


def failed_pull(snapshot: Snapshot, result: Result) -> KaizenError:
    """Return what it means that a pull's rsync ended so: the node's fault, want of room, or what may pass."""
    said = f"{snapshot}: rsync ended with code {result.code}: {complaint(result)}"
    if "No space left on device" in result.err:
        return NoRoomError(said)
    if result.code in _PASSING or result.code in _KILLED:
        return UnavailableError(said)
    return DataError(said)


def complaint(result: Result) -> str:
    """Return the line in which rsync says what was wrong; its last one only gives the code."""
    lines = [line.strip() for line in result.err.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("rsync error:")] or lines
    return printable(telling[0])[:300] if telling else f"exit code {result.code}"
