"""This collector's SSH certificate, with which it opens doors that do not know its key: when does it end?

ssh presents the file KEY-cert.pub beside the key by itself (ssh_config(5), CertificateFile).
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kaizen_backups.errors import ConfigError

WARN_BEFORE = timedelta(days=14)
_FOR_EVER = 2**64 - 1
# How many fields of its own each type of key has behind the nonce (PROTOCOL.certkeys).
_KEY_FIELDS = {
    "ssh-ed25519-cert-v01@openssh.com": 1,
    "ssh-rsa-cert-v01@openssh.com": 2,
    "ecdsa-sha2-nistp256-cert-v01@openssh.com": 2,
    "ecdsa-sha2-nistp384-cert-v01@openssh.com": 2,
    "ecdsa-sha2-nistp521-cert-v01@openssh.com": 2,
    "sk-ssh-ed25519-cert-v01@openssh.com": 2,
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com": 3,
}


@dataclass(frozen=True)
class Certificate:
    """Who it is for, and until when it is good; None: for ever."""

    name: str
    serial: int
    principals: tuple[str, ...]
    ends: datetime | None

    def warning(self, now: datetime) -> str | None:
        """Say that it ends soon, or has ended; None when there is time."""
        if not self.ends or self.ends - now > WARN_BEFORE:
            return None
        day = f"{self.ends:%Y-%m-%d %H:%M} UTC"
        hint = "'kaizen-onboard ca sign' makes a new one"
        if self.ends <= now:
            return f"this collector's certificate ended on {day}: doors that know only the authority are shut; {hint}"
        return f"this collector's certificate ends on {day}, in {(self.ends - now).days} days; {hint}"

    def as_json(self) -> dict[str, Any]:
        """Return it as `kaizen status --json` prints it."""
        ends = self.ends.strftime("%Y-%m-%dT%H:%M:%SZ") if self.ends else None
        return {"name": self.name, "serial": self.serial, "ends": ends}


def certificate_file(key: Path) -> Path:
    """Return where the certificate of a private key is."""
    return key.with_name(f"{key.name}-cert.pub")


def read_certificate(file: Path) -> Certificate | None:
    """Return the certificate in a file; None when there is no such file. Raises ConfigError."""
    try:
        words = file.read_text().split()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    try:
        return _parse(base64.b64decode(words[1], validate=True))
    except (IndexError, KeyError, ValueError, struct.error, binascii.Error, OverflowError):
        raise ConfigError(f"{file}: is no SSH certificate; 'kaizen-onboard ca sign' makes one") from None


def _parse(blob: bytes) -> Certificate:
    reader = _Reader(blob)
    fields = _KEY_FIELDS[reader.text()]
    for _ in range(1 + fields):
        reader.string()
    serial, _ = reader.numbers(">QI")
    name = reader.text()
    principals = _Reader(reader.string()).all_texts()
    _, ends = reader.numbers(">QQ")
    return Certificate(name, serial, principals, None if ends == _FOR_EVER else datetime.fromtimestamp(ends, UTC))


class _Reader:
    """Reads SSH's wire format (RFC 4251, 5) from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def string(self) -> bytes:
        (length,) = struct.unpack_from(">I", self._data)
        if len(self._data) < 4 + length:
            raise ValueError("cut short")
        found, self._data = self._data[4 : 4 + length], self._data[4 + length :]
        return found

    def text(self) -> str:
        return self.string().decode()

    def all_texts(self) -> tuple[str, ...]:
        found = []
        while self._data:
            found.append(self.text())
        return tuple(found)

    def numbers(self, form: str) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack_from(form, self._data)
        self._data = self._data[struct.calcsize(form) :]
        return found
