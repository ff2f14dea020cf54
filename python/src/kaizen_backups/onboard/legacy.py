"""Old backups become snapshots of their dates, each complete or absent. The old files are read and nothing else."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from kaizen_backups.errors import DataError, KaizenError, printable
from kaizen_backups.onboard.legacy_files import (
    Found,
    Survey,
    check_packing,
    is_tarball,
    members,
    place,
    unpackable,
)
from kaizen_backups.run import run
from kaizen_backups.snapshots import INFO, SUMS, Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked, Measure, check_tree, escape
from kaizen_backups.tree import regular_files

_NODE_CONF = Path("/etc/kaizen/node.conf")


@dataclass(frozen=True)
class Origin:
    """Whose old backups they are: the host's name and role, and the directory that they are in."""

    host: str
    role: str
    top: Path


@dataclass
class Plan:
    """The days that become snapshots, those that have one already, and what is left out, with the reason."""

    new: dict[date, list[Found]]
    there: list[date]
    left_out: list[str]


@dataclass
class _Layout:
    """What a snapshot will hold: files by their names in it, and the tarballs that are unpacked at its root."""

    files: dict[str, Found] = field(default_factory=dict)
    tarballs: list[Found] = field(default_factory=list)


def plan(survey: Survey, target: NodeStore) -> Plan:
    """Say what an import would do. Nothing that is there is ever touched."""
    there = {snapshot.date for snapshot in target.snapshots()}
    there |= {day for day in survey.days if os.path.lexists(target.path(Snapshot(day)))}
    new = {day: survey.days[day] for day in sorted(survey.days.keys() - there)}
    return Plan(new, sorted(there & survey.days.keys()), survey.left_out)


async def make(day: date, found: list[Found], target: NodeStore, origin: Origin) -> tuple[Path, Checked]:
    """Make a day's snapshot, and check it; return where it is until it is published, and what is in it.

    Raises DataError where an old file is damaged, KaizenError where it can't be made; nothing stays then.
    """
    layout = lay_out(found)
    partial = target.new_partial(Snapshot(day))
    try:
        for tarball in layout.tarballs:
            await _unpack(tarball.path, partial)
        for name, file in layout.files.items():
            _copy(file.path, partial / name)
        (partial / INFO).write_text(_info(day, found, partial, origin))
        (partial / SUMS).write_bytes(b"".join(sum_lines(partial)))
        return partial, check_tree(partial)
    except BaseException as error:
        target.discard([partial])
        if isinstance(error, OSError):
            raise KaizenError(f"{day}: {printable(str(error.filename or partial))}: {error.strerror}") from error
        raise


def lay_out(found: Iterable[Found]) -> _Layout:
    """Say what becomes of each file of a day. Raises DataError for one that is damaged."""
    layout = _Layout()
    taken: set[str] = set()
    for file in found:
        check_packing(file.path)
        entries = members(file.path) if is_tarball(file.path) else []
        if entries and unpackable(entries, taken):
            layout.tarballs.append(file)
            taken |= {entry.name for entry in entries if entry.kind != "directory"}
            continue
        name = place(file, taken)
        taken.add(name)
        layout.files[name] = file
    return layout


async def _unpack(tarball: Path, partial: Path) -> None:
    done = await run(unpack_command(tarball, partial))
    if done.code != 0:
        raise DataError(f"{printable(str(tarball))}: tar: {printable(done.last_words)}")


def unpack_command(tarball: Path, into: Path) -> list[str]:
    """Return the argument list that unpacks a tarball with owners and modes as they were, owners by number."""
    options = ["--extract", "--force-local", "--numeric-owner", "--same-owner", "--preserve-permissions"]
    return ["tar", *options, f"--directory={into}", f"--file={tarball}"]


def _copy(old: Path, new: Path) -> None:
    """Copy a file, for root alone, as the agent keeps dumps."""
    new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(old, new, follow_symlinks=False)
    new.chmod(0o600)
    status = old.stat()
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))


def _info(day: date, found: list[Found], partial: Path, origin: Origin) -> str:
    """Return a backup.info. When it was made is what the newest of the old files says."""
    made = max(file.path.stat().st_mtime for file in found)
    stamp = f"{datetime.fromtimestamp(made, UTC):%Y-%m-%dT%H:%M:%SZ}"
    count = Measure()
    for file in regular_files(partial):
        count.add(file)
    held = count.checked("")
    lines = [
        f"host = {origin.host}",
        f"role = {origin.role}",
        f"started = {stamp}",
        f"finished = {stamp}",
        "status = complete",
        f"files = {held.files}",
        f"bytes = {held.bytes}",
        f"changed_files = {held.files}",
        f"changed_bytes = {held.bytes}",
        "warnings = 0",
        f"imported_from = {printable(str(origin.top))}",
        f"imported_for = {day}",
    ]
    return "".join(f"{line}\n" for line in lines)


def sum_lines(root: Path) -> Iterator[bytes]:
    """Yield the lines of a tree's SHA256SUMS, sorted by name."""
    sums = {file.name: file.sha256().hex().encode() for file in regular_files(root)}
    for name in sorted(sums):
        shown = escape(name)
        yield (b"\\" if shown != name else b"") + sums[name] + b"  " + shown + b"\n"


@dataclass(frozen=True)
class ThisHost:
    """What the agent's settings on this host say."""

    backups_dir: Path = Path("/backups")
    role: str = "generic"
    keep_days: int = 2


def this_host(file: Path = _NODE_CONF) -> ThisHost:
    """Read what is needed of the agent's settings. Raises KaizenError where this host is not backed up."""
    try:
        text = file.read_text()
    except OSError as error:
        raise KaizenError(
            f"{file}: {error.strerror}; run this on the host that is backed up, or on a collector with --node NAME"
        ) from error
    values = dict(re.findall(r"^\s*(backups_dir|role|keep_days)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    backups_dir = Path(values.get("backups_dir", "/backups"))
    keep_days = values.get("keep_days", "2")
    if not re.fullmatch("[1-9][0-9]{0,4}", keep_days) or not backups_dir.is_absolute():
        raise KaizenError(f"{file}: 'kaizen-backup check-config' says what is wrong with it")
    return ThisHost(backups_dir.resolve(), values.get("role", "generic"), int(keep_days))
