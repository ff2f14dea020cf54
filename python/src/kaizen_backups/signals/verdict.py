"""What there is to tell after a night: nodes that are not safe, what is unusual, what the collector suffers from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kaizen_backups.certificate import certificate_file, read_certificate
from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.history import History, open_history
from kaizen_backups.room import Room, all_bytes, free_bytes
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import own_name
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
    def rotten(self) -> list[NodeStatus]:
        """The nodes of which a stored snapshot has a rotten file."""
        return [status for status in self.found if status.rotten]

    @property
    def not_proven(self) -> list[NodeStatus]:
        """The nodes whose last drill failed."""
        return [status for status in self.found if status.drill_failed]

    @property
    def all_is_well(self) -> bool:
        """Whether there is nothing that anybody should look at."""
        return not self.concerns()

    @property
    def title(self) -> str:
        """All of it in one line."""
        count, bad = len(self.found), len(self.not_safe)
        nodes = many(count, "node")
        said = [f"{bad} of {nodes} not safe" if bad else f"{'all ' if count > 1 else ''}{nodes} safe"]
        said += [f"{len(self.rotten)} rotten"] if self.rotten else []
        said += [f"{len(self.not_proven)} not restorable"] if self.not_proven else []
        said += [f"{len(self.unusual)} unusual"] if self.unusual else []
        said += dict.fromkeys(trouble.kind for trouble in self.troubles)
        said += [f"{len(self.changed)} switch{'es' if len(self.changed) > 1 else ''} changed"] if self.changed else []
        return f"kaizen: {', '.join(said if count else ['no node is known', *said[1:]])}"

    def concerns(self) -> set[str]:
        """Return a name for each thing that is wrong: a node that is not safe, what else it has, a kind of trouble."""
        others = (("rotten", self.rotten), ("drill", self.not_proven), ("unusual", self.unusual))
        return {
            *(status.node for status in self.not_safe),
            *(f"{status.node} ({kind})" for kind, nodes in others for status in nodes),
            *(f"({trouble.kind})" for trouble in self.troubles),
            *(() if self.found else ("(no node)",)),
        }


def judge(settings: Settings, found: Sequence[NodeStatus], now: datetime, also: Iterable[Trouble] = ()) -> Verdict:
    """Return the verdict on nodes whose statuses were found, and on this collector, with what else it is known to have.

    Another collector's nodes are that one's to tell of, as long as it can. Raises KaizenError.
    """
    own = [status for status in found if not status.collector or status.unheard]
    troubles = [*also, *collectors_troubles(settings, found, now)]
    changed = config_changes(settings.store, [status for status in found if not status.collector], now.date())
    return Verdict(own_name(settings), own, _room(settings), troubles, changed)


def collectors_troubles(settings: Settings, found: Sequence[NodeStatus], now: datetime) -> list[Trouble]:
    """Return what this collector suffers from: too little room, a certificate that ends."""
    own = [status.node for status in found if not status.collector]
    try:
        with open_history(settings.history_file) as history:
            room = _too_little_room(own, settings, history)
    except KaizenError as error:
        room = [Trouble("history", str(error))]
    return [*room, *_certificate(settings, now)]


def _room(settings: Settings) -> str:
    try:
        return f"{size(free_bytes(settings.store))} of {size(all_bytes(settings.store))} free"
    except OSError as error:
        return f"{settings.store}: {error.strerror}"


def _too_little_room(own: list[str], settings: Settings, history: History) -> list[Trouble]:
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
