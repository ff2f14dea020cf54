"""Copies come back: one snapshot into a directory, or all of them into a store, each held against its sums."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kaizen_backups.confine import TARGET, restoring
from kaizen_backups.errors import DataError, KaizenError, UnavailableError, printable
from kaizen_backups.history import History
from kaizen_backups.history_offsite import Copy
from kaizen_backups.node import NodeName
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.restore.choose import choose_snapshot
from kaizen_backups.run import run
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked, check_tree

# As a collector receives: what a repository holds was written by whoever had the collector.
_RELINK = ("rsync", "-aHAX", "--no-D", "--numeric-ids", "--sparse", "--modify-window=-1", "--checksum", "--whole-file")


def copies_of(copies: Iterable[Copy], node: str, at: str, today: date) -> list[Copy]:
    """Return the copies of the snapshot that is meant, the last made first: one may lack what the next has.

    Raises KaizenError, which names the snapshots that there are.
    """
    of_node = [one for one in copies if one.node == node]
    names = {snapshot for one in of_node if (snapshot := Snapshot.parse(one.snapshot))}
    chosen = choose_snapshot(sorted(names), at, today)
    return [one for one in reversed(of_node) if one.snapshot == str(chosen)]


async def restore_copy(restic: Restic, copies: Sequence[Copy], target: Path) -> Checked:
    """Restore the first of the copies of a snapshot that is whole into a fresh directory. Raises KaizenError."""
    for number, copy in enumerate(copies, 1):
        try:
            return await _restore(restic, copy, target)
        except DataError:
            if number == len(copies):
                raise
            await asyncio.to_thread(_empty, target)
    raise KaizenError("there is no copy of it")


async def _restore(restic: Restic, copy: Copy, target: Path) -> Checked:
    command = restic.command("restore", copy.id, f"--target={target}", "--no-lock", "--quiet")
    result = await run(_caged(command, target, restic), limit=1 << 26, environment=restic.environment())
    if result.code != 0:
        raise restic.failure(result)
    try:
        checked = await asyncio.to_thread(check_tree, target)
    except (DataError, OSError) as error:
        raise DataError(f"{copy.node} {copy.snapshot}: the copy is not whole: {error}") from None
    if checked.sums_sha256 != copy.sums_sha256:
        raise DataError(f"{copy.node} {copy.snapshot}: the copy is not what was sent")
    return checked


def _caged(command: Sequence[str], target: Path, restic: Restic) -> list[str]:
    """Return the argument list with which restic writes to `target` and to its cache alone, and makes no devices."""
    cache = restic.settings.offsite_directory / "cache"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    view = ["--ro-bind", "/", "/", "--dev", "/dev", "--setenv", "TMPDIR", str(cache)]
    for place in (cache, target):
        view += ["--bind", str(place), str(place)]
    return ["bwrap", *view, "--cap-drop", "CAP_MKNOD", "--die-with-parent", "--", *command]


def _empty(target: Path) -> None:
    """Let go of what is in a directory of our own."""
    NodeStore(target.parent, target.name).discard(list(target.iterdir()))


class StoreRestore:
    """All copies back into a store, the newest of every node first."""

    def __init__(self, restic: Restic, history: History, say: Callable[[str], None]) -> None:
        self._restic, self._history, self._say = restic, history, say
        self._slots = asyncio.Semaphore(restic.stated.jobs)
        self._lost = False
        self.problems: list[str] = []
        self.restored = 0

    async def work(self, copies: Sequence[Copy], *, newest: bool = False) -> None:
        """Restore what the store lacks, or only the `newest` of each node. What fails is named, the others go on."""
        wanted = self._wanted(copies)
        first = [found[0] for found in wanted.values() if found]
        rest = [] if newest else [one for found in wanted.values() for one in found[1:]]
        for part in (first, rest):
            by_node: dict[str, list[list[Copy]]] = {}
            for one in part:
                by_node.setdefault(one[0].node, []).append(one)
            await asyncio.gather(*(self._restore_node(found) for found in by_node.values()))

    def _wanted(self, copies: Sequence[Copy]) -> dict[str, list[list[Copy]]]:
        """Return, by node, the copies of every snapshot that is not stored, the newest snapshot first."""
        found: dict[str, dict[Snapshot, list[Copy]]] = {}
        for copy in reversed(copies):
            snapshot = Snapshot.parse(copy.snapshot)
            if not snapshot or not _is_name(copy.node):
                self.problems.append(f"{printable(copy.node)}: this is no node's name; it is left out")
            elif snapshot not in NodeStore(self._restic.settings.store, copy.node).snapshots():
                found.setdefault(copy.node, {}).setdefault(snapshot, []).append(copy)
        return {node: [by[one] for one in sorted(by, reverse=True)] for node, by in sorted(found.items())}

    async def _restore_node(self, wanted: Sequence[Sequence[Copy]]) -> None:
        async with self._slots:
            for copies in wanted:
                if self._lost:
                    return  # it has been said once
                node, snapshot = copies[0].node, copies[0].snapshot
                try:
                    await self._restore(copies)
                except (KaizenError, OSError) as error:
                    # A repository that can't be reached is so for every node.
                    self._lost = self._lost or isinstance(error, UnavailableError)
                    self.problems.append(f"{node}: {snapshot}: {error}")
                else:
                    self.restored += 1
                    self._say(f"{node} {snapshot}")

    async def _restore(self, copies: Sequence[Copy]) -> None:
        store = NodeStore(self._restic.settings.store, copies[0].node)
        snapshot = Snapshot.parse(copies[0].snapshot)
        if not snapshot:
            return
        store.prepare()
        with suppress(FileNotFoundError):
            await asyncio.to_thread(store.discard, store.partials())  # of a run that was killed
        raw, fresh = store.new_partial(snapshot), store.new_partial(snapshot)
        await restore_copy(self._restic, copies, raw)
        await _relink(store, raw, fresh)
        checked = await asyncio.to_thread(check_tree, fresh)
        await asyncio.to_thread(store.publish, fresh, snapshot)
        await asyncio.to_thread(store.discard, [raw])
        self._history.add_snapshot(copies[0].node, snapshot, checked, copies[0].received)
        self._history.set_verdict(copies[0].node, [str(snapshot)], rotten=False)


async def _relink(store: NodeStore, raw: Path, fresh: Path) -> None:
    """Copy a restored snapshot so that what other stored ones have is linked to theirs, as it was."""
    bases = [f"--link-dest={TARGET}/{one}" for one in store.snapshots()[-20:]]
    command = [*_RELINK, *bases, "--", f"{TARGET}/{raw.name}/", f"{TARGET}/{fresh.name}/"]
    result = await run(restoring(command, target=store.directory, writable=True), limit=1 << 26)
    if result.code != 0:
        raise KaizenError(f"rsync: {printable(result.last_words)[:300]}")


def _is_name(node: str) -> bool:
    try:
        TypeAdapter(NodeName).validate_python(node)
    except ValidationError:
        return False
    return True
