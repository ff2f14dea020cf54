"""A certificate authority of the tests' own, and certificates that it signed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """A CA in a directory of its own."""

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.ca = directory / "ca.pem"
        self._key = directory / "ca.key"
        _openssl("req", "-x509", *_EC, "-days", "30", "-subj", f"/CN={name}", "-out", self.ca, "-keyout", self._key)

    def sign(self, name: str) -> Certificate:
        """Return a new certificate for a host of that name, which also has this machine's address."""
        made = Certificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        request = self._directory / f"{name}.csr"
        _openssl("req", *_EC, "-subj", f"/CN={name}", "-out", request, "-keyout", made.key)
        alternatives = self._directory / f"{name}.ext"
        alternatives.write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
        signing: list[str | Path] = ["-CA", self.ca, "-CAkey", self._key, "-CAcreateserial", "-extfile", alternatives]
        _openssl("x509", "-req", "-days", "30", "-in", request, *signing, "-out", made.cert)
        return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
