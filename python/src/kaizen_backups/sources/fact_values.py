"""What facts say of a node's address and host keys. They are its own words: the node list checks them."""

from typing import Any

from kaizen_backups.node import KEY_TYPES

NAME = "name"
"""As the address fact: a node's address is its name."""


def address_of(name: str, value: Any, address_fact: str) -> Any:
    """Return a node's address: the value that its address fact has, or its name, where the setting says so."""
    return name if address_fact == NAME else value


def plain(value: Any) -> Any:
    """Return a value as it is if it has no parts; else an empty one of its kind, which no field of a node can be.

    Nested as deeply as it may be, nobody could compare or print it.
    """
    return type(value)() if isinstance(value, list | dict) else value


def host_keys_of(ssh: Any) -> list[str]:
    """Return the keys in an `ssh` fact, the best type first; types that are not taken are left out."""
    keys = [
        f"{entry['type']} {plain(entry.get('key'))}"
        for entry in (ssh.values() if isinstance(ssh, dict) else ())
        if isinstance(entry, dict) and plain(entry.get("type")) in KEY_TYPES
    ]
    return sorted(keys, key=lambda key: (KEY_TYPES.index(key.split(" ")[0]), key))
