"""Nodes from another collector: those that its store has. This collector is then its offsite machine."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kaizen_backups.atomic import write_atomically
from kaizen_backups.confine import confined
from kaizen_backups.door import complaint, open_door, rsync_command
from kaizen_backups.errors import DataError, UnavailableError, printable
from kaizen_backups.node import Node, NodeName
from kaizen_backups.nodes_yaml import known_hosts
from kaizen_backups.run import TooMuchOutputError, run
from kaizen_backups.settings import CollectorSource, Settings
from kaizen_backups.shrinking import COLLECTOR
from kaizen_backups.sources import Found, Problem

_NAMES = ("--dry-run", "--recursive", "--no-motd", "--out-format=%n", "--include=/*/", "--exclude=*")
_LIMIT = 1 << 22  # bytes
_SECONDS = 120
_NAME: TypeAdapter[str] = TypeAdapter(NodeName)


def read_collector(source: CollectorSource, settings: Settings) -> Found:
    """Ask the collector whose snapshots it has. Raises UnavailableError, DataError."""
    stated = {**source.model_dump(exclude={"name", "host_keys"}), "host_keys": list(source.host_keys)}
    found = Found(COLLECTOR)
    for name in names(Node.model_validate({**stated, "name": source.name, "origin": "collector"}), settings):
        try:
            _NAME.validate_python(name)
        except ValidationError:
            found.problems.append(Problem(name, f"{printable(name)[:100]}: this is no node's name; it is left out"))
        else:
            found.nodes[name] = {**stated, "origin": "collector"}
    return found


def names(collector: Node, settings: Settings) -> list[str]:
    """Return the names in a collector's store. Raises UnavailableError, DataError."""
    # A socket's path may have 107 bytes, and whoever opens it is logged in.
    place = Path(tempfile.mkdtemp(prefix="kaizen-door-", dir="/run"))
    try:
        own = settings.model_copy(update={"state": place})
        write_atomically(own.known_hosts_file, known_hosts([collector]))
        return asyncio.run(_ask(collector, own, place / "m"))
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _ask(collector: Node, settings: Settings, socket: Path) -> list[str]:
    command = rsync_command(collector, _NAMES, "", "/nowhere/", silence=settings.silence, place="store")
    try:
        async with asyncio.timeout(_SECONDS), open_door(collector, settings, socket):
            result = await run(confined(command, socket=socket, store=None), limit=_LIMIT)
    except TooMuchOutputError:
        raise DataError(f"{collector.name}: its list of nodes is endless") from None
    except TimeoutError:
        raise UnavailableError(f"{collector.name}: its list of nodes did not end within {_SECONDS} s") from None
    if result.code != 0:
        raise UnavailableError(f"{collector.name}: cannot list its store: {complaint(result)}")
    lines = (line.removesuffix("/") for line in result.out.splitlines() if line.endswith("/"))
    return sorted(line for line in lines if line not in (".", ""))
