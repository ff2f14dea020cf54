"""The steps on one host: describe it, compare, bring about, look again. What is printed is the commands' affair."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from kaizen_backups.errors import KaizenError
from kaizen_backups.onboard.access import Access, Door, read_access, read_public_key
from kaizen_backups.onboard.administrator import Administrator
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.differences import Difference, compare
from kaizen_backups.onboard.facts import HostFacts, parse
from kaizen_backups.onboard.packages import Missing, missing
from kaizen_backups.onboard.registry import Registered
from kaizen_backups.onboard.ssh import Ssh, open_ssh
from kaizen_backups.onboard.survey import changes, objections, questions, strangers
from kaizen_backups.onboard.trial import try_door
from kaizen_backups.onboard.wanted import wanted
from kaizen_backups.settings import Settings

_AT_ONCE = 8


@dataclass(frozen=True)
class Found:
    """A host as it is: its description, what is to be changed on it, and the programs that it lacks."""

    facts: HostFacts
    plan: list[Difference]
    lacking: list[Missing]

    @property
    def mendable(self) -> bool:
        """Is there anything that can be brought about?"""
        return any(difference.data for difference in self.plan)


@dataclass
class Report:
    """How one of many hosts fared: what was done or differs, the error that ended it; what is said if all is well."""

    name: str
    lines: list[str] = field(default_factory=list)
    error: KaizenError | None = None
    good: str = ""


def current_door(settings: Settings, access: Access | None = None) -> Door:
    """Return who is to be let in: this collector and those of access.yaml. Raises ConfigError."""
    return (access or read_access()).door(own_key(settings))


def own_key(settings: Settings) -> str:
    """Return this collector's public key. Raises ConfigError."""
    return read_public_key(settings.key.with_name(f"{settings.key.name}.pub"))


def describe(ssh: Ssh, declaration: Declaration, door: Door) -> HostFacts:
    """Ask the host everything at once. Raises KaizenError."""
    return parse(ssh.run("describe", questions(declaration, wanted(declaration, door))))


def judge(declaration: Declaration, door: Door, facts: HostFacts) -> Found:
    """Compare a description with what is to be."""
    plan = compare(wanted(declaration, door), declaration, facts)
    return Found(facts, plan, missing(declaration, facts))


def object_to(name: str, declaration: Declaration, found: Found, *, install: bool, anew: bool = False) -> None:
    """Raise KaizenError with everything that speaks against carrying out the plan; of a host that is new, also what
    can't be mended from here, and an account that is somebody's."""
    lacking = [item for item in found.lacking if not install or not item.package]
    problems = objections(declaration, found.facts, found.plan, lacking)
    if anew:
        problems += strangers(declaration, found.facts, found.plan, found.lacking)
    if problems:
        raise KaizenError("\n".join(f"{name}: {problem}" for problem in [*problems, "nothing was done"]))


def bring_about(ssh: Ssh, found: Found) -> list[str]:
    """Carry out a plan; return what was done. Raises KaizenError, which says what was done before it failed."""
    effort = ssh.attempt("apply", changes(found.plan, found.lacking, found.facts))
    if effort.error:
        done = f"done so far: {', '.join(effort.done)}" if effort.done else "nothing was done"
        name = ssh.target.name
        message = f"{effort.error}\n{name}: {done}; running it again goes on from there"
        raise type(effort.error)(message)
    return effort.done


def upgrade_host(host: Registered, who: Administrator, settings: Settings, door: Door, *, dry_run: bool) -> Report:
    """Bring a registered host up to date; say what was done, or with `dry_run` what would be."""
    report = Report(host.node.name)
    try:
        if host.login.by == "bundle":
            raise KaizenError(f"{host.node.name}: nobody logs in there; make a new bundle")
        with registered_ssh(host, who) as ssh:
            found = judge(host.declaration, door, describe(ssh, host.declaration, door))
            object_to(host.node.name, host.declaration, found, install=False)
            if dry_run:
                report.lines = [str(difference) for difference in found.plan]
            elif found.mendable:
                report.lines = bring_about(ssh, found)
                left = judge(host.declaration, door, describe(ssh, host.declaration, door)).plan
                complain(host.node.name, left)
            else:
                complain(host.node.name, found.plan)
        if not dry_run:
            try_door(host.node, settings)
    except KaizenError as error:
        report.error = error
    return report


def check_host(host: Registered, who: Administrator, settings: Settings, door: Door) -> Report:
    """Name everything on a host that is not as it is to be, and whether its door opens."""
    report = Report(host.node.name)
    if host.login.by == "bundle":
        report.good = "its door opens; nobody logs in there to look at the rest"
    try:
        if host.login.by == "ssh":
            with registered_ssh(host, who) as ssh:
                found = judge(host.declaration, door, describe(ssh, host.declaration, door))
            report.lines += [str(difference) for difference in found.plan]
            report.lines += [f"packages: it lacks {item}" for item in found.lacking]
    except KaizenError as error:
        report.error = error
    try:
        try_door(host.node, settings)
    except KaizenError as error:
        report.lines.append(f"door: {error}")
    return report


def on_all(hosts: Iterable[Registered], do: Callable[[Registered], Report]) -> list[Report]:
    """Do something on many hosts at once; the reports come in the hosts' order."""

    def safely(host: Registered) -> Report:
        try:
            return do(host)
        except Exception as error:  # whatever it is, how the others fared must be told
            return Report(host.node.name, error=KaizenError(f"{host.node.name}: {type(error).__name__}: {error}"))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(safely, hosts))


@contextmanager
def registered_ssh(host: Registered, who: Administrator) -> Iterator[Ssh]:
    """Open the ssh to a host whose key is registered: no other is trusted."""
    with open_ssh(host.target, who) as ssh:
        ssh.trust(host.node.host_keys[0])
        yield ssh


def complain(name: str, left: Iterable[Difference]) -> None:
    """Raise KaizenError when something is still not as it is to be."""
    if rest := list(left):
        raise KaizenError("\n".join(f"{name}: {difference}" for difference in rest))
