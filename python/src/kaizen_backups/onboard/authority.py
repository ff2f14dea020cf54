"""The SSH certificate authority: nodes trust it for the door alone, so a new collector needs a signed key, and no node.

    /etc/kaizen/ca/ca, ca.pub       the authority's key pair
    /etc/kaizen/ca/issued.yaml      whom it has signed, and for how long
    /etc/kaizen/ca/certs/NAME-cert.pub

A certificate can't be taken back by itself: nodes keep no list of those that are void. So whoever is to be locked out
before a certificate ends is locked out by a new authority, which signs all the others again.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from kaizen_backups.atomic import write_atomically
from kaizen_backups.certificate import Certificate, read_certificate
from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.node import NodeName
from kaizen_backups.onboard.access import read_public_key
from kaizen_backups.onboard.declaration import IpAddress, PublicKey
from kaizen_backups.onboard.render import PRINCIPAL
from kaizen_backups.yaml_file import load_model

PLACE = Path("/etc/kaizen/ca")
_DAY = 86400  # seconds


class Issued(BaseModel):
    """One certificate: for which key, from which addresses, for how many days, with which number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: PublicKey
    hosts: tuple[IpAddress, ...] = ()
    days: int = Field(default=365, ge=1, le=3660)
    serial: int = Field(default=1, ge=1)


class Record(BaseModel):
    """Every collector that was signed, by name, and the number of the last certificate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    serial: int = 0
    collectors: dict[NodeName, Issued] = {}


def sign_command(authority: Path, name: str, issued: Issued, key: Path, seconds: int) -> list[str]:
    """Return the ssh-keygen that signs a public key: for one principal, so many seconds, and no right beside."""
    source = ["-O", f"source-address={','.join(issued.hosts)}"] if issued.hosts else []
    return [
        *("ssh-keygen", "-q", "-s", str(authority), "-I", name, "-n", PRINCIPAL),
        *("-V", f"-5m:+{seconds}s", "-z", str(issued.serial), "-O", "clear", *source),
        str(key),
    ]


class Authority:
    """The authority in a directory."""

    def __init__(self, place: Path = PLACE) -> None:
        self._place = place
        self._key = place / "ca"

    @property
    def exists(self) -> bool:
        """Has it been made?"""
        return self._key.exists()

    def public_key(self) -> str:
        """Return its public key. Raises KaizenError when there is no authority."""
        if not self.exists:
            raise KaizenError(f"there is no authority in {self._place}; 'kaizen-onboard ca init' makes one")
        return read_public_key(self._key.with_name("ca.pub"))

    def make(self) -> str:
        """Make its key pair, in place of one that is there; return the public key. Raises KaizenError."""
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._place) as fresh:
            pair = Path(fresh) / "ca"
            _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kaizen-collectors", "-f", str(pair)])
            # The public half first: without the private one there is no authority yet.
            (Path(fresh) / "ca.pub").replace(self._key.with_name("ca.pub"))
            pair.replace(self._key)
        return self.public_key()

    def record(self) -> Record:
        """Return whom it has signed. Raises ConfigError."""
        return load_model(self._place / "issued.yaml", Record) if (self._place / "issued.yaml").exists() else Record()

    def sign(self, name: str, key: str, hosts: Sequence[str], days: int, seconds: int | None = None) -> Path:
        """Sign a collector's key for so many days, or for what is left of them; return the certificate's file.

        Raises KaizenError, ValidationError.
        """
        self.public_key()
        record = self.record()
        issued = Issued(key=key, hosts=tuple(hosts), days=days, serial=record.serial + 1)
        record = Record(serial=issued.serial, collectors={**record.collectors, name: issued})
        # Written down first: what was signed must be known, and a number is never used twice.
        self._write(record)
        return self._certify(name, issued, issued.days * _DAY if seconds is None else seconds)

    def renew(self, leaving: str) -> list[Path]:
        """Begin anew with another key, and sign everybody but that collector again, until when they were good before.

        The one who leaves stays on record until it is forgotten, so that this can be run again, should what comes after
        it break off. Raises KaizenError.
        """
        if leaving not in self.record().collectors:
            raise KaizenError(
                f"{leaving}: nothing was signed for a collector of that name; see 'kaizen-onboard ca show'"
            )
        left = {name: seconds for name, seconds in self._left().items() if name != leaving}
        self.make()
        others = self.record().collectors
        return [
            self.sign(name, others[name].key, others[name].hosts, others[name].days, seconds)
            for name, seconds in left.items()
        ]

    def forget(self, name: str) -> None:
        """Take a collector off the record, with its certificate."""
        record = self.record()
        others = {other: issued for other, issued in record.collectors.items() if other != name}
        self._write(Record(serial=record.serial, collectors=others))
        self.file(name).unlink(missing_ok=True)

    def opens_for(self, name: str, key: str | None = None) -> str | None:
        """Return the name that a collector, known by its name or its key, has a certificate under that is good yet."""
        collectors = self.record().collectors
        blob = key.split(" ")[1] if key else None
        same = [one for one, issued in collectors.items() if one == name or issued.key.split(" ")[1] == blob]
        return next((one for one in same if one in self._left()), None)

    def _left(self) -> dict[str, int]:
        """Return for how many seconds each collector's certificate is good yet, for those that are."""
        now = datetime.now(UTC)
        found = {name: certificate.ends for name, certificate in self.certificates().items()}
        return {name: int((ends - now).total_seconds()) for name, ends in found.items() if ends and ends > now}

    def file(self, name: str) -> Path:
        """Return where a collector's certificate is."""
        return self._place / "certs" / f"{name}-cert.pub"

    def certificates(self) -> dict[str, Certificate]:
        """Return the certificates that are there, by the collector's name. Raises ConfigError."""
        found = {name: read_certificate(self.file(name)) for name in self.record().collectors}
        return {name: certificate for name, certificate in found.items() if certificate}

    def _write(self, record: Record) -> None:
        text = yaml.safe_dump(record.model_dump(mode="json", exclude_defaults=True), width=10_000)
        write_atomically(self._place / "issued.yaml", f"# Written by kaizen-onboard ca.\n{text}", mode=0o600)

    def _certify(self, name: str, issued: Issued, seconds: int) -> Path:
        target = self.file(name)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._place) as fresh:
            key = Path(fresh) / "key.pub"
            key.write_text(f"{issued.key}\n")
            _run(sign_command(self._key, name, issued, key, seconds))
            (Path(fresh) / "key-cert.pub").replace(target)
        return target


def days_left(certificate: Certificate) -> int | None:
    """Return how many days a certificate is good yet; None: for ever."""
    return (certificate.ends - datetime.now(UTC)).days if certificate.ends else None


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ConfigError(f"{command[0]} is not installed on this collector") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise KaizenError(f"{command[0]}: {said[-1] if said else f'exit code {done.returncode}'}")
