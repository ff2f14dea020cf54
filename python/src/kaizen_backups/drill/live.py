"""Asks the live node: by the administrator's own ssh, once. The collector's key opens no more than snapshots."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from random import Random

from kaizen_backups.drill.sample import Compared, Sampled, judge, records
from kaizen_backups.errors import DataError, KaizenError, UnavailableError, printable
from kaizen_backups.node import Node
from kaizen_backups.onboard.administrator import Administrator
from kaizen_backups.onboard.ssh import Ssh, Target
from kaizen_backups.restore.host import REMOTE, place_with_keys, ssh_failed, ssh_options
from kaizen_backups.restore.transfer import null_separated
from kaizen_backups.run import TooMuchOutputError, run

_PATIENCE = 900  # seconds
_LIMIT = 1 << 16  # bytes; 200 answers have a quarter of that


@dataclass(frozen=True)
class Live:
    """How live nodes are asked: whose ssh it is, and the node list with its host keys."""

    who: Administrator
    nodes: Sequence[Node]
    known_hosts: Path
    chance: Random = field(default_factory=Random)

    async def compare(self, node: str, sample: Sequence[Sampled]) -> Compared:
        """Compare; why that could not be done is in what is returned."""
        try:
            return judge(sample, await self._ask(node, sample)) if sample else Compared(0)
        except (KaizenError, OSError) as error:
            return Compared(len(sample), not_done=str(error).removeprefix(f"{node}: "))

    async def _ask(self, node: str, sample: Sequence[Sampled]) -> str:
        script = (files("kaizen_backups.drill") / "live.sh").read_bytes()
        with place_with_keys(self.who, self.known_hosts) as place:
            command = self.who.command(self._command(node, place))
            return await ask(node, command, script + b"main\n" + null_separated(records(sample)))

    def _command(self, name: str, place: Path) -> list[str]:
        options = ssh_options(None, place / "known_hosts", batch=not sys.stdin.isatty())
        listed = next((node for node in self.nodes if node.name == name), None)
        way = []
        if listed:
            host, port = Ssh(Target(name, name), self.who, place).resolve()
            way = way_to(listed, host, port)
        return ["ssh", "-T", *options, *way, *Target(name, name).arguments(), REMOTE]


def way_to(node: Node, host: str, port: int) -> list[str]:
    """Return ssh's options for a node of the list; `host` and `port` are what the administrator's settings say of it.

    Where they say nothing, the list's address and port hold. The host key is looked up by the node's name.
    """
    address = [] if host != node.name else ["-o", f"HostName={node.address}"]
    other_port = [] if port != 22 else ["-o", f"Port={node.port}"]
    return ["-o", f"HostKeyAlias={node.name}", *address, *other_port]


async def ask(node: str, command: Sequence[str], stdin: bytes, patience: float = _PATIENCE) -> str:
    """Return what a program that reads `stdin` answers, within bounds of size and time. Raises KaizenError."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            async with asyncio.timeout(patience):
                result = await run(command, stdin=file.fileno(), limit=_LIMIT)
    except TimeoutError:
        raise UnavailableError(f"it gave no answer within {patience:g} s") from None
    except TooMuchOutputError:
        raise DataError("what it answers is endless") from None
    if result.code != 0:
        raise ssh_failed(node, result) or KaizenError(printable(result.last_words.removeprefix("kaizen: "))[:300])
    return result.out
