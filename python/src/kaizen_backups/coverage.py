"""Who is not backed up: all that Puppet knows, less those that are, less those that need not be."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from kaizen_backups.errors import ConfigError, UnavailableError, printable
from kaizen_backups.exemptions import Exemption, read_exemptions
from kaizen_backups.merge import merge
from kaizen_backups.nodelist import ACCEPT
from kaizen_backups.puppetdb import ask
from kaizen_backups.settings import Settings
from kaizen_backups.shrinking import PUPPETDB, read_memory, too_many_lost
from kaizen_backups.sources.facts import read_facts
from kaizen_backups.sources.nodes_d import read_nodes_d
from kaizen_backups.sources.puppetdb import ACTIVE, CLASS

NO_CLASS = "its catalog has no Quickstack::Backups"
SWITCHED_OFF = "its Quickstack::Backups is not enabled"


@dataclass(frozen=True)
class Unprotected:
    """An active node that nobody backs up, and why that counts."""

    node: str
    why: str

    def as_json(self) -> dict[str, str]:
        """Return it as `kaizen nodes --unprotected --json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class Coverage:
    """How many active nodes there are, how many of them are exempt, and those that are unprotected, by name."""

    active: int
    exempt: int
    unprotected: list[Unprotected]


def coverage(settings: Settings, today: date) -> Coverage:
    """Ask PuppetDB who is there.

    Raises ConfigError and UnavailableError when it can't be asked, or has lost too many of the nodes that it named when
    the list was made: without it nobody knows who is missing.
    """
    puppetdb = settings.sources.puppetdb
    if not puppetdb:
        raise ConfigError("sources.puppetdb is not set, and only PuppetDB knows who is not backed up")
    exemptions = read_exemptions(settings.exemptions)
    active, classes = ask(
        puppetdb,
        ("nodes", [], 'node_state = "active"'),
        ("resources", ["parameters.enabled"], f"{CLASS} and {ACTIVE}"),
    )
    if not active:
        raise UnavailableError(f"PuppetDB {puppetdb.url}: it names no active node at all")
    names = {row["certname"] for row in active}
    _check_complete(names, settings)
    enabled = {row["certname"]: row.get("parameters.enabled") is True for row in classes}
    return subtract(names, enabled, _onboarded(settings), exemptions, today)


def _check_complete(active: Collection[str], settings: Settings) -> None:
    """Raise UnavailableError when too many of the nodes that PuppetDB named for the list are not active any more."""
    memory = read_memory(settings.memory_file)
    held = memory.named.get(PUPPETDB, []) if memory else []
    refusal = too_many_lost({PUPPETDB: held}, {PUPPETDB: [name for name in held if name not in active]}, active)
    if refusal:
        raise UnavailableError(f"{refusal}, so who else is missing can't be told; {ACCEPT}")


def _onboarded(settings: Settings) -> set[str]:
    """Return the nodes of nodes.d that can be collected; a file that yields none protects nobody."""
    if not settings.sources.nodes_d:
        return set()
    onboarded = read_nodes_d(settings.sources.nodes_d)
    # What nodes.d leaves out, such as the host keys, facts may state.
    facts = [read_facts(settings.sources.facts, settings.address_fact)] if settings.sources.facts else []
    return merge([*facts, onboarded]).nodes.keys() & onboarded.nodes.keys()


def subtract(
    active: Collection[str],
    classes: Mapping[str, bool],
    onboarded: Collection[str],
    exemptions: Mapping[str, Exemption],
    today: date,
) -> Coverage:
    """Take from the active nodes those that are protected or exempt.

    `classes` says of each node that has the class whether it is enabled there; `onboarded` nodes need no class.
    """
    unprotected: list[Unprotected] = []
    exempt = 0
    for name in sorted(active):
        if classes.get(name) or name in onboarded:
            continue
        why = SWITCHED_OFF if name in classes else NO_CLASS
        exemption = exemptions.get(name)
        if exemption and exemption.until >= today:
            exempt += 1
            continue
        if exemption:
            why += f"; exempt until {exemption.until} only: {printable(exemption.reason)}"
        unprotected.append(Unprotected(printable(name), why))
    return Coverage(len(active), exempt, unprotected)
