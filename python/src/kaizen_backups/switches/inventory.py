"""switches.yaml: which switches there are, and how each is logged in to."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from kaizen_backups.errors import ConfigError
from kaizen_backups.node import Address, NodeName
from kaizen_backups.settings_values import AbsolutePath, Section
from kaizen_backups.switches.families import FAMILIES, Family
from kaizen_backups.yaml_file import line_of, load_model

COMMANDS = ("check", "example", "keys", "redact")
"""What 'kaizen switches' has for commands: no switch can be called so."""

_KIND = {"family", "device_type", "command", "begins", "ends", "paging", "volatile"}

Line = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _family(name: str) -> str:
    if name not in FAMILIES:
        raise ValueError(f"must be one of {', '.join(FAMILIES)}; or leave it out, and give device_type and command")
    return name


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from None
    return text


def _by_ssh(device_type: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", device_type) or device_type.endswith(("_telnet", "_serial")):
        raise ValueError("must be one of netmiko's that speaks ssh, such as arista_eos")
    return device_type


def _switch_name(name: str) -> str:
    if name in COMMANDS:
        raise ValueError(f"is a command, 'kaizen switches {name}': call the switch otherwise")
    return name


Pattern = Annotated[Line, AfterValidator(_pattern)]


class Source(Section):
    """Where a password is to be had: exactly one of these."""

    file: AbsolutePath | None = None
    environment: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    command: tuple[Line, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _check(cls, given: Any) -> Any:
        if not isinstance(given, dict) or len(given) != 1 or not given.keys() <= cls.model_fields.keys():
            # What was given may be a password: it is not repeated.
            raise ValueError("never stands here itself: give {file: PATH}, {environment: NAME} or {command: [PROGRAM]}")
        return given


class Access(Section):
    """What may be said of one switch, or in `defaults` of all."""

    family: Annotated[str, AfterValidator(_family)] | None = None
    device_type: Annotated[str, AfterValidator(_by_ssh)] | None = None
    command: Line | None = None
    begins: Pattern | None = None
    ends: Pattern | None = None
    paging: Line | None = None
    volatile: tuple[Pattern, ...] | None = None
    user: Line | None = None
    password: Source | None = None
    enable: Source | None = None
    key: AbsolutePath | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    timeout: int | None = Field(default=None, ge=1, le=3600)


class Entry(Access):
    """One switch."""

    address: Address


class Inventory(Section):
    """All of switches.yaml."""

    known_hosts: AbsolutePath = Path("/etc/kaizen/switches.known_hosts")
    jobs: int = Field(default=20, ge=1, le=500)
    defaults: Access = Access()
    switches: dict[Annotated[NodeName, AfterValidator(_switch_name)], Entry] = Field(default={})


@dataclass(frozen=True)
class Switch:
    """One switch, with what the defaults say of it; `timeout` in seconds, for all of one session."""

    name: str
    address: str
    family: Family
    user: str
    password: Source | None
    enable: Source | None
    key: Path | None
    port: int
    timeout: int


@dataclass(frozen=True)
class Switches:
    """Every switch by name; the file with their host keys; how many are asked at a time."""

    by_name: dict[str, Switch]
    known_hosts: Path
    jobs: int

    def adjusted(self, jobs: int | None, timeout: int | None) -> Self:
        """Return them with what this run wants otherwise."""
        changed = {name: replace(switch, timeout=timeout or switch.timeout) for name, switch in self.by_name.items()}
        return replace(self, by_name=changed, jobs=jobs or self.jobs)


def load_inventory(path: Path) -> Switches:
    """Read switches.yaml. Raises ConfigError, a line for each mistake, with file, line and key."""
    inventory = load_model(path, Inventory)
    found, mistakes = {}, []
    for name, entry in inventory.switches.items():
        stated = {**_applying(inventory.defaults, entry), **_given(entry)}
        if mistake := _mistake(stated):
            mistakes.append(f"{path}:{line_of(path, ('switches', name))}: switches.{name}: {mistake}")
        else:
            found[name] = _switch(name, stated)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return Switches(found, inventory.known_hosts, inventory.jobs)


def _applying(defaults: Access, entry: Entry) -> dict[str, Any]:
    """Return those defaults that hold for a switch: with `null` it has none; one of another kind has its own."""
    other = entry.family != defaults.family if entry.family else bool(entry.device_type and defaults.family)
    dropped = entry.model_fields_set | (_KIND if other else set())
    return {key: value for key, value in _given(defaults).items() if key not in dropped}


def _given(access: Access) -> dict[str, Any]:
    return {key: value for key in type(access).model_fields if (value := getattr(access, key)) is not None}


def _mistake(stated: dict[str, Any]) -> str | None:
    if "user" not in stated:
        return "user: nobody is named to log in as; it may stand in defaults"
    if not stated.keys() & {"password", "key"}:
        return "password: neither a password nor a key is given to log in with; it may stand in defaults"
    if "family" not in stated and not {"device_type", "command"} <= stated.keys():
        return "family: give the family, or else device_type and command"
    kind = stated.get("device_type") or FAMILIES[stated["family"]].device_type
    if "enable" in stated and kind == "cumulus_linux":
        # There it would be a shell of root.
        return "enable: Cumulus Linux has none; where it stands in defaults, give this switch 'enable: null'"
    return None


def _switch(name: str, stated: dict[str, Any]) -> Switch:
    family = FAMILIES[stated["family"]] if "family" in stated else Family(name, "", "")
    own = {key: stated[key] for key in ("device_type", "command", "begins", "ends", "paging") if key in stated}
    return Switch(
        name=name,
        address=stated["address"],
        family=replace(family, **own, volatile=(*family.volatile, *stated.get("volatile", ()))),
        user=stated["user"],
        password=stated.get("password"),
        enable=stated.get("enable"),
        key=stated.get("key"),
        port=stated.get("port", 22),
        timeout=stated.get("timeout", 60),
    )
