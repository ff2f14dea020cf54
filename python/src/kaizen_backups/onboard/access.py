"""Who is let in at the doors of all onboarded hosts: /etc/kaizen/access.yaml, and the Hiera data that says the same."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.node import NodeName
from kaizen_backups.onboard.declaration import IpAddress, PublicKey, fits
from kaizen_backups.yaml_file import load_model

FILE = Path("/etc/kaizen/access.yaml")
HIERA = Path("/etc/kaizen/hiera.yaml")
_HEAD = "# Written by kaizen-onboard: who is let in at the doors of the hosts that it looks after.\n"
_HIERA_HEAD = "# Written by kaizen-onboard: goes into the Hiera data of all nodes that Puppet configures.\n"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Collector(_Strict):
    """A collector: its public key, and the addresses that it comes from, where they are known."""

    key: PublicKey
    hosts: tuple[IpAddress, ...] = ()


@dataclass(frozen=True)
class Door:
    """What is in a door's authorized_keys."""

    keys: tuple[str, ...]
    hosts: tuple[str, ...]
    authorities: tuple[str, ...]


class Access(_Strict):
    """The collectors by name, and the certificate authorities that may sign others."""

    collectors: dict[NodeName, Collector] = {}
    authorities: tuple[PublicKey, ...] = ()
    addresses_hold: bool = False
    """Do the doors state addresses? Once they do, no key is let in from anywhere again for want of one."""

    def with_collector(self, name: str, collector: Collector) -> "Access":
        """Return it with one more, or with another key for one that is known."""
        return self.model_copy(update={"collectors": {**self.collectors, name: collector}})

    def without_collector(self, name: str) -> "Access":
        """Return it without that collector. Raises KaizenError when there is none."""
        if name not in self.collectors:
            known = ", ".join(sorted(self.collectors)) or "none"
            raise KaizenError(f"{name}: no collector of that name is let in (known: {known})")
        others = {key: value for key, value in self.collectors.items() if key != name}
        return self.model_copy(update={"collectors": others})

    def without_address(self, own_key: str) -> list[str]:
        """Return whose addresses are not known, where those of others are."""
        everybody = self._everybody(own_key)
        without = sorted(name for name, collector in everybody.items() if not collector.hosts)
        return without if len(without) < len(everybody) else []

    def settled(self, own_key: str) -> "Access":
        """Return it with `addresses_hold` as it is now. Raises ConfigError where they hold, and one is missing."""
        return self.model_copy(update={"addresses_hold": bool(self.door(own_key).hosts)})

    def door(self, own_key: str) -> Door:
        """Return the door for these and this collector's own key.

        An address is no key's own, as in the Puppet class: where addresses are stated, every key is good from any of
        them and from nowhere else. So they are not stated before those of all are known. Raises ConfigError where they
        hold, and one is missing.
        """
        found = self._everybody(own_key)
        hosts = tuple(host for collector in found.values() for host in collector.hosts)
        if without := ", ".join(self.without_address(own_key)):
            if self.addresses_hold:
                raise ConfigError(
                    f"every key would be good from anywhere: say where {without} comes from, "
                    "by 'kaizen-onboard collector NAME KEY.pub --from ADDRESS'"
                )
            hosts = ()
        return Door(tuple(collector.key for collector in found.values()), hosts, self.authorities)

    def _everybody(self, own_key: str) -> dict[str, Collector]:
        if _blob(own_key) in {_blob(collector.key) for collector in self.collectors.values()}:
            return self.collectors
        return {**self.collectors, "this collector": Collector(key=own_key)}


def _blob(key: str) -> str:
    return key.split(" ")[1]


def read_access(file: Path = FILE) -> Access:
    """Read access.yaml; where there is none, nobody but this collector is let in. Raises ConfigError."""
    return load_model(file, Access) if file.exists() else Access()


def write_access(access: Access, file: Path = FILE) -> None:
    """Write access.yaml."""
    write_atomically(file, _HEAD + _yaml(access.model_dump(mode="json", exclude_defaults=True)))


def write_hiera(door: Door, file: Path = HIERA) -> None:
    """Write the Hiera data that lets the same collectors in at every node that Puppet configures."""
    data = {
        "quickstack::backups::collector_keys": sorted(set(door.keys)),
        "quickstack::backups::collector_hosts": sorted(set(door.hosts)),
        "quickstack::backups::collector_authorities": sorted(set(door.authorities)),
    }
    write_atomically(file, _HIERA_HEAD + _yaml(data))


def _yaml(data: object) -> str:
    return yaml.safe_dump(data, sort_keys=True, width=10_000)


def read_public_key(file: Path) -> str:
    """Return the one public key in a .pub file. Raises ConfigError."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"{file}: {why}") from error
    if len(lines) != 1 or not fits("publickey", lines[0]):
        raise ConfigError(f"{file}: must hold one OpenSSH public key, such as 'ssh-ed25519 AAAA... name', and no more")
    return lines[0]
