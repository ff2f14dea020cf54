"""What is asked of a host before anything is done, what speaks against doing it, and the data that do it."""

from collections.abc import Iterable

from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.differences import SCHEDULE, Difference
from kaizen_backups.onboard.facts import HostFacts
from kaizen_backups.onboard.module_files import roles
from kaizen_backups.onboard.packages import CRON_PURPOSE, PROGRAMS, Missing, role_values
from kaizen_backups.onboard.script import data_line
from kaizen_backups.onboard.summary import PLACES
from kaizen_backups.onboard.wanted import AGENT, HOME, TIMER_FILES, Kind, Wanted

_OLDEST_RSYNC = (3, 1, 3)
_ROOM = {"/etc": 512, "/var/lib": 512, "/usr/local": 1024}
"""What must be free before anything is written (KiB)."""


def questions(declaration: Declaration, wanted: Iterable[Wanted]) -> list[str]:
    """Return the data with which a host is described. They do not depend on the role: that may be found only then."""
    own = [*declaration.paths, *declaration.excludes, *_files_of(declaration.dumps)]
    from_roles = [value for role in roles() for key in ("path", "exclude") for value in role_values(role, key)]
    exists = [path for path in dict.fromkeys([*own, *from_roles]) if path.startswith("/")]
    return [
        data_line("user", declaration.user),
        *(data_line("program", program) for program in dict.fromkeys(PROGRAMS)),
        *(data_line("look", item.path) for item in wanted),
        *(data_line("look", path) for path in TIMER_FILES[2:3]),
        *(data_line("exists", path) for path in exists),
        *(data_line("holds", place) for place in PLACES),
        *(data_line("room", place) for place in (*_ROOM, declaration.backups_dir)),
    ]


def _files_of(dumps: Iterable[str]) -> list[str]:
    """Return the files that dumps name: SQLite's databases, and commands."""
    return [dump[dump.index(":/") + 1 :] for dump in dumps if ":/" in dump]


def objections(declaration: Declaration, facts: HostFacts, plan: list[Difference], lacking: list[Missing]) -> list[str]:
    """Return why nothing should be done on this host; nothing has been done so far."""
    found = []
    if facts.has("puppet", "yes"):
        found.append("Puppet configures its backups (quickstack::backups is in its last catalogue); leave it to Puppet")
    if declaration.scheduler == "timer" and not facts.has("systemd", "yes"):
        found.append("a timer needs systemd, which doesn't run there; take --scheduler cron")
    if declaration.scheduler == "timer" and declaration.cron_email:
        found.append("a timer mails nobody: leave out --mail, or take --scheduler cron")
    if declaration.role not in roles() and not _has_role(declaration.role, facts):
        found.append(f"there is no role {declaration.role}; the package ships {', '.join(roles())}")
    if (version := _numbers(facts.get("rsync"))) and version < _OLDEST_RSYNC:
        oldest = ".".join(str(number) for number in _OLDEST_RSYNC)
        found.append(f"its rsync is {facts.get('rsync')}, and can't be read through a door; {oldest} can")
    asked = [*declaration.paths, *_files_of(declaration.dumps)]
    found += [f"{path}: there is no such path on the host" for path in asked if not facts.has("exists", path)]
    found += [f"it lacks {item}; --install installs packages" for item in lacking]
    if plan:
        found += [f"{place} can't be written to" for place in facts.all("readonly")]
        found += _lack_of_room(facts)
    return found


def strangers(
    declaration: Declaration, facts: HostFacts, plan: Iterable[Difference], lacking: Iterable[Missing]
) -> list[str]:
    """Return what on a host that is not ours yet is somebody else's, or must be put right by hand first."""
    to_come = {item.purpose for item in lacking}  # a cron that is to be installed can't run yet
    found = [str(item) for item in plan if not item.data and not (item.what == SCHEDULE and CRON_PURPOSE in to_come)]
    fields = facts.get("user").split(":")
    if len(fields) == 7 and fields[2] != "0" and fields[5] != HOME:
        found.append(
            f"user {declaration.user}: is there, at home in {fields[5]}, and may be a person's; remove it by hand"
        )
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _has_role(role: str, facts: HostFacts) -> bool:
    entry = facts.entries.get(f"/etc/kaizen/roles/{role}.conf")
    return entry is not None and entry.kind == Kind.FILE


def _lack_of_room(facts: HostFacts) -> list[str]:
    found = []
    for fact in facts.all("free"):
        free, _, place = fact.partition(" ")
        if free.isdigit() and int(free) < _ROOM.get(place, 0):
            found.append(f"{place} has {free} KiB free, and {_ROOM[place]} are needed")
    return found


def changes(plan: Iterable[Difference], lacking: Iterable[Missing], facts: HostFacts) -> list[str]:
    """Return the data that carry out a plan: packages first, and the units are read anew behind what changes them."""
    packages = sorted({item.package for item in lacking if item.package})
    data = [data_line("install", facts.get("manager"), *packages)] if packages else []
    data += [data_line("need", program) for program in ("rsync", "sudo", "visudo", "zstd")]
    plan = list(plan)
    if any(item.what == TIMER_FILES[3] and item.data[:1] == (data_line("gone", item.what),) for item in plan):
        data.append(data_line("timer", "off"))
    data += [line for item in plan for line in item.data]
    if {item.what for item in plan} & set(TIMER_FILES):
        data.append(data_line("reload"))
    return data


def everything(items: Iterable[Wanted], declaration: Declaration) -> list[str]:
    """Return the data that put everything on a host of which nothing is known: a bundle's."""
    data = [data_line("need", program) for program in ("rsync", "sudo", "visudo", "zstd", "flock")]
    data += [data_line("user", declaration.user)]
    if declaration.scheduler == "cron":
        data.append(data_line("timer", "off"))
    data += [line for item in items for line in item.data()]
    data.append(data_line("reload"))
    if declaration.scheduler == "timer":
        data.append(data_line("timer", "on"))
    return data


def show(item: Difference) -> str:
    """Return a line of the plan."""
    if not item.data:
        return f"! {item}"
    mark = "-" if item.data[0].startswith("gone ") else "+" if item.how == "is missing" else "~"
    what = f"{item.what}, the agent" if item.what == AGENT else item.what
    return f"{mark} {what}" if item.how == "is missing" else f"{mark} {what}: {item.how}"
