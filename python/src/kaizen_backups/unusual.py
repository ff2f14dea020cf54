"""What is unlike a node's own nights before: a backup can be whole and still not be what it was.

The thresholds are coarse on purpose: what is named here every week is soon read by nobody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kaizen_backups.snapshots import ENCRYPTED
from kaizen_backups.units import many, size

NIGHTS = 60
"""How many nights before one are looked at, at most; so long is named what has stopped changing."""

_USUAL = 15  # nights that say what is usual: after half as many, what came to stay is
_ENOUGH = 4  # nights; with fewer there is no habit
_FEW_FILES = 20
_FEW_BYTES = 1 << 20
_SMALL_DUMP = 4096
_ALL = 0.8
_SOME = 0.3
_STILL_NIGHTS = 3
_LIVELY_NIGHTS = 7


@dataclass(frozen=True)
class Measured:
    """One night of a node: files and bytes in all, files that are new, and the bytes of each dump.

    A dump stays the same one when it is encrypted from some night on, or is no more.
    """

    files: int
    bytes: int
    new_files: int
    dumps: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = {name.removesuffix(ENCRYPTED): count for name, count in self.dumps.items()}
        object.__setattr__(self, "dumps", named)


def unusual(night: Measured, before: Sequence[Measured]) -> list[str]:
    """Return what is unusual about a night, in words with the numbers; `before` are the nights before, newest first."""
    recent = before[:_USUAL]
    found = []
    if len(recent) >= _ENOUGH:
        found = [*_smaller(night, recent), *_all_at_once(night, recent), *_dumps(night, recent)]
    return [*found, *_still([night, *before[:NIGHTS]])]


def median(values: Iterable[float]) -> float:
    """Return the middle of some values. The standard library's brings fractions and decimals, slow to load."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _smaller(night: Measured, before: Sequence[Measured]) -> list[str]:
    found = []
    usual = median(one.bytes for one in before)
    if night.bytes < usual / 2 and usual - night.bytes > _FEW_BYTES:
        found.append(f"much smaller: {size(night.bytes)}, where {size(int(usual))} are usual")
    usual = median(one.files for one in before)
    if night.files < usual / 2 and usual - night.files > _FEW_FILES:
        found.append(f"far fewer files: {night.files}, where {usual:.0f} are usual")
    return found


def _all_at_once(night: Measured, before: Sequence[Measured]) -> list[str]:
    """A release does this, and so does whoever encrypts all files for a ransom."""
    share = _new_share(night)
    usual = median(_new_share(one) for one in before)
    if night.files > _FEW_FILES and share > _ALL and usual < _SOME:
        return [f"nearly everything changed: {share:.0%} of {night.files} files, where {usual:.0%} are usual"]
    return []


def _new_share(night: Measured) -> float:
    return night.new_files / night.files if night.files else 0.0


def _dumps(night: Measured, before: Sequence[Measured]) -> list[str]:
    found = []
    for name in sorted(set().union(*(one.dumps for one in before))):
        sizes = [one.dumps[name] for one in before if name in one.dumps]
        usual = median(sizes)
        if name not in night.dumps:
            if _was_always_there(name, before):
                found.append(f"dump {name} is gone, which had {size(int(usual))}")
        elif len(sizes) >= _ENOUGH and usual >= _SMALL_DUMP and night.dumps[name] < usual / 2:
            found.append(f"dump {name} shrank: {size(night.dumps[name])}, where {size(int(usual))} are usual")
    return found


def _was_always_there(dump: str, before: Sequence[Measured]) -> bool:
    """Say whether a dump was there on most nights before it went: so its loss is named for more than one night."""
    gone = next(number for number, one in enumerate(before) if dump in one.dumps)
    last = before[gone : gone + _ENOUGH + 2]
    return sum(dump in one.dumps for one in last) >= _ENOUGH + (len(last) > _ENOUGH)


def _still(nights: Sequence[Measured]) -> list[str]:
    """A mount that is gone, or a service that is dead, changes nothing any more."""
    still = next((number for number, one in enumerate(nights) if _changes(one)), len(nights))
    lively = nights[still : still + _LIVELY_NIGHTS]
    if still >= _STILL_NIGHTS and len(lively) == _LIVELY_NIGHTS and all(_changes(one) for one in lively):
        return [f"nothing has changed for {many(still, 'night')}, where something always did"]
    return []


def _changes(night: Measured) -> bool:
    # backup.info is new every night, and every dump may be: some write their date.
    return night.new_files > 1 + len(night.dumps)
