"""Which host key is the host's: the registered one, or one whose fingerprint somebody confirms. None by itself."""

from collections.abc import Callable

from kaizen_backups.errors import KaizenError, RefusedError
from kaizen_backups.node import KEY_TYPES, fingerprint
from kaizen_backups.onboard.ssh import Ssh


def settle_key(ssh: Ssh, registered: str | None, wanted: str | None, confirm: Callable[[str], bool]) -> str:
    """Return the host's key, and let ssh trust it alone. Raises RefusedError, UnavailableError, KaizenError.

    `registered` is what is known since it was confirmed; `wanted` a fingerprint from the command line, which may name a
    new key; `confirm` shows a fingerprint to a person and asks.
    """
    if wanted:
        key = _with_fingerprint(ssh, wanted)
    elif registered:
        key = registered
    else:
        key = ssh.offered_key() or ""
        if not confirm(f"{fingerprint(key)} ({key.split(' ')[0]})"):
            raise KaizenError(f"{ssh.target.name}: the host key was not confirmed; nothing was done")
    ssh.trust(key)
    return key


def _with_fingerprint(ssh: Ssh, wanted: str) -> str:
    """Return the host's key that has this fingerprint; a host has one of each type."""
    offered = {}
    for key_type in (None, *KEY_TYPES):
        key = ssh.offered_key(key_type)
        if key and fingerprint(key) == wanted:
            return key
        if key:
            offered[key.split(" ")[0]] = fingerprint(key)
    shown = ", ".join(f"{value} ({key_type})" for key_type, value in offered.items())
    raise RefusedError(f"{ssh.target.name}: no host key of it has the fingerprint {wanted}; it offers {shown}")
