"""What is on a host compared with what is to be there: the plan of an onboarding, and the drift that a check names."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.facts import Entry, HostFacts
from kaizen_backups.onboard.render import RULE
from kaizen_backups.onboard.script import data_line
from kaizen_backups.onboard.wanted import CRON, HOME, TIMER_FILES, Kind, Wanted

_COMMENT = "reads the backups of this node"
SCHEDULE = "schedule"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it is to be: what, in what way, and the data that mend it (none: nothing here can)."""

    what: str
    how: str
    data: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: {self.how}"


def compare(wanted: list[Wanted], declaration: Declaration, facts: HostFacts) -> list[Difference]:
    """Return every difference, in the order in which they are mended."""
    found = list(_user(declaration.user, facts))
    found += [difference for item in wanted if (difference := _path(item, facts))]
    found += [
        Difference(path, "is there, and lets in who knows whom", (data_line("gone", path),))
        for path in facts.all("stray")
    ]
    found += _sudo(declaration.user, facts)
    found += _schedule(declaration, facts, found)
    return found


def _path(item: Wanted, facts: HostFacts) -> Difference | None:
    entry = facts.entries.get(item.path)
    if entry is None or entry.kind == Kind.ABSENT:
        return None if item.kind is Kind.ABSENT else Difference(item.path, "is missing", tuple(item.data()))
    if item.kind is Kind.ABSENT:
        return Difference(item.path, "is there, and is not to be", tuple(item.data()))
    if entry.kind != item.kind:
        return Difference(item.path, f"is a {entry.kind}, and is to be a {item.kind}", tuple(item.data()))
    whole = item.kind is Kind.DIRECTORY or entry.sum == hashlib.sha256(item.content.encode()).hexdigest()
    wrong = ([] if whole else ["its content differs"]) + _ownership(item, entry)
    if not wrong:
        return None
    return Difference(item.path, "; ".join(wrong), tuple(item.ownership() if whole else item.data()))


def _ownership(item: Wanted, entry: Entry) -> list[str]:
    """Say what is wrong with mode, owner, group and SELinux type."""
    found = []
    if entry.mode.zfill(4) != f"{item.mode:04o}":
        found.append(f"its mode is {entry.mode.zfill(4)}, and is to be {item.mode:04o}")
    for name, value, right in (("owner", entry.owner, "root"), ("group", entry.group, item.group)):
        if value != right:
            found.append(f"its {name} is {value}, and is to be {right}")
    if "-" not in (item.label, entry.label) and entry.label != item.label:
        found.append(f"its SELinux type is {entry.label}, and is to be {item.label}")
    return found


def _user(name: str, facts: HostFacts) -> Iterator[Difference]:
    make = (data_line("user", name),)
    fields = facts.get("user").split(":")
    if len(fields) != 7:
        yield Difference(f"user {name}", "is missing", make)
        return
    rights = (
        ("group", facts.get("group"), name),
        ("home", fields[5], HOME),
        ("shell", fields[6], "/bin/sh"),
        ("comment", fields[4], _COMMENT),
    )
    wrong = [
        f"its {what} is {value or 'empty'}, and is to be {right}" for what, value, right in rights if value != right
    ]
    if fields[2] == "0":
        yield Difference(f"user {name}", "is root under another name; remove it by hand")
        return
    if state := facts.get("password"):
        wrong.append({"none": "it has no password", "set": "it has a password"}.get(state, "its account is locked"))
    others = [group for group in facts.get("groups").split() if group != name]
    if others:
        wrong.append(f"it is in other groups: {' '.join(others)}")
    if wrong:
        yield Difference(f"user {name}", "; ".join(wrong), make)


def _sudo(user: str, facts: HostFacts) -> list[Difference]:
    """Say what else sudo lets the user do. Where the rule itself is missing, its file is named already.

    sudo shows a rule as it would stand in its file, with backslashes before some characters.
    """
    others = [rule for rule in facts.all("rule") if rule.replace("\\", "") != RULE]
    return [Difference(f"sudo of {user}", f"some file lets it do more: {rule}") for rule in others]


def _schedule(declaration: Declaration, facts: HostFacts, found: list[Difference]) -> list[Difference]:
    """Say whether the nightly run takes place, once its files are there; a timer that is on is switched off first."""
    if declaration.scheduler == "cron":
        if facts.entries.get(CRON) and not {"cron", "crond"} & set(facts.all("process")):
            return [Difference(SCHEDULE, "cron does not run on this host; start it")]
        return []
    changed = {difference.what for difference in found} & set(TIMER_FILES)
    if changed or facts.get("timer") != "enabled active":
        state = facts.get("timer") or "not there"
        return [Difference(SCHEDULE, f"the timer is {state}, and is to be set", (data_line("timer", "on"),))]
    return []
