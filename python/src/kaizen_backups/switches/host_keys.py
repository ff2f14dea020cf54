"""The host keys of switches: always checked, learnt by nobody but an administrator, who compares them."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING

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


def offered_key(switch: Switch) -> str:
    """Return the host key that a switch shows now, as known_hosts has it, without a name. Raises UnavailableError."""
    import paramiko

    with connect(switch, _PATIENCE) as sock:
        transport = paramiko.Transport(sock)
        try:
            transport.start_client(timeout=_PATIENCE)
            return line_of_key(transport.get_remote_server_key())
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnavailableError(f"it does not speak ssh as we do: {printable(str(error))}") from None
        finally:
            transport.close()


def line_of_key(key: "PKey") -> str:
    """Return a host key as known_hosts has it, without a name."""
    return f"{key.get_name()} {key.get_base64()}"


def check_known_hosts(known_hosts: Path) -> None:
    """Raise ConfigError when the file is there and can't be used; a missing one knows no switch."""
    try:
        lines = known_hosts.read_text().split("\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{known_hosts}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{known_hosts}: it is no text") from None
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.strip().startswith("#") and not _is_good(line.strip(), number):
            line_is = "a line is 'NAME TYPE KEY', as 'kaizen switches keys' prints it"
            raise ConfigError(f"{known_hosts}:{number}: it is no host key: {line_is}")


def _is_good(line: str, number: int) -> bool:
    try:
        from paramiko.hostkeys import HostKeyEntry
    except ImportError:
        return True  # a session says what is missing
    try:
        HostKeyEntry.from_line(line, number)
    except Exception:  # whatever is wrong with a key, paramiko raises what its library does
        return False
    return len(line.split()) >= 3


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
