"""What stands around netmiko's session: an end to its time, an eye on the connection, a no to unknown host keys."""

import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Timer
from types import TracebackType
from typing import Any, Self

from kaizen_backups.errors import ConfigError, DataError, printable
from kaizen_backups.switches.redact import redact_line
from kaizen_backups.units import size

MOST = 16 << 20
"""Characters that a switch may say in a session."""
_TAIL = 400


class ClosedError(Exception):
    """There is nothing more to read."""


class UnknownKeyError(Exception):
    """No host key of the switch is known."""

    def __init__(self, key: Any) -> None:
        super().__init__("unknown host key")
        self.key = key


class _Refuse:
    """What paramiko asks about a host key that known_hosts does not have."""

    def missing_host_key(self, _client: object, _name: str, key: Any) -> None:
        raise UnknownKeyError(key)


class Guard:
    """Ends a session when its time is up, whatever it is at, and remembers what was last said.

    `scrub` takes passwords out of that, before it is cut: else a part of one would stay.
    """

    def __init__(self, sock: socket.socket, seconds: float, scrub: Callable[[str], str] = str) -> None:
        self.sock = sock
        self.seconds = seconds
        self._scrub = scrub
        self.over = False
        self.tail = ""
        self._heard = 0
        self._end = time.monotonic() + seconds
        self._timer = Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._timer.cancel()

    def _shut(self) -> None:
        self.over = True
        with suppress(OSError):  # the switch was quicker
            self.sock.shutdown(socket.SHUT_RDWR)

    def left(self) -> float:
        """Return the seconds that the session still has."""
        return max(0.1, self._end - time.monotonic())

    def heard(self, data: str) -> None:
        """Take what the switch has said. Raises DataError when that is more than any configuration."""
        self._heard += len(data)
        if self._heard > MOST:
            raise DataError(f"it answers more than {size(MOST)}")
        self.tail = self._scrub(self.tail + data)[-_TAIL:]

    def last_line(self) -> str:
        """Return the last line that the switch has said, without what may be a secret."""
        lines = [line.strip() for line in re.split(r"[\r\n]+", self.tail) if line.strip()]
        return printable(redact_line(lines[-1]))[:100] if lines else ""


def watched(device_type: str, guard: Guard, name: str, host_keys: Sequence[Any]) -> Any:
    """Return netmiko's class for a kind of switch; it knows the host keys of the one called so and names another one,
    offers no key but the given one, and sees when a connection ends.
    """
    from netmiko import ssh_dispatcher

    try:
        kind: Any = ssh_dispatcher(device_type)
    except KeyError:
        raise ConfigError(f"device_type {device_type}: netmiko knows no such kind") from None

    def read_channel(self: Any) -> str:
        data: str = kind.read_channel(self)
        guard.heard(data)
        if not data and (guard.over or self.remote_conn.closed or self.remote_conn.eof_received):
            raise ClosedError
        return data

    def prepare(self: Any) -> None:
        kind._modify_connection_params(self)
        self.key_policy = _Refuse()

    def client(self: Any) -> Any:
        # Not by the file's name: of a line there that is bad, paramiko would let every switch suffer.
        built = kind._build_ssh_client(self)
        for key in reversed(host_keys):  # of two of one type the first counts
            built.get_host_keys().add(name, key.get_name(), key)
        return built

    def parameters(self: Any) -> dict[str, Any]:
        # With a key of its own a switch is not offered those in ~/.ssh, too.
        return {**kind._connect_params_dict(self), "look_for_keys": False}

    own = {
        "read_channel": read_channel,
        "_modify_connection_params": prepare,
        "_build_ssh_client": client,
        "_connect_params_dict": parameters,
    }
    return type(kind.__name__, (kind,), own)
