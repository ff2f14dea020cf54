"""The certificate authority: who is signed, until when, and how one is left out."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kaizen_backups.certificate import read_certificate
from kaizen_backups.errors import KaizenError
from kaizen_backups.onboard import authority as module
from kaizen_backups.onboard.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "ca")
    made.make()
    return made


def sign(authority: Authority, tmp_path: Path, name: str, days: int = 100) -> str:
    """Sign a new key; return it."""
    file = tmp_path / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file], check=True)
    key = file.with_name(f"{name}.pub").read_text().strip()
    authority.sign(name, key, [], days)
    return key


def ends(authority: Authority, name: str) -> datetime:
    found = read_certificate(authority.file(name))
    assert found
    assert found.ends
    return found.ends


def later(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Let days go by for the authority; ssh-keygen itself goes on counting from now."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            return cls.fromtimestamp((datetime.now(UTC) + timedelta(days=days)).timestamp(), UTC)

    monkeypatch.setattr(module, "datetime", Later)


def test_who_stays_is_good_for_as_long_as_before(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("leaves", "stays"):
        sign(authority, tmp_path, name)
    sign(authority, tmp_path, "ended", days=10)
    was = ends(authority, "ended")
    later(monkeypatch, 20)
    old = authority.public_key()
    assert [file.name for file in authority.renew("leaves")] == ["stays-cert.pub"]
    assert authority.public_key() != old
    assert abs(ends(authority, "stays") - datetime.now(UTC) - timedelta(days=80)) < timedelta(hours=1)
    assert ends(authority, "ended") == was, "what has ended is not brought back"


def test_a_renewal_that_broke_off_can_be_run_again(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("leaves", "stays", "too"):
        sign(authority, tmp_path, name)
    original = Authority.sign
    monkeypatch.setattr(Authority, "sign", lambda *_: (_ for _ in ()).throw(KaizenError("no room")))
    with pytest.raises(KaizenError, match="no room"):
        authority.renew("leaves")
    monkeypatch.setattr(Authority, "sign", original)
    assert len(authority.renew("leaves")) == 2
    authority.forget("leaves")
    assert sorted(authority.record().collectors) == ["stays", "too"]
    assert not authority.file("leaves").exists()
    with pytest.raises(KaizenError, match="nothing was signed"):
        authority.renew("leaves")


def test_whose_certificate_still_opens_doors_is_known_by_name_and_by_key(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = sign(authority, tmp_path, "one")
    assert authority.opens_for("one") == "one"
    assert authority.opens_for("another", key) == "one"
    assert authority.opens_for("another", key.replace("AAAA", "AAAB")) is None
    later(monkeypatch, 101)
    assert authority.opens_for("one") is None


def test_who_is_revoked_is_not_signed_again_and_all_others_are(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "new")
    with pytest.raises(KaizenError, match="'kaizen-onboard ca init' makes one"):
        sign(authority, tmp_path, "early")
    first = authority.make()
    for name in ("a", "b"):
        sign(authority, tmp_path, name)
    with pytest.raises(KaizenError, match="nothing was signed"):
        authority.renew("c")
    assert [file.name for file in authority.renew("a")] == ["b-cert.pub"]
    authority.forget("a")
    assert authority.public_key() != first
    (certificate,) = authority.certificates().values()
    assert (certificate.name, certificate.serial) == ("b", 3)
    assert not authority.file("a").exists()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
