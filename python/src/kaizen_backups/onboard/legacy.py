"""Old backups become snapshots of their dates, each complete or absent. The old files are read and nothing else."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from kaizen_backups.errors import DataError, KaizenError, printable
from kaizen_backups.onboard.legacy_files import Found, Looks, Survey, members, place, unpackable
from kaizen_backups.onboard.legacy_links import link_unchanged
from kaizen_backups.onboard.legacy_packed import is_tarball
from kaizen_backups.onboard.legacy_room import Need, looks_of
from kaizen_backups.onboard.legacy_take import copy, state, unpack
from kaizen_backups.onboard.legacy_whole import examine
from kaizen_backups.snapshots import INFO, SUMS, Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked, check_tree, escape
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
class Layout:
    """What a snapshot will hold: files by their names in it, and the tarballs that are unpacked at its root."""

    files: dict[str, Found] = field(default_factory=dict)
    tarballs: list[Found] = field(default_factory=list)
    looks: dict[str, Looks] = field(default_factory=dict)
    """How each file of the snapshot will look."""
    states: dict[Path, os.stat_result] = field(default_factory=dict)
    """How each old file was before it was looked at."""
    unchecked: list[str] = field(default_factory=list)


@dataclass
class Prepared:
    """What all old files were found to be: the days' layouts, those left out and why, what nobody here could check."""

    layouts: dict[date, Layout] = field(default_factory=dict)
    damaged: dict[date, str] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    bytes: int = 0
    """The room that making them takes."""


def plan(survey: Survey, target: NodeStore) -> Plan:
    """Say what an import would do. Nothing that is there is ever touched."""
    there = {snapshot.date for snapshot in target.snapshots()}
    there |= {day for day in survey.days if os.path.lexists(target.path(Snapshot(day)))}
    new = {day: survey.days[day] for day in sorted(survey.days.keys() - there)}
    return Plan(new, sorted(there & survey.days.keys()), survey.left_out)


async def prepare(wanted: Plan, target: NodeStore) -> Prepared:
    """Read all old files that are wanted, and say what becomes of them; nothing is made."""
    prepared = Prepared()
    need = Need(target.directory)
    made: tuple[date, dict[str, Looks]] | None = None
    for day, found in wanted.new.items():
        try:
            layout = await lay_out(found)
        except DataError as error:
            prepared.damaged[day] = str(error)
            continue
        last = _before(day, target)
        if made and (not last or last.date < made[0]):
            need.add(layout.looks, made[1])
        else:
            need.add(layout.looks, looks_of(target.path(last)) if last else {})
        prepared.layouts[day] = layout
        prepared.unchecked += layout.unchecked
        # Of a hundred days only the last one's files are kept in mind.
        made, layout.looks = (day, layout.looks), {}
    prepared.bytes = need.most
    return prepared


def _before(day: date, target: NodeStore) -> Snapshot | None:
    """Return the newest snapshot that is older than a day."""
    return next((snapshot for snapshot in reversed(target.snapshots()) if snapshot.date < day), None)


async def make(day: date, layout: Layout, target: NodeStore, origin: Origin) -> tuple[Path, Checked]:
    """Make a day's snapshot, and check it; return where it is until it is published, and what is in it.

    What has not changed since the snapshot before is a hard link to that. Raises DataError where an old file is
    damaged, KaizenError where it can't be made; nothing stays then.
    """
    before = _before(day, target)
    last = target.path(before) if before else None
    partial = target.new_partial(Snapshot(day))
    try:
        for tarball in layout.tarballs:
            await unpack(tarball.path, layout.states[tarball.path], partial)
        for name, file in layout.files.items():
            copy(file.path, layout.states[file.path], partial / name)
        if last:
            link_unchanged(partial, last)
        (partial / INFO).write_text(_info(day, layout, partial, last, origin))
        (partial / SUMS).write_bytes(b"".join(sum_lines(partial)))
        return partial, check_tree(partial, last)
    except BaseException as error:
        target.discard([partial])
        if isinstance(error, OSError):
            raise KaizenError(f"{day}: {printable(str(error.filename or partial))}: {error.strerror}") from error
        raise


async def lay_out(found: Iterable[Found]) -> Layout:
    """Say what becomes of each file of a day. Raises DataError for one that is damaged or cut short."""
    layout = Layout()
    taken: set[str] = set()
    for file in found:
        status = layout.states[file.path] = state(file.path)
        look = await examine(file)
        if look.unchecked:
            layout.unchecked.append(f"{printable(str(file.path))}: not checked: {look.unchecked}")
        entries = members(file.path) if is_tarball(file.path) else []
        if entries and unpackable(entries, taken):
            layout.tarballs.append(file)
            taken |= {entry.name for entry in entries if entry.kind != "directory"}
            layout.looks |= {entry.name: entry.looks for entry in entries if entry.kind == "file"}
            continue
        name = place(file, taken, archive=look.archive)
        taken.add(name)
        layout.files[name] = file
        layout.looks[name] = Looks(status.st_size, seconds=int(status.st_mtime))
    return layout


def _info(day: date, layout: Layout, partial: Path, last: Path | None, origin: Origin) -> str:
    """Return a backup.info. When it was made is what the newest of the old files says."""
    made = max(status.st_mtime for status in layout.states.values())
    stamp = f"{datetime.fromtimestamp(made, UTC):%Y-%m-%dT%H:%M:%SZ}"
    sizes = [(file.status.st_size, file.linked) for file in regular_files(partial, last)]
    changed = [size for size, linked in sizes if not linked]
    lines = [
        f"host = {origin.host}",
        f"role = {origin.role}",
        f"started = {stamp}",
        f"finished = {stamp}",
        "status = complete",
        f"files = {len(sizes)}",
        f"bytes = {sum(size for size, _ in sizes)}",
        f"changed_files = {len(changed)}",
        f"changed_bytes = {sum(changed)}",
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

    file: Path
    backups_dir: Path = Path("/backups")
    role: str = "generic"
    keep_days: int = 2
    encrypts: bool = False
    """Its dumps are for recipients alone."""


def this_host(file: Path = _NODE_CONF) -> ThisHost:
    """Read what is needed of the agent's settings. Raises KaizenError where this host is not backed up."""
    try:
        text = file.read_text()
    except OSError as error:
        raise KaizenError(
            f"{file}: {error.strerror}; run this on the host that is backed up, or on a collector with --node NAME"
        ) from error
    values = dict(re.findall(r"^\s*(backups_dir|role|keep_days|dump_recipients)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    backups_dir = Path(values.get("backups_dir", "/backups"))
    keep_days = values.get("keep_days", "2")
    if not re.fullmatch("[1-9][0-9]{0,4}", keep_days) or not backups_dir.is_absolute():
        raise KaizenError(f"{file}: 'kaizen-backup check-config' says what is wrong with it")
    encrypts = "dump_recipients" in values
    return ThisHost(file, backups_dir.resolve(), values.get("role", "generic"), int(keep_days), encrypts)
