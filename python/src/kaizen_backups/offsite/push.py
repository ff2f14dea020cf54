"""Send to a repository what it does not have: every verified snapshot, one restic snapshot a node and date."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kaizen_backups.errors import DataError, KaizenError, UnavailableError
from kaizen_backups.history import History, parse_stamp, stamp
from kaizen_backups.history_offsite import Copy
from kaizen_backups.offsite.repository import Restic, tags
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore, stored_nodes

# Snapshots are stored once and for ever, but a later one's hard links change a file's ctime.
_BACKUP = ("backup", "--json", "--quiet", "--ignore-ctime", "--one-file-system")


@dataclass(frozen=True)
class Waiting:
    """A snapshot that a repository does not have."""

    node: str
    snapshot: Snapshot
    received: str
    sums_sha256: str


@dataclass
class Pushed:
    """What became of one repository: what was sent, or would be; the bytes that were added; what went wrong."""

    repository: str
    sent: list[str] = field(default_factory=list)
    added_bytes: int = 0
    unverified: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as `kaizen offsite push --json` prints it."""
        return asdict(self)


def waiting(
    restic: Restic, history: History, copies: Sequence[Copy], nodes: Sequence[str] = ()
) -> tuple[list[Waiting], list[str]]:
    """Return what is stored, verified and not among the copies, oldest first; and what waits to be verified."""
    there = {(one.node, one.snapshot, one.sums_sha256) for one in copies}
    found, unverified = [], []
    for node in nodes or stored_nodes(restic.settings.store):
        for snapshot in NodeStore(restic.settings.store, node).snapshots():
            record = history.snapshot(node, snapshot)
            if not record or not record.verified or not record.sums_sha256:
                unverified.append(f"{node} {snapshot}")
            elif not record.rotten and (node, str(snapshot), record.sums_sha256) not in there:
                found.append(Waiting(node, snapshot, record.received, record.sums_sha256))
    return sorted(found, key=lambda one: (one.received, one.node, one.snapshot)), unverified


async def push(
    restic: Restic, history: History, say: Callable[[str], None], nodes: Sequence[str] = (), *, dry_run: bool = False
) -> Pushed:
    """Send what is missing. What fails of one node is named, and the others go on; nothing is raised.

    `say` hears of every snapshot that was sent.
    """
    outcome = Pushed(restic.name)
    try:
        if not dry_run:
            await restic.unlock()
        history.set_copies(restic.name, await restic.copies())
        missing, outcome.unverified = waiting(restic, history, history.copies(restic.name), nodes)
        if dry_run:
            outcome.sent = [f"{one.node} {one.snapshot}" for one in missing]
            return outcome
        await _Push(restic, history, outcome, say).send(missing)
    except KaizenError as error:
        outcome.problems.append(str(error))
    if not dry_run and (outcome.problems or not nodes):
        history.note_push(restic.name, "; ".join(outcome.problems) or None, stamp())
    return outcome


class _Push:
    """One repository's push at work."""

    def __init__(self, restic: Restic, history: History, outcome: Pushed, say: Callable[[str], None]) -> None:
        self._restic, self._history, self._outcome, self._say = restic, history, outcome, say
        self._slots = asyncio.Semaphore(restic.stated.jobs)
        self._lost = False

    async def send(self, missing: Sequence[Waiting]) -> None:
        by_node: dict[str, list[Waiting]] = {}
        for one in missing:
            by_node.setdefault(one.node, []).append(one)
        await asyncio.gather(*(self._send_node(node, found) for node, found in by_node.items()))

    async def _send_node(self, node: str, missing: Sequence[Waiting]) -> None:
        """Send one node's snapshots, one after the other: each builds on the one before."""
        async with self._slots:
            for one in missing:
                if self._lost:
                    return  # it has been said once
                try:
                    await self._send(one)
                except KaizenError as error:
                    # A repository that can't be reached is so for every node.
                    self._lost = self._lost or isinstance(error, UnavailableError)
                    self._outcome.problems.append(f"{node}: {one.snapshot}: {error}")
                    return

    async def _send(self, one: Waiting) -> None:
        path = NodeStore(self._restic.settings.store, one.node).path(one.snapshot)
        try:
            before = path.lstat().st_ino
        except FileNotFoundError:
            return  # pruned meanwhile
        known = [f"--tag={tag}" for tag in tags(one.snapshot, one.sums_sha256)]
        when = f"--time={parse_stamp(one.received):%Y-%m-%d %H:%M:%S}"
        line = [*_BACKUP, f"--host={one.node}", when, *known, *self._basis(one.node), "."]
        result = await self._restic.run(*line, directory=path)
        if result.code not in (0, 3):
            raise self._restic.failure(result)
        identity, added = _summary(result.out)
        if result.code == 3:
            self._history.add_part(self._restic.name, identity)
            if not os.path.lexists(path) or path.lstat().st_ino != before:
                return  # pruned meanwhile, or replaced by a good one
            raise DataError(f"not all of it could be read; 'kaizen verify {one.node}' names what ({result.last_words})")
        copy = Copy(identity, one.node, str(one.snapshot), one.received, one.sums_sha256)
        self._history.add_copy(self._restic.name, copy)
        self._outcome.sent.append(f"{one.node} {one.snapshot}")
        self._outcome.added_bytes += added
        self._say(f"{self._restic.name}: {one.node} {one.snapshot}")

    def _basis(self, node: str) -> list[str]:
        """Return restic's arguments for the copy whose files need not be read again.

        That must be of a snapshot that is still stored: then no other file can have the number of one of its own.
        """
        stored = {str(one) for one in NodeStore(self._restic.settings.store, node).snapshots()}
        copies = self._history.copies(self._restic.name)
        bases = [one for one in copies if one.node == node and one.snapshot in stored]
        return [f"--parent={bases[-1].id}"] if bases else ["--force"]


def _summary(text: str) -> tuple[str, int]:
    """Return the id and the added bytes that `restic backup --json` tells of at its end."""
    for line in reversed(text.splitlines()):
        try:
            told = json.loads(line)
            if told["message_type"] == "summary":
                return str(told["snapshot_id"]), int(told["data_added"])
        except (ValueError, KeyError, TypeError):
            continue
    raise DataError("restic did not say what it made")
