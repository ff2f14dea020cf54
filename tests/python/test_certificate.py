"""A collector's certificate: when it ends, as ssh-keygen itself has made it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kaizen_backups.certificate import Certificate, certificate_file, read_certificate
from kaizen_backups.errors import ConfigError
from kaizen_backups.onboard.authority import Authority

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make_key(path: Path, kind: str) -> str:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "kaizen@x", "-f", str(path)]
    subprocess.run(command, check=True)
    return path.with_name(f"{path.name}.pub").read_text().strip()


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_says_whose_it_is_and_when_it_ends(tmp_path: Path, kind: str) -> None:
    authority = Authority(tmp_path / "ca")
    authority.make()
    file = authority.sign("second.example", make_key(tmp_path / "key", kind), ["192.0.2.1", "2001:db8::/32"], days=30)
    found = read_certificate(file)
    assert found
    assert (found.name, found.serial, found.principals) == ("second.example", 1, ("kaizen-collector",))
    assert found.ends
    assert timedelta(days=29) < found.ends - datetime.now(UTC) <= timedelta(days=30)
    shown = subprocess.run(["ssh-keygen", "-Lf", file], capture_output=True, text=True, check=True).stdout
    assert "source-address 192.0.2.1,2001:db8::/32" in shown
    assert "Extensions: (none)" in shown


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=15), None), (timedelta(days=14), "ends on 2026-12-08 12:00 UTC, in 14 days"),
        (timedelta(0), "ended on 2026-11-24 12:00 UTC"), (timedelta(days=-3), "ended on"),
    ],
)  # fmt: skip
def test_two_weeks_before_its_end_there_is_a_warning(left: timedelta, said: str | None) -> None:
    warning = Certificate("x", 1, (), NOW + left).warning(NOW)
    assert (said in (warning or "")) if said else warning is None
    assert Certificate("x", 1, (), None).warning(NOW) is None


@pytest.mark.parametrize("text", ["", "ssh-ed25519 AAAA", "x y z", "ssh-ed25519-cert-v01@openssh.com AAAAIHNz x"])
def test_what_is_no_certificate_is_named(tmp_path: Path, text: str) -> None:
    file = certificate_file(tmp_path / "key")
    assert read_certificate(file) is None
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"key-cert\.pub: is no SSH certificate"):
        read_certificate(file)
