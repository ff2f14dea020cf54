"""A node of the list: a host whose snapshots are collected. Everything in it may come from outside, so it is strict."""

import base64
import binascii
import hashlib
import ipaddress
import re
import struct
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
"""Host key types that are taken, the best first."""

DEFAULTS: dict[str, object] = {"port": 22, "user": "kaizen"}

MOST_KEYS = 10
"""Host keys that a node may have: of each type one, and one more while they are being changed."""

# An RSA key of 16,384 bits, in base64.
_LONGEST_KEY = 3000
# What the key of each other type has in bytes, its type's name included (RFC 5656, 3.1; RFC 8709, 4).
_LENGTHS = {
    "ssh-ed25519": 51,
    "ecdsa-sha2-nistp256": 104,
    "ecdsa-sha2-nistp384": 136,
    "ecdsa-sha2-nistp521": 172,
}

_LABEL = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_LOOPBACK = re.compile(r"127(\.[0-9]+){3}|::1|([^:]*\.)?localhost(\.[^:]*)?|ip6-(localhost|loopback)")


def _check_name(name: str) -> str:
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError("must be a host name of lower-case letters, digits, '-', '_' and '.'")
    return name


def _check_address(address: str) -> str:
    try:
        # A scope id (fe80::1%eth0) may hold anything, so an address with one is none.
        ip = ipaddress.ip_address(address.replace("%", "/"))
    except ValueError:
        pass
    else:
        return _check_ip(getattr(ip, "ipv4_mapped", None) or ip)
    # A name that ends in a number would be read as an address of another form: 10.1 as 10.0.0.1, 0x7f.1 as 127.0.0.1.
    if re.fullmatch(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?", address.lower(), re.DOTALL):
        raise ValueError("must be an IP address or a host name")
    return _check_name(address.lower())


def _check_ip(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if ip.is_unspecified or ip.is_multicast or str(ip) == "255.255.255.255":
        raise ValueError("must be the address of one host")
    return str(ip)


def _check_port(port: object) -> object:
    """Refuse what YAML has made true or false, which would be a number for Python."""
    if isinstance(port, bool):
        raise ValueError("must be a port's number")
    return port


def _check_role(role: str) -> str:
    if not _ROLE.fullmatch(role):
        raise ValueError("must be a role's name, such as compute")
    return role


def _check_user(user: str) -> str:
    if not _USER.fullmatch(user):
        raise ValueError("must be a user's name, such as kaizen")
    return user


def _check_key(line: str) -> str:
    """Take a host key only when its two parts agree (RFC 4253, 6.6: the blob begins with its type's name)."""
    if len(line) > _LONGEST_KEY:
        raise ValueError("the key is longer than any")
    parts = line.split(" ")
    if len(parts) != 2 or parts[0] not in KEY_TYPES:
        raise ValueError(f"must be a key type ({', '.join(KEY_TYPES)}), one space, and the key in base64")
    try:
        blob = base64.b64decode(parts[1], validate=True)
        (length,) = struct.unpack(">I", blob[:4])
    except (binascii.Error, struct.error):
        raise ValueError("the key is not base64") from None
    if blob[4 : 4 + length] != parts[0].encode() or len(blob) <= 4 + length:
        raise ValueError(f"the key is not one of type {parts[0]}")
    if len(blob) != _LENGTHS.get(parts[0], len(blob)):
        raise ValueError(f"the key has {len(blob)} bytes, and one of type {parts[0]} has {_LENGTHS[parts[0]]}")
    return line


NodeName = Annotated[str, AfterValidator(_check_name)]
Address = Annotated[str, AfterValidator(_check_address)]
HostKey = Annotated[str, AfterValidator(_check_key)]
User = Annotated[str, AfterValidator(_check_user)]
Origin = Literal["facts", "puppetdb", "onboarded", "switches", "collector"]
SWITCH: Origin = "switches"
"""The origin of a switch, which has no door: 'kaizen switches' fetches its configuration."""


class Node(BaseModel):
    """One node: its name (certname, or the host's where there is no Puppet), and how its door is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: NodeName
    address: Address
    role: Annotated[str, AfterValidator(_check_role)] = "generic"
    origin: Origin
    host_keys: tuple[HostKey, ...] = Field(max_length=MOST_KEYS)
    port: Annotated[int, BeforeValidator(_check_port)] = Field(default=22, ge=1, le=65535)
    user: User = "kaizen"

    @field_validator("host_keys")
    @classmethod
    def _check_host_keys(cls, keys: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        if not keys and others.data.get("origin") != SWITCH:
            raise ValueError("must have at least one key")
        return keys

    @property
    def is_switch(self) -> bool:
        """Whether it is no node with a door, but a switch."""
        return self.origin == SWITCH

    @property
    def is_copied(self) -> bool:
        """Whether its snapshots are another collector's, which keeps them as long as it likes."""
        return self.origin == "collector"

    @property
    def place(self) -> str:
        """Where its snapshots are behind its door, or in the store of the collector that has them."""
        return f"store/{self.name}" if self.is_copied else "backups"

    def stated(self) -> dict[str, object]:
        """Return the node as nodes.yaml writes it: port and user only where they are not 22 and kaizen."""
        data: dict[str, object] = {key: getattr(self, key) for key in ("name", "address", "role", "origin")}
        data["host_keys"] = list(self.host_keys)
        return data | {
            key: value for key, value in (("port", self.port), ("user", self.user)) if value != DEFAULTS[key]
        }


def is_loopback(address: str) -> bool:
    """Say whether a node's address is, for whoever asks, that one's own."""
    return bool(_LOOPBACK.fullmatch(address))


def is_host_key(line: object) -> bool:
    """Say whether this is a key that a node may have."""
    try:
        return isinstance(line, str) and bool(_check_key(line))
    except ValueError:
        return False


def fingerprint(host_key: str) -> str:
    """Return a key's fingerprint as `ssh-keygen -l` shows it: SHA256 and unpadded base64."""
    digest = hashlib.sha256(base64.b64decode(host_key.split(" ")[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
