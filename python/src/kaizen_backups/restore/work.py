"""One restore from the first look at the store to the last look at what was written."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kaizen_backups.errors import DataError, KaizenError
from kaizen_backups.history import History
from kaizen_backups.restore.check import Checker, Whole
from kaizen_backups.restore.choose import choose_snapshot, require_there
from kaizen_backups.restore.contents import Contents, Kind, directory_of
from kaizen_backups.restore.place import Place
from kaizen_backups.restore.plan import Leave, Plan, make_plan, require_leave
from kaizen_backups.restore.transfer import copied_bytes, copy_arguments, failed_copy, progress_arguments
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import escape

_NAMED = 10
_VERIFIED = re.compile(rb"\\?(.*): (OK|FAILED|FAILED open or read)", re.DOTALL)

Tell = Callable[[str, int], object]
"""Is told what is being done, and how many bytes of that are done."""


def quiet(_doing: str, _done: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Restored:
    """What was done: names created, overwritten, given other attributes, deleted; files verified at the place."""

    created: int
    overwritten: int
    attributes: int
    deleted: int
    verified: int


class Restore:
    """Some paths of one snapshot, on their way back."""

    def __init__(
        self, store: NodeStore, snapshot: Snapshot, names: Sequence[bytes], whole: Whole, *, node: str
    ) -> None:
        self.node = node
        self.snapshot = snapshot
        self.names = names
        self._whole = whole
        self._source = store.path(snapshot)
        self._inode = self._source.lstat().st_ino

    @property
    def contents(self) -> Contents:
        """All that is to be restored."""
        return self._whole.contents

    async def plan(self, place: Place, leave: Leave) -> Plan:
        """Return what would be done there. Raises KaizenError when it must not be done."""
        plan = await make_plan(
            place, leave, node=self.node, names=self.names, contents=self.contents, source=self._source
        )
        self._require_stored()
        return plan

    async def carry_out(self, plan: Plan, place: Place, leave: Leave, tell: Tell = quiet) -> Restored:
        """Do it, and read back what was written. Raises KaizenError; whatever happens, each file is whole."""
        require_leave(place, plan, self.contents, leave)
        await place.ask("make", [])
        names = plan.create + plan.overwrite + plan.attributes
        if leave.overwrite:
            # A hard link is made only between names that rsync is told of.
            names = self.contents.with_links(names)
        if names:
            names = sorted({*names, *self._touched(names, plan)})
            await self._copy(place, names, overwrite=leave.overwrite, tell=tell)
        tell("verifying", 0)
        verified = await self._verify(place)
        if plan.delete:
            await place.ask("remove", [b"r" + name for name in plan.delete])
            await self._mend_times(plan, place)
        return Restored(len(plan.create), len(plan.overwrite), len(plan.attributes), len(plan.delete), verified)

    async def _copy(self, place: Place, names: Sequence[bytes], *, overwrite: bool, tell: Tell) -> None:
        def listen(chunk: bytes) -> None:
            done = copied_bytes(chunk)
            if done is not None:
                tell("copying", done)

        tell("copying", 0)
        arguments = [*copy_arguments(overwrite=overwrite), *progress_arguments()]
        result = await place.rsync(arguments, self._source, names, listen)
        self._require_stored()
        if result.code != 0:
            raise failed_copy(str(place), result)

    async def _verify(self, place: Place) -> int:
        """Read back every file, also those that were there. Raises DataError, which names those that differ."""
        digests = self.contents.digests
        if not digests:
            return 0
        sums = b"".join(_sum_line(name, self._whole.sums[name]) for name in digests)
        found = [
            match for line in (await place.verify(digests, sums)).split(b"\n") if (match := _VERIFIED.fullmatch(line))
        ]
        bad = [match[1].removeprefix(b"./") for match in found if match[2] != b"OK"]
        if bad or len(found) != len(digests):
            shown = [f"{place.shown(name)} is not what was saved" for name in bad[:_NAMED]]
            more = [f"and {len(bad) - _NAMED} more"] if len(bad) > _NAMED else []
            raise DataError("\n".join([*shown, *more] or [f"{place}: not every file could be read back"]))
        return len(found)

    def _touched(self, names: Iterable[bytes], plan: Plan) -> list[bytes]:
        """Return the directories whose time is changed by what is done to names, and is to be as it was."""
        above = {directory_of(name) for name in names} & self.contents.entries.keys() - set(plan.as_they_are)
        return sorted(name for name in above if self.contents.entries[name].kind == Kind.DIRECTORY)

    async def _mend_times(self, plan: Plan, place: Place) -> None:
        """Give the directories that something was deleted from their time again."""
        changed = self._touched(plan.delete, plan)
        if changed:
            result = await place.rsync(copy_arguments(overwrite=True), self._source, changed, lambda _: None)
            if result.code != 0:
                raise failed_copy(str(place), result)

    def _require_stored(self) -> None:
        """Raise KaizenError when the snapshot was pruned, or replaced by a whole one, under our hands."""
        try:
            inode = self._source.lstat().st_ino
        except FileNotFoundError:
            inode = 0
        if inode != self._inode:
            raise KaizenError(
                f"{self.snapshot} went out of the store while it was restored: every file that was restored is whole, "
                "but some may be missing; choose another snapshot (--at)"
            )


def begin(
    store: NodeStore,
    history: History | None,
    names: Sequence[bytes],
    *,
    node: str,
    at: str,
    today: date,
    left_out: Collection[bytes] = (),
    tell: Tell = quiet,
) -> Restore:
    """Choose the snapshot, and check that all of `names` is there and whole; what is `left_out` must be there, too.

    Raises KaizenError, which says what there is instead; DataError, which names what is rotten and suggests the newest
    older snapshot in which all is whole.
    """
    stored = store.snapshots()
    try:
        snapshot = choose_snapshot(stored, at, today)
        require_there(store, snapshot, [*names, *left_out])
        checker = Checker(store, recorded_sums(history, node, stored), _counted(tell), left_out)
        try:
            whole = checker.check(snapshot, names)
        except DataError as error:
            raise DataError(f"{error}\n{_advice(checker, snapshot, names)}") from None
        return Restore(store, snapshot, names, whole, node=node)
    except FileNotFoundError as error:
        raise KaizenError(f"{node}: a snapshot was pruned meanwhile; try again ({error.filename!s})") from None
    except KaizenError as error:
        raise type(error)("\n".join(f"{node}: {line}" for line in str(error).splitlines())) from None


def _advice(checker: Checker, snapshot: Snapshot, names: Sequence[bytes]) -> str:
    older = checker.newest_whole(snapshot, names)
    if older:
        return f"nothing was restored; --at {older} is the newest older snapshot in which all of this is whole"
    return "nothing was restored, and in no older snapshot is all of this whole; 'kaizen verify' says more"


def recorded_sums(history: History | None, node: str, stored: Sequence[Snapshot]) -> Mapping[Snapshot, str]:
    """Return the hash that each snapshot's SHA256SUMS had on receipt, of those on record."""
    records = ((s, history.snapshot(node, s)) for s in stored) if history else ()
    return {snapshot: record.sums_sha256 for snapshot, record in records if record and record.sums_sha256}


def _counted(tell: Tell) -> Callable[[int], object]:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        tell("checking", done)

    return count


def _sum_line(name: bytes, digest: bytes) -> bytes:
    escaped = escape(name)
    return (b"\\" if escaped != name else b"") + digest.hex().encode() + b"  ./" + escaped + b"\n"
