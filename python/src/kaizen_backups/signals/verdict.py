"""What there is to tell after a night: nodes that are not safe, what is unusual, what the collector suffers from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kaizen_backups.certificate import certificate_file, read_certificate
from kaizen_backups.errors import ConfigError
from kaizen_backups.history import History, open_history
from kaizen_backups.room import Room, all_bytes, free_bytes
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import collector_of, own_name
from kaizen_backups.status import SAFE, NodeStatus
from kaizen_backups.switches.changed import ConfigChange, config_changes
from kaizen_backups.units import many, size


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong with the collector itself; what is said of it changes from night to night, `kind` not."""

    kind: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """Every node's status, worst first, and the collector's own trouble."""

    collector: str
    found: Sequence[NodeStatus]
    room: str = ""
    """How much of the store's room is free, in words."""
    troubles: Sequence[Trouble] = field(default_factory=list)
    changed: Sequence[ConfigChange] = field(default_factory=list)
    """The switches whose configuration is another since yesterday: news, and no trouble."""

    @property
    def not_safe(self) -> list[NodeStatus]:
        """The nodes that are neither fresh nor late."""
        return [status for status in self.found if status.state not in SAFE]

    @property
    def unusual(self) -> list[NodeStatus]:
        """The nodes whose newest snapshot is unlike those before."""
        return [status for status in self.found if status.unusual]

    @property
    def all_is_well(self) -> bool:
        """Whether there is nothing that anybody should look at."""
        return bool(self.found) and not (self.not_safe or self.unusual or self.troubles)

    @property
    def title(self) -> str:
        """All of it in one line."""
        count = len(self.found)
        if not count:
            return "kaizen: no node is known"
        bad = len(self.not_safe)
        nodes = many(count, "node")
        said = [f"{bad} of {nodes} not safe" if bad else f"{'all ' if count > 1 else ''}{nodes} safe"]
        said += [f"{len(self.unusual)} unusual"] if self.unusual else []
        said += [trouble.kind for trouble in self.troubles]
        said += [f"{len(self.changed)} switch{'es' if len(self.changed) > 1 else ''} changed"] if self.changed else []
        return f"kaizen: {', '.join(said)}"

    def concerns(self) -> set[str]:
        """Return a name for each thing that is wrong: a node that is not safe, a kind of trouble."""
        return {status.node for status in self.not_safe} | {f"({trouble.kind})" for trouble in self.troubles}


def judge(settings: Settings, found: Sequence[NodeStatus], now: datetime) -> Verdict:
    """Return the verdict on nodes whose statuses were found, and on this collector. Raises KaizenError."""
    name = own_name(settings)
    collectors = settings.collectors or (name,)
    own = {status.node for status in found if collector_of(status.node, collectors) == name}
    free, total = free_bytes(settings.store), all_bytes(settings.store)
    with open_history(settings.history_file) as history:
        troubles = [*_room(sorted(own), settings, history), *_certificate(settings, now)]
    mine = [status for status in found if status.node in own]
    changed = config_changes(settings.store, mine, now.date())
    return Verdict(name, found, f"{size(free)} of {size(total)} free", troubles, changed)


def _room(own: list[str], settings: Settings, history: History) -> list[Trouble]:
    missing = Room(settings.store, settings.floor, history.needs()).missing(own)
    if not missing:
        return []
    text = (
        f"{settings.store}: by the measure of the last nights {size(missing)} are missing for the next one;"
        " 'kaizen prune --explain' says what stays and why"
    )
    return [Trouble("too little room", text)]


def _certificate(settings: Settings, now: datetime) -> list[Trouble]:
    try:
        certificate = read_certificate(certificate_file(settings.key))
        warning = certificate.warning(now) if certificate else None
    except ConfigError as error:
        warning = str(error)
    return [Trouble("certificate", warning)] if warning else []
