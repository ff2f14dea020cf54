"""The host keys of switches: always checked, learnt by nobody but an administrator, who compares them."""

import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kaizen_backups.errors import ConfigError, UnavailableError, printable
from kaizen_backups.node import fingerprint
from kaizen_backups.switches.inventory import Switch

if TYPE_CHECKING:
    from paramiko import PKey

_PATIENCE = 15.0


def connect(switch: Switch, seconds: float) -> socket.socket:
    """Return a connection to a switch. Raises UnavailableError."""
    try:
        return socket.create_connection((switch.address, switch.port), timeout=min(seconds, _PATIENCE))
    except TimeoutError:
        raise UnavailableError(f"{switch.address} port {switch.port}: it does not answer") from None
    except OSError as error:
        raise UnavailableError(f"{switch.address} port {switch.port}: {error.strerror or error}") from None


def offered_key(switch: Switch, types: Sequence[str] = ()) -> str:
    """Return the host key that a switch shows now, of one of these types where any are given, as known_hosts has it,
    without a name. Raises UnavailableError.
    """
    import paramiko

    with connect(switch, _PATIENCE) as sock:
        transport = paramiko.Transport(sock)
        try:
            options = transport.get_security_options()
            if types:
                options.key_types = [one for one in types if one in options.key_types]
            transport.start_client(timeout=_PATIENCE)
            return line_of_key(transport.get_remote_server_key())
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnavailableError(f"it does not speak ssh as we do: {printable(str(error))}") from None
        finally:
            transport.close()


def line_of_key(key: "PKey") -> str:
    """Return a host key as known_hosts has it, without a name."""
    return f"{key.get_name()} {key.get_base64()}"


class _Line(NamedTuple):
    """A line of known_hosts: its number, the names that it is of, and the key; None where it is none."""

    number: int
    names: str
    key: "PKey | None"


class KnownHosts:
    """The host keys that are known. A line that is bad is the trouble of the switch that it names, and no other's."""

    def __init__(self, file: Path) -> None:
        """Read the file; where there is none, no key is known. Raises ConfigError."""
        self.file = file
        try:
            lines = file.read_text(errors="replace").split("\n")
        except FileNotFoundError:
            lines = []
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from None
        self._lines = [
            _read_line(line.strip(), number)
            for number, line in enumerate(lines, 1)
            if line.strip() and not line.strip().startswith("#")
        ]

    def keys(self, name: str) -> list["PKey"]:
        """Return the keys of a switch. Raises ConfigError where a line of its own is bad."""
        own = [line for line in self._lines if is_of(line.names, name)]
        for line in own:
            if not line.key:
                raise ConfigError(self._complaint(line))
        return [line.key for line in own if line.key]

    def nobodys(self, names: Iterable[str]) -> list[str]:
        """Say which lines are bad and of none of these switches."""
        bad = [line for line in self._lines if not line.key]
        wanted = list(names) if bad else []
        return [self._complaint(line) for line in bad if not any(is_of(line.names, name) for name in wanted)]

    def _complaint(self, line: _Line) -> str:
        advice = "a line is 'NAME TYPE KEY', as 'kaizen switches keys' prints it"
        return f"{self.file}:{line.number}: it is no host key: {advice}"


def _read_line(line: str, number: int) -> _Line:
    from paramiko.hostkeys import HostKeyEntry

    fields = line.split()
    # A mark such as @revoked is nothing that we know: the line is bad, and of the switch behind it.
    names = fields[1] if line.startswith("@") and len(fields) > 1 else fields[0]
    try:
        entry = HostKeyEntry.from_line(" ".join(fields), number)
    except Exception:  # whatever is wrong with a key, paramiko raises what its library does
        entry = None
    return _Line(number, names, entry.key if entry else None)


def is_of(names: str, name: str) -> bool:
    """Tell whether a switch is among the names that a line of known_hosts begins with, hashed or not."""
    return any(one == name or (one.startswith("|1|") and _hashed(name, one) == one) for one in names.split(","))


def _hashed(name: str, like: str) -> str | None:
    from paramiko.hostkeys import HostKeys

    try:
        return str(HostKeys.hash_host(name, like))
    except Exception:  # it is no hash
        return None


def unknown(switch: Switch, known_hosts: Path, key: "PKey") -> str:
    """Say that no host key of a switch is known, and what to do about it."""
    shown = line_of_key(key)
    return (
        f"its host key is not known; it shows {key.get_name()} {fingerprint(shown)}: compare that with what the"
        f" switch's console says, then add it: kaizen switches keys {switch.name} >>{known_hosts}"
    )


def changed(known_hosts: Path, key: "PKey", expected: "PKey") -> str:
    """Say that a switch shows another host key than the one that is known."""
    return (
        f"its host key has changed: it shows {key.get_name()} {fingerprint(line_of_key(key))}, and {known_hosts} has"
        f" {fingerprint(line_of_key(expected))}; nothing was sent to it. If that is meant, replace the line there"
    )
