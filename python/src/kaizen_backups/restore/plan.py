"""What a restore would do at its place, name by name; nothing is changed by finding that out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.restore import owners
from kaizen_backups.restore.contents import Contents, Kind, opened
from kaizen_backups.restore.place import Answer, Place
from kaizen_backups.restore.system import is_node, is_system
from kaizen_backups.restore.transfer import Change, compare_arguments, failed_copy, parse_changes
from kaizen_backups.units import size

_TEMPORARY = re.compile(rb"\.(.+)\.[A-Za-z0-9]{6}", re.DOTALL)
_NAMED = 20  # names that a refusal shows


@dataclass
class Plan:
    """Names, sorted, by what happens to them; `as_they_are` are directories whose attributes would stay others."""

    create: list[bytes] = field(default_factory=list)
    overwrite: list[bytes] = field(default_factory=list)
    attributes: list[bytes] = field(default_factory=list)
    delete: list[bytes] = field(default_factory=list)
    as_they_are: list[bytes] = field(default_factory=list)
    same: int = 0
    """How many are there and equal in everything."""
    leftovers: list[bytes] = field(default_factory=list)
    """What a restore that was broken off left."""
    warnings: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Is there nothing to do?"""
        return not (self.create or self.overwrite or self.attributes or self.delete)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as `kaizen restore --json` prints it."""
        lists = ("create", "overwrite", "attributes", "delete", "as_they_are", "leftovers")
        shown = {key: [name.decode("utf-8", "backslashreplace") for name in getattr(self, key)] for key in lists}
        return {**shown, "same": self.same, "warnings": self.warnings}


@dataclass(frozen=True)
class Leave:
    """What the operator allows."""

    overwrite: bool = False
    exact: bool = False
    other_host: bool = False


async def make_plan(
    place: Place, leave: Leave, *, node: str, names: Sequence[bytes], contents: Contents, source: Path
) -> Plan:
    """Return what restoring `names` of a node's snapshot at `source` would do.

    Raises KaizenError when it must not be done: a symlink leads out of the place, a directory stands where a file
    belongs (or the reverse), the host is another.
    """
    records = [entry.kind.encode() + name for name, entry in sorted(contents.entries.items())]
    if place.accounts:
        records += owners.records(contents)
    answers = await place.ask("exact" if leave.exact else "look", records)
    _require_free_way(place, answers)
    _require_right_host(place, node, names, answers, leave)
    there = {answer.name for answer in answers if answer.what == "there"}
    plan = await _compare(place, contents, source, there, leave)
    if leave.exact:
        has = {answer.name for answer in answers if answer.what == "has"}
        plan.delete = sorted(has - contents.entries.keys())
    left = {answer.name for answer in answers if answer.what == "left"} - set(plan.delete)
    plan.leftovers = sorted(name for name in left if _of_ours(name, contents))
    with opened(source) as root:
        plan.warnings += owners.differing(root, answers)
    needed = contents.size_of(plan.create + plan.overwrite)
    free = next((int(answer.more) for answer in answers if answer.what == "free"), None)
    if free is not None and needed > free:
        plan.warnings.append(f"this takes {size(needed)}, and only {size(free)} are free there")
    return plan


async def _compare(place: Place, contents: Contents, source: Path, there: set[bytes], leave: Leave) -> Plan:
    """Say of each name what would happen to it. What only leads to the names is made where it is missing."""
    plan = Plan(create=sorted(contents.entries.keys() - there))
    known = sorted(name for name in there if contents.entries[name].kind != Kind.ABOVE)
    changes = await _changes(place, source, known) if known else {}
    for name in known:
        change = changes.get(name)
        if change is None:
            plan.same += 1
        elif contents.entries[name].kind.is_directory:
            (plan.attributes if leave.overwrite else plan.as_they_are).append(name)
        else:
            # CREATE: it went away meanwhile.
            {
                Change.CREATE: plan.create,
                Change.OVERWRITE: plan.overwrite,
                Change.ATTRIBUTES: plan.attributes,
            }[change].append(name)
    return plan


async def _changes(place: Place, source: Path, names: Iterable[bytes]) -> dict[bytes, Change]:
    said = bytearray()
    result = await place.rsync(compare_arguments(), source, names, said.extend)
    if result.code != 0:
        raise failed_copy(str(place), result)
    return dict(parse_changes(bytes(said)))


def require_leave(place: Place, plan: Plan, contents: Contents, leave: Leave) -> None:
    """Raise KaizenError where something that is there would be changed and that is not allowed."""
    files = [name for name in plan.overwrite + plan.attributes if not contents.entries[name].kind.is_directory]
    if files and not leave.overwrite:
        shown = [f"  {place.shown(name)}" for name in sorted(files)[:_NAMED]]
        more = [f"  and {len(files) - _NAMED} more"] if len(files) > _NAMED else []
        head = "these are there already, and differ; nothing was restored (--overwrite replaces them):"
        raise KaizenError("\n".join([head, *shown, *more]))


def _require_free_way(place: Place, answers: Sequence[Answer]) -> None:
    found = [line for answer in answers if (line := _obstacle(place, answer))]
    if found:
        more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
        raise KaizenError("\n".join([*found[:_NAMED], *more]))


def _obstacle(place: Place, answer: Answer) -> str | None:
    where = place.shown(answer.name) if answer.name else str(place)
    more = printable(answer.more)
    if answer.what == "symlink":
        advice = "restore --to another directory" if answer.name else "name what is meant"
        return f"{where} is a symlink to {more}, and who knows where it leads: {advice}"
    if answer.what == "clash":
        return f"{where} is {more}{', other than in the snapshot: move it away first' if answer.name else ''}"
    return None


def _require_right_host(
    place: Place, node: str, names: Iterable[bytes], answers: Sequence[Answer], leave: Leave
) -> None:
    host = next((answer.more for answer in answers if answer.what == "host"), "")
    if leave.other_host or is_node(host, node):
        return
    # Below another directory it only lies there; put back where it was, it is at work.
    if place.directory == b"/" and any(is_system(b"/" + name) for name in names):
        raise KaizenError(
            f"{place} is on {printable(host) or 'a host without a name'}, and these are files of {node}'s system: "
            "--other-host puts them there all the same"
        )


def _of_ours(name: bytes, contents: Contents) -> bool:
    """Is that the temporary name, as rsync makes it, of a file that is restored?"""
    directory, slash, base = name.rpartition(b"/")
    match = _TEMPORARY.fullmatch(base)
    return bool(match) and directory + slash + match[1] in contents.entries  # type: ignore[index]
