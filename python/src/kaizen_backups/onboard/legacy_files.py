"""What stands in a directory of old backups, and what each file of it becomes in a snapshot."""

import lzma
import os
import re
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kaizen_backups.errors import DataError, printable
from kaizen_backups.onboard.legacy_names import UndatedError, dated
from kaizen_backups.onboard.legacy_packed import unpacker
from kaizen_backups.snapshots import Snapshot

_PACKED = (".gz", ".bz2", ".xz", ".zst")
# The last two are what a time or a size that is no number comes to.
_DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error, tarfile.TarError, ValueError, OverflowError)
_TOPS = frozenset(("bin", "boot", "etc", "home", "lib", "lib64", "opt", "root", "sbin", "srv", "usr", "var"))
"""What a tarball of a system's files begins with."""


@dataclass(frozen=True)
class Found:
    """A dated file: where it is, and its name from the top without the date."""

    path: Path
    day: date
    name: str


@dataclass
class Survey:
    """The dated files by their day, and what is left out, with the reason."""

    days: dict[date, list[Found]] = field(default_factory=lambda: defaultdict(list))
    left_out: list[str] = field(default_factory=list)


def look(top: Path, today: date, snapshots: Path, avoid: Collection[Path] = ()) -> Survey:
    """Find every dated file below `top`; no link is followed. What is in `avoid` is not looked at, and in the
    directory `snapshots` not the snapshots themselves. Raises OSError.
    """
    survey = Survey()
    for path in _files(top, snapshots, avoid):
        shown = printable(str(path))
        if path.is_symlink() or not path.is_file():
            survey.left_out.append(f"{shown}: no regular file")
            continue
        try:
            of = dated(PurePosixPath(path.relative_to(top)))
        except UndatedError as error:
            survey.left_out.append(f"{shown}: {error}")
            continue
        if of.day > today:
            survey.left_out.append(f"{shown}: {of.day} is yet to come")
        elif of.day == today:
            survey.left_out.append(f"{shown}: it is of today, and may still be written to; import it tomorrow")
        else:
            survey.days[of.day].append(Found(path, of.day, of.name))
    return survey


def _files(top: Path, snapshots: Path, avoid: Collection[Path]) -> Iterator[Path]:
    for name, directories, files in os.walk(top, onerror=_stop):
        here = Path(name)
        links = [one for one in directories if (here / one).is_symlink()]
        directories[:] = sorted(
            one
            for one in directories
            if one not in links
            and here / one not in avoid
            and (here != snapshots or not (Snapshot.parse(one) or one.startswith(".")))
        )
        yield from (here / one for one in sorted(files + links))


def _stop(error: OSError) -> None:
    raise error


class Looks(NamedTuple):
    """By what a file is taken for the same without its being read, where nothing depends on that."""

    size: int
    mode: int = 0o600
    owner: int = 0
    group: int = 0
    seconds: int = 0
    """Its time, in whole seconds: what many a tarball has."""


_UNSEEN = Looks(0)


@dataclass(frozen=True)
class Member:
    """A tarball's entry: its name from the root, and what it is, as far as that matters."""

    name: str
    kind: str  # "file", "directory", "link", "other"
    looks: Looks = _UNSEEN


def place(found: Found, taken: Collection[str], *, archive: bool = False) -> str:
    """Return the name in the snapshot of a file that stays one. PostgreSQL's archives stand where its dumps do.

    Raises DataError where every name is taken.
    """
    name = found.name
    packed = PurePosixPath(name).suffix if found.path.suffix in _PACKED else ""
    if archive and packed in ("", ".gz", ".zst"):
        base = re.sub(r"(\.(dump|pgdump|backup|custom|bak|p?sql|gz|zst))+$", "", PurePosixPath(name).name)
        name = f"dumps/postgresql/{base}.dump{packed}"
        if base and not base.startswith(".") and name not in taken:
            return name
    names = [found.name] if found.name else []
    names += [f"{found.day}/{found.path.name}", f"{found.day}/{found.path.parent.name}/{found.path.name}"]
    for name in (f"dumps/legacy/{one}" for one in names):
        if not any(_clash(name, other) for other in taken):
            return name
    raise DataError(f"{printable(str(found.path))}: another file of that day has its name")


def _clash(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def members(path: Path) -> list[Member]:
    """Return a tarball's entries; all of it is read. Raises DataError where it is damaged."""
    found = []
    files: set[str] = set()
    try:
        if unpacker(path, path.name) == "zstd":
            return []  # Python reads none of these: it stays a tarball
        with tarfile.open(path) as tarball:
            for item in tarball:
                name = _plain(item.name)
                # A hard link is one to a file that came before it, or who knows to what.
                if item.isreg() or (item.islnk() and _plain(item.linkname) in files):
                    files.add(name)
                kind = "directory" if item.isdir() else "link" if item.issym() else "other"
                looks = Looks(item.size, item.mode & 0o7777, item.uid, item.gid, int(item.mtime))
                found.append(Member(name, "file" if name in files else kind, looks))
    except _DAMAGE as error:
        raise DataError(f"{printable(str(path))}: it is damaged: {error}") from error
    return found


def unpackable(entries: Iterable[Member], taken: Collection[str]) -> bool:
    """Tell whether a tarball may be unpacked into a snapshot: files of a system, by their names from the root, that
    come in nobody's way and go through no link.
    """
    blocked = set(taken)
    some = False
    for entry in entries:
        parts = PurePosixPath(entry.name).parts
        if not parts:
            continue
        names = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if entry.kind == "other" or ".." in parts or parts[0] not in _TOPS or not blocked.isdisjoint(names):
            return False
        if entry.kind != "directory":
            blocked.add(names[-1])
            some = True
    return some


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))
