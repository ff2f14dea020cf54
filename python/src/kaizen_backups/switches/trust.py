"""An administrator names the fingerprint of a switch's host key: then it is trusted, and nobody is asked."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import ConfigError, RefusedError, UnavailableError
from kaizen_backups.node import fingerprint
from kaizen_backups.switches.host_keys import KnownHosts, is_of, offered_key
from kaizen_backups.switches.inventory import Switch

_TYPES = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256",),
    ("ecdsa-sha2-nistp384",),
    ("ecdsa-sha2-nistp521",),
    ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
)
"""What is asked for, one after the other: a switch has one key of each type, and shows one at a time."""


def key_with(switch: Switch, wanted: str) -> str:
    """Return the switch's host key that has this fingerprint. Raises RefusedError, UnavailableError."""
    offered: dict[str, str] = {}
    for types in ((), *_TYPES):
        if not offered.keys().isdisjoint(types):
            continue
        try:
            key = offered_key(switch, types)
        except UnavailableError:
            if not offered:
                raise
            continue  # it has none of that type
        if fingerprint(key) == wanted:
            return key
        offered[key.split(" ")[0]] = fingerprint(key)
    shown = ", ".join(f"{value} ({key_type})" for key_type, value in offered.items())
    raise RefusedError(f"{switch.name}: no host key of it has the fingerprint {wanted}; it offers {shown}")


def trust(known_hosts: Path, name: str, key: str) -> bool:
    """Let this be the switch's one host key; return whether anything changed. Raises ConfigError, also where another
    line of the file keeps the switch from being fetched.

    What else stands in the file stays, also what is no host key.
    """
    changed = _put(known_hosts, name, key)
    KnownHosts(known_hosts).keys(name)
    return changed


def _put(known_hosts: Path, name: str, key: str) -> bool:
    try:
        with _alone(known_hosts.parent):
            lines = (
                known_hosts.read_bytes().decode(errors="surrogateescape").splitlines() if known_hosts.exists() else []
            )
            kept = [line for old in lines if (line := _without(old, name)) is not None]
            wanted = f"{name} {key}"
            if wanted in lines and len(kept) == len(lines) - 1:
                return False
            text = "".join(f"{line}\n" for line in (*kept, wanted))
            return write_atomically(known_hosts, text.encode(errors="surrogateescape"))
    except OSError as error:
        raise ConfigError(f"{known_hosts}: {error.strerror}") from error


def _without(line: str, name: str) -> str | None:
    """Return a line without a switch's name; None where nobody else's is in it."""
    fields = line.split(maxsplit=1)
    if not fields or fields[0].startswith(("#", "@")) or not is_of(fields[0], name):
        return line
    others = [one for one in fields[0].split(",") if not is_of(one, name)]
    return " ".join([",".join(others), *fields[1:]]) if others else None


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep others from writing there meanwhile: scripts add many switches at once."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
