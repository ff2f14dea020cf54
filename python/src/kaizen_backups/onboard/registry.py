"""The onboarded hosts: a file each in nodes.d, with what the node list needs and how the host is looked after."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import ConfigError, KaizenError, printable
from kaizen_backups.node import Node, NodeName
from kaizen_backups.nodes_yaml import read_list
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.ssh import Target
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import own_name
from kaizen_backups.yaml_file import explain, read_mapping

SECTION = "onboarded"
_NAME: TypeAdapter[str] = TypeAdapter(NodeName)
_HEAD = "# Written by kaizen-onboard. It is changed by running that again with other options.\n"


class Login(BaseModel):
    """How an administrator's ssh gets to the host; `by: bundle` when none does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["ssh", "bundle"] = "ssh"
    host: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:%-]*$")
    user: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)


class Registered(BaseModel):
    """One onboarded host."""

    model_config = ConfigDict(frozen=True)

    node: Node
    login: Login
    declaration: Declaration
    collector: NodeName | None = None
    """The collector that looks after it: another's kaizen-onboard knows others' keys."""

    @property
    def target(self) -> Target:
        """The host as ssh is told of it."""
        return Target(self.node.name, self.login.host, self.login.user, self.login.port)


def file_of(settings: Settings, name: str) -> Path:
    """Return a host's file. Raises KaizenError for what is no host's name: it must lead nowhere else."""
    try:
        return nodes_d(settings) / f"{_NAME.validate_python(name)}.yaml"
    except ValidationError:
        raise KaizenError(f"{printable(name)}: is no host's name") from None


def require_ours(settings: Settings, name: str) -> Registered | None:
    """Return the host if it is registered. Raises KaizenError for one that somebody else looks after."""
    known = _require_own(settings, find(settings, name))
    file = file_of(settings, name)
    if known is None and file.exists():
        raise KaizenError(f"{file}: was written by hand; move it away, and kaizen-onboard writes its own")
    listed = {node.name: node.origin for node in read_list(settings.nodes_file)}
    if listed.get(name, SECTION) != SECTION:
        raise KaizenError(f"{name}: is known from Puppet ({listed[name]}); leave it to Puppet")
    return known


def nodes_d(settings: Settings) -> Path:
    """Return the directory of the hosts' files. Raises ConfigError when the settings have none."""
    if not settings.sources.nodes_d:
        raise ConfigError("the settings have no sources.nodes_d, where onboarded hosts are registered")
    return settings.sources.nodes_d


def to_yaml(host: Registered) -> str:
    """Return a host's file."""
    stated: dict[str, Any] = host.node.stated()
    for key in ("name", "origin"):
        del stated[key]
    login = host.login.model_dump(exclude_none=True)
    declared = host.declaration.model_dump(mode="json", exclude_defaults=True)
    who = {"collector": host.collector} if host.collector else {}
    stated[SECTION] = {**who, "login": login, "declaration": declared}
    return _HEAD + yaml.safe_dump(stated, sort_keys=False, width=10_000, allow_unicode=True)


def register(settings: Settings, host: Registered) -> bool:
    """Write a host's file, as looked after by this collector; return whether that changed anything."""
    host = host.model_copy(update={"collector": own_name(settings)})
    return write_atomically(file_of(settings, host.node.name), to_yaml(host))


def forget(settings: Settings, name: str) -> None:
    """Remove a host's file."""
    file_of(settings, name).unlink(missing_ok=True)


def find(settings: Settings, name: str) -> Registered | None:
    """Return the host of that name; None when it is not registered here. Raises ConfigError."""
    file = file_of(settings, name)
    if not file.exists():
        return None
    stated = read_mapping(file)
    section = stated.pop(SECTION, None)
    if not isinstance(section, dict):
        return None
    try:
        node = Node.model_validate({**stated, "name": name, "origin": SECTION})
        return Registered.model_validate({**section, "node": node})
    except ValidationError as error:
        raise ConfigError(explain(error, file)) from error


def get(settings: Settings, name: str) -> Registered:
    """Return the host of that name. Raises KaizenError when there is none, or another collector looks after it."""
    found = _require_own(settings, find(settings, name.lower()))
    if found is None:
        raise KaizenError(f"{printable(name)}: this collector has onboarded no such host; see 'kaizen-onboard list'")
    return found


def all_hosts(settings: Settings) -> list[Registered]:
    """Return every onboarded host that this collector looks after, by name. Raises ConfigError."""
    directory = nodes_d(settings)
    names = sorted(file.stem for file in directory.glob("*.yaml") if not file.name.startswith("."))
    hosts = [host for name in names if (host := find(settings, name))]
    own = own_name(settings)
    return [host for host in hosts if host.collector in (None, own)]


def _require_own(settings: Settings, host: Registered | None) -> Registered | None:
    own = own_name(settings)
    if host and host.collector not in (None, own):
        raise KaizenError(
            f"{host.node.name}: {host.collector} looks after it, and this is {own}: run kaizen-onboard there, "
            f"or change 'collector' in {file_of(settings, host.node.name)}"
        )
    return host
