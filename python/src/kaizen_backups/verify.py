"""Read again what is stored, all of it, and hold it against its sums; name what is rotten and what shares it."""

import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from kaizen_backups.errors import DataError
from kaizen_backups.history import History
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import SUMS, Snapshot, is_encrypted_dump
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Difference, differences, nearly_listed, parse_sums, read_sums
from kaizen_backups.tree import File, regular_files, show_name


@dataclass
class Rot:
    """One rotten file: its names, what is wrong, and every snapshot that shares it (oldest first)."""

    files: list[str]
    complaint: str
    snapshots: list[str]

    def __str__(self) -> str:
        where = f"{', '.join(self.snapshots)}: " if self.snapshots else ""
        return f"{where}{' = '.join(self.files)} {self.complaint}"


@dataclass
class Verdict:
    """What was read of one node: snapshots, files and bytes (each file once, however many share it), what is rotten.

    `encrypted` of the files are dumps that nobody here can look into: that they are as they came is all that is known.
    """

    node: str
    snapshots: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    encrypted: int = 0
    rotten: list[Rot] = field(default_factory=list)

    @property
    def unreadable(self) -> bool:
        """Could not even be seen which snapshots there are?"""
        return any(not rot.snapshots for rot in self.rotten)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as `kaizen verify --json` prints it."""
        return asdict(self)


def choose_share(nodes: Iterable[str], verified: Mapping[str, str], share: Fraction) -> list[str]:
    """Return that share of the nodes, at least one if there is any: those that were not read for longest."""
    by_age = sorted(nodes, key=lambda node: (verified.get(node, ""), node))
    return by_age[: math.ceil(len(by_age) * share)]


def verify(
    settings: Settings, history: History, nodes: Iterable[str], only: Snapshot | None = None
) -> Iterator[Verdict]:
    """Read nodes' snapshots, all or `only` one, as many nodes at a time as there are processors.

    Yields each node's verdict as it is found and put into the history. Holds no lock: a snapshot that is pruned
    meanwhile is left out.
    """
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        # The history is read here: its connection is this thread's.
        work = [
            pool.submit(read_node, NodeStore(settings.store, n), n, _recorded(n, settings, history), only)
            for n in nodes
        ]
        for done in as_completed(work):
            verdict = done.result()
            _note(verdict, history, complete=only is None)
            yield verdict
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read_node(store: NodeStore, node: str, recorded: Mapping[Snapshot, str], only: Snapshot | None) -> Verdict:
    """Read a node's snapshots, all or `only` one; `recorded` has the hash that each one's SHA256SUMS had on receipt."""
    reading = _Reading(store)
    verdict = Verdict(node)
    try:
        stored = store.snapshots()
    except OSError as error:
        verdict.rotten.append(Rot([str(store.directory)], f"cannot be read: {error.strerror}", []))
        return verdict
    for snapshot in stored:
        if only in (None, snapshot) and reading.read(snapshot, recorded.get(snapshot)):
            verdict.snapshots.append(str(snapshot))
    verdict.files, verdict.bytes = len(reading.digests), reading.bytes
    verdict.encrypted = len(reading.encrypted)
    verdict.rotten = reading.rotten()
    return verdict


class _Reading:
    """Reads snapshots of one node, each inode once, and collects the differences."""

    def __init__(self, store: NodeStore) -> None:
        self.digests: dict[int, bytes] = {}
        self.bytes = 0
        self.encrypted: set[int] = set()
        self._store = store
        self._found: list[tuple[Snapshot, Difference]] = []

    def read(self, snapshot: Snapshot, recorded: str | None) -> bool:
        """Read a snapshot; return whether it was there until the end."""
        before = self._inode(snapshot)
        try:
            found = list(self._differences(snapshot, recorded))
        except DataError as error:
            found = [Difference(SUMS.encode(), f"cannot be used: {str(error).removeprefix(f'{SUMS}: ')}", None)]
        except OSError as error:
            found = [Difference(b".", f"cannot be read: {error.strerror}", None)]
        if before is None or self._inode(snapshot) != before:
            return False  # pruned meanwhile, or replaced by a good one
        self._found += [(snapshot, difference) for difference in found]
        return True

    def _inode(self, snapshot: Snapshot) -> int | None:
        try:
            return self._store.path(snapshot).lstat().st_ino
        except OSError:
            return None

    def _differences(self, snapshot: Snapshot, recorded: str | None) -> Iterator[Difference]:
        root = self._store.path(snapshot)
        data, own = read_sums(root)
        if recorded and own != recorded:
            # The list itself is damaged, or was tampered with; what it still says of the files is made use of.
            yield Difference(SUMS.encode(), "is not what was collected", None)
            for file in regular_files(root):
                if file.name != SUMS.encode() and not nearly_listed(data, file.name, self._digest(file)):
                    yield Difference(file.name, f"does not have the sum that {SUMS} gives", file)
            return
        yield from differences(regular_files(root), parse_sums(io.BytesIO(data)), self._digest)

    def _digest(self, file: File) -> bytes:
        digest = self.digests.get(file.status.st_ino)
        if digest is None:
            digest = self.digests[file.status.st_ino] = file.sha256()
            self.bytes += file.status.st_size
        if is_encrypted_dump(file.name):
            self.encrypted.add(file.status.st_ino)
        return digest

    def rotten(self) -> list[Rot]:
        """Return what was found, a file once, with all of the stored snapshots that share it."""
        by_inode: dict[int, Rot] = {}
        others = []
        for snapshot, difference in self._found:
            if difference.file is None:
                others.append(Rot([show_name(difference.name)], difference.complaint, [str(snapshot)]))
            else:
                by_inode.setdefault(difference.file.status.st_ino, Rot([], difference.complaint, []))
        # What was published meanwhile may share it.
        for snapshot in self._store.snapshots() if by_inode else ():
            with suppress(OSError):  # it is named already, or pruned meanwhile
                for file in regular_files(self._store.path(snapshot)):
                    if rot := by_inode.get(file.status.st_ino):
                        _add(rot.files, show_name(file.name))
                        _add(rot.snapshots, str(snapshot))
        return [*by_inode.values(), *others]


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _recorded(node: str, settings: Settings, history: History) -> dict[Snapshot, str]:
    try:
        stored = NodeStore(settings.store, node).snapshots()
    except OSError:
        return {}  # it is read again, and named, where it is verified
    records = ((s, history.snapshot(node, s)) for s in stored)
    return {snapshot: record.sums_sha256 for snapshot, record in records if record}


def _note(verdict: Verdict, history: History, *, complete: bool) -> None:
    rotten = {name for rot in verdict.rotten for name in rot.snapshots}
    history.set_verdict(verdict.node, rotten, rotten=True)
    history.set_verdict(verdict.node, set(verdict.snapshots) - rotten, rotten=False)
    if complete and not verdict.unreadable:
        history.set_node_verified(verdict.node)
