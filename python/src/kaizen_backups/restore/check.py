"""Is what is to be restored what was saved? Every file is held against the snapshot's SHA256SUMS beforehand."""

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from kaizen_backups.errors import DataError
from kaizen_backups.restore.choose import has_all
from kaizen_backups.restore.contents import OWN, Contents, Kind, gather, opened
from kaizen_backups.snapshots import SUMS, Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import escape, parse_sums, read_sums
from kaizen_backups.tree import File, show_name

_NAMED = 10  # rotten files that a message names
_FEW = 100  # names up to which a list is searched and not parsed


@dataclass(frozen=True)
class Whole:
    """What is to be restored, and the sum of each of its files as SHA256SUMS has it."""

    contents: Contents
    sums: Mapping[bytes, bytes]


class Checker:
    """Checks paths in snapshots of one node; a file that several snapshots share is read once.

    `recorded` has the hash that each SHA256SUMS had on receipt; `tell` is told how many bytes were read. What is
    `left_out` is not looked at.
    """

    def __init__(
        self,
        store: NodeStore,
        recorded: Mapping[Snapshot, str],
        tell: Callable[[int], object],
        left_out: Collection[bytes] = (),
    ) -> None:
        self._store = store
        self._left_out = left_out
        self._recorded = recorded
        self._tell = tell
        self._digests: dict[int, bytes] = {}

    def check(self, snapshot: Snapshot, names: Sequence[bytes]) -> Whole:
        """Return what a snapshot has of names that it has. Raises DataError, which names what is rotten."""
        with opened(self._store.path(snapshot)) as root:
            contents = gather(root, names, self._digest, self._left_out)
        try:
            sums = self._sums(snapshot, names, contents)
        except DataError as error:
            raise DataError(f"{snapshot}: {error}") from None
        complaints = _complaints(contents, sums)
        if complaints:
            more = [f"and {len(complaints) - _NAMED} more"] if len(complaints) > _NAMED else []
            raise DataError("\n".join(f"{snapshot}: {line}" for line in [*complaints[:_NAMED], *more]))
        return Whole(contents, sums)

    def newest_whole(self, before: Snapshot, names: Sequence[bytes]) -> Snapshot | None:
        """Return the newest older snapshot in which all of the names are there and whole."""
        for snapshot in reversed(self._store.snapshots()):
            if snapshot < before and has_all(self._store, snapshot, names):
                try:
                    self.check(snapshot, names)
                except (DataError, OSError):
                    continue
                return snapshot
        return None

    def _digest(self, file: File) -> bytes:
        digest = self._digests.get(file.status.st_ino)
        if digest is None:
            digest = self._digests[file.status.st_ino] = file.sha256()
        self._tell(file.status.st_size)
        return digest

    def _sums(self, snapshot: Snapshot, names: Sequence[bytes], contents: Contents) -> dict[bytes, bytes]:
        """Return the sums that the snapshot's list gives to what is, or should be, below the names."""
        data, own = read_sums(self._store.path(snapshot))
        recorded = self._recorded.get(snapshot)
        if recorded and recorded != own:
            raise DataError(f"{SUMS} is not what was collected: nothing in it can be relied on")
        single = all(contents.entries[name].kind != Kind.DIRECTORY for name in names if name) and b"" not in names
        if recorded and single and len(names) <= _FEW:
            # It is the very list that was parsed on receipt.
            found = ((name, _search(data, name)) for name in contents.digests)
            return {name: digest for name, digest in found if digest}
        return {
            name: digest
            for name, digest in parse_sums(io.BytesIO(data)).items()
            if _below(name, names) and not _below(name, self._left_out)
        }


def _complaints(contents: Contents, sums: Mapping[bytes, bytes]) -> list[str]:
    found = []
    for name, digest in contents.digests.items():
        if name not in sums:
            found.append(f"/{show_name(name)} is not in {SUMS}")
        elif digest != sums[name]:
            found.append(f"/{show_name(name)} does not have its sum any more")
    found += [f"/{show_name(name)} cannot be read: {why}" for name, why in contents.unreadable.items()]
    lost = sums.keys() - contents.digests.keys() - contents.unreadable.keys()
    return found + [f"/{show_name(name)} is in {SUMS}, and not in the snapshot" for name in sorted(lost)]


def _below(name: bytes, tops: Collection[bytes]) -> bool:
    return any(
        name == top or name.startswith(top + b"/") if top else name.partition(b"/")[0] not in OWN for top in tops
    )


def _search(data: bytes, name: bytes) -> bytes | None:
    """Return the hash that a well-formed list gives to a name."""
    end = b"  " + escape(name) + b"\n"
    at = data.find(end)
    while at >= 0:
        begin = data.rfind(b"\n", 0, at) + 1
        digest = data[begin:at].removeprefix(b"\\")
        if len(digest) == 64:
            return bytes.fromhex(digest.decode())
        at = data.find(end, at + 1)
    return None
