"""One node: ask what it has, receive what is new, check, publish, let go of what is out of date."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from kaizen_backups.backup_info import read_info
from kaizen_backups.choice import choose, deleted
from kaizen_backups.door import Door
from kaizen_backups.errors import DataError, KaizenError, NoRoomError, NoRoomYetError
from kaizen_backups.expire import expire
from kaizen_backups.history_records import Record
from kaizen_backups.night import Event, Night, Outcome
from kaizen_backups.offer import Offered, require_good
from kaizen_backups.reception import Reception
from kaizen_backups.share_blocks import share_blocks
from kaizen_backups.snapshots import SUMS, Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked, check_tree, read_sums
from kaizen_backups.tree import File

_PARTIAL_BASES = 3
_PACE_SECONDS = 0.2
_WARNINGS = 50
_WARNING = 300  # characters of one


class Receiver:
    """The work at one node while its door is open."""

    def __init__(self, door: Door, night: Night, outcome: Outcome) -> None:
        self._door = door
        self._night = night
        self._outcome = outcome
        self._store = NodeStore(night.settings.store, outcome.node)
        self._rotten = night.history.rotten(outcome.node)

    async def work(self) -> list[str]:
        """Receive what the node has and the store lacks, oldest first; return what is wrong, [] when all is well.

        Raises KaizenError when the node can't be gone on with.
        """
        offer = await self._door.listing()
        stored = self._store.snapshots()
        settings = self._night.settings
        new, problems = choose(offer, stored, self._night.today(), settings, self._rotten)
        new = [snapshot for snapshot in new if snapshot not in self._outcome.refused]
        self._outcome.wanted = [str(snapshot) for snapshot in new]
        gone = [] if self._door.node.is_copied else deleted(offer, stored)
        problems += [f"{s}: it was collected, and is deleted there before its time" for s in gone]
        problems += await asyncio.to_thread(self._rewritten, offer, self._records(offer.keys() & set(stored)))
        if self._night.dry_run:
            return problems
        self._store.prepare()
        if new:
            await self._make_room()
            with self._night.room.reserve(self._outcome.node):
                await self._receive_all(new, offer)
        else:
            # A basis for nothing any more: a run that was killed between publishing and tidying up left it.
            await self._discard(self._store.partials())
        problems += self._outcome.refused.values()
        if not problems:
            self._outcome.expired += await asyncio.to_thread(expire, self._store, self._night, self._rotten)
        return problems

    async def _make_room(self) -> None:
        """Let go of what earlier receptions left, where it takes the room that a whole snapshot needs."""
        try:
            with self._night.room.reserve(self._outcome.node):
                pass
        except NoRoomYetError:
            raise  # in a moment there may be room without that
        except NoRoomError:
            await self._discard(self._store.partials())

    def _records(self, snapshots: Iterable[Snapshot]) -> dict[Snapshot, Record | None]:
        whole = sorted(set(snapshots) - self._rotten)
        return {snapshot: self._night.history.snapshot(self._outcome.node, snapshot) for snapshot in whole}

    def _rewritten(self, offer: dict[Snapshot, Offered], records: dict[Snapshot, Record | None]) -> list[str]:
        """Say what the node rewrote of what was collected. The store has it as it was."""
        found = ((s, _difference(self._store.path(s), offer[s], record)) for s, record in records.items())
        return [f"{snapshot}: {problem}" for snapshot, problem in found if problem]

    async def _receive_all(self, new: list[Snapshot], offer: dict[Snapshot, Offered]) -> None:
        for snapshot in new:
            try:
                require_good(snapshot, offer[snapshot])
                checked = await self._receive_whole(snapshot)
            except DataError as error:  # a later one may be good
                self._outcome.refused[snapshot] = str(error)
                continue
            self._outcome.received.append(str(snapshot))
            self._outcome.new_bytes += checked.new_bytes
            facts = {"files": checked.files, "bytes": checked.bytes, "new_bytes": checked.new_bytes}
            self._tell("stored", snapshot=str(snapshot), **facts)

    async def _receive_whole(self, snapshot: Snapshot) -> Checked:
        """Receive one snapshot, check it, publish it."""
        while True:
            partial, checked = await self._receive(snapshot)
            rotten = self._night.history.rotten(self._outcome.node)
            if rotten <= self._rotten:
                break
            # A verification went on meanwhile, and what it found may be linked to: begin again with what is known now.
            self._rotten = rotten
        await self._publish(snapshot, partial, checked, anew=snapshot in self._store.snapshots())
        await self._discard(self._store.partials())
        return checked

    async def _receive(self, snapshot: Snapshot) -> tuple[Path, Checked]:
        """Receive one snapshot into a fresh directory, and check it."""
        stored = self._store.snapshots()
        last = self._store.path(stored[-1]) if stored else None
        partials = self._store.partials()
        bases = ([last] if last else []) + partials[:_PARTIAL_BASES]
        await self._discard(partials[_PARTIAL_BASES:])
        # What is rotten may share files with these bases: contents are compared, and nothing is taken as read.
        doubtful = snapshot in stored or bool(stored and stored[-1] in self._rotten)
        if snapshot in stored:
            bases = list(dict.fromkeys([self._store.path(snapshot), *bases]))
        partial = await self._pull(snapshot, bases, checksum=doubtful)
        try:
            return partial, await self._check(snapshot, partial, last, trust=not doubtful)
        except DataError:
            if doubtful or not bases:
                await self._discard(self._store.partials())
                raise
        # A file may have new content under its old size and time: compare contents this once.
        partial = await self._pull(snapshot, [partial, *bases], checksum=True)
        try:
            return partial, await self._check(snapshot, partial, last)
        except DataError:
            # What nobody can use must not stay and take the room.
            await self._discard(self._store.partials())
            raise

    async def _pull(self, snapshot: Snapshot, bases: list[Path], *, checksum: bool) -> Path:
        while not self._night.pace.spend(0):
            await asyncio.sleep(_PACE_SECONDS)  # the others have used the rate up
        self._tell("receiving", snapshot=str(snapshot))
        settings = self._night.settings
        partial = self._store.new_partial(snapshot)
        received = Received(self._night, self._outcome.node)
        reception = Reception(settings.limits, received, settings.silence / 4, self._outcome.brought)
        try:
            await self._door.pull(snapshot, partial, bases, reception, checksum=checksum)
            received.note(reception.announced)
            self._outcome.brought = reception.brought()
        except (DataError, NoRoomError):
            # What is too much must not stay and take the room.
            await self._discard([partial])
            raise
        finally:
            self._night.room.rests(self._outcome.node)
        return partial

    async def _check(self, snapshot: Snapshot, partial: Path, last: Path | None, *, trust: bool = True) -> Checked:
        self._tell("checking", snapshot=str(snapshot))
        over = threading.Event()
        limits = self._night.settings.limits

        def share(file: File, go_on: Callable[[], None]) -> None:
            if last:
                share_blocks(file, last, go_on)

        try:
            read_info(partial)
            return await asyncio.to_thread(
                check_tree, partial, last, limits, trust=trust, abandoned=over.is_set, settle=share
            )
        except DataError as error:
            raise DataError(f"{snapshot}: {error}") from error
        finally:
            over.set()  # a thread is not ended by the node's time being up

    async def _publish(self, snapshot: Snapshot, partial: Path, checked: Checked, *, anew: bool) -> None:
        history, node = self._night.history, self._outcome.node
        if not anew:
            # On record first: a row too many is nothing, a snapshot without one could be tampered with unseen.
            history.add_snapshot(node, snapshot, checked, warnings=_warnings(partial))
            await asyncio.to_thread(self._store.publish, partial, snapshot)
            return
        record = history.snapshot(node, snapshot)
        if not record or not record.sums_sha256:
            raise KaizenError(f"{snapshot}: it is rotten, and not on record; 'kaizen history rebuild' puts it there")
        if record.sums_sha256 != checked.sums_sha256:
            raise DataError(f"{snapshot}: what the node has now is not what was collected, so the rotten one stays")
        await asyncio.to_thread(self._store.replace, partial, snapshot)
        history.add_snapshot(node, snapshot, checked, record.received, _warnings(self._store.path(snapshot)))
        self._rotten.discard(snapshot)

    async def _discard(self, paths: list[Path]) -> None:
        if paths:
            await asyncio.to_thread(self._store.discard, paths)

    def _tell(self, kind: str, **facts: object) -> None:
        self._night.tell(Event(kind, self._outcome.node, facts))


class Received:
    """Takes note of what one reception has written by now: for the room, the rate and whoever is told."""

    def __init__(self, night: Night, node: str) -> None:
        self._night = night
        self._node = node
        self._last = 0

    def __call__(self, count: int) -> bool:
        """Take the bytes so far; return whether more may come now. Raises NoRoomError."""
        self._night.room.received(self._node, max(count, self._last))
        return self.note(count)

    def note(self, count: int) -> bool:
        """Do so without a look at the room: when all is there, nothing need be broken off."""
        new, self._last = max(0, count - self._last), max(count, self._last)
        self._night.tell(Event("progress", self._node, {"bytes": self._last}))
        return self._night.pace.spend(new)


def _warnings(snapshot: Path) -> list[str]:
    """Return the agent's warnings; it may have thousands, and long ones."""
    return [words[:_WARNING] for words in read_info(snapshot).get("warning", [])[:_WARNINGS]]


def _difference(stored: Path, offered: Offered, record: Record | None) -> str | None:
    try:
        data, own = read_sums(stored)
    except DataError as error:
        return f"in the store, {error}; 'kaizen verify' says more"
    if record and record.sums_sha256 and record.sums_sha256 != own:
        return f"in the store, {SUMS} is not what was collected; 'kaizen verify' says more"
    if offered.sums_md5 != hashlib.md5(data, usedforsecurity=False).hexdigest():
        return "it was collected, and is rewritten there since; the store has it as it was"
    return None
