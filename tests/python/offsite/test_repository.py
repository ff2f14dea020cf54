"""restic's arguments and environment: no secret stands in an argument, and no host can be an option."""

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from kaizen_backups.errors import ConfigError, DataError, KaizenError, LockedError, UnavailableError
from kaizen_backups.offsite.password import add_key, initialize
from kaizen_backups.offsite.repository import Restic, parse_snapshots, read_environment, repositories
from kaizen_backups.run import Result
from kaizen_backups.settings import Settings
from kaizen_backups.settings_offsite import Repository
from offsite_nights import Offsite


def restic(settings: Settings, url: str, **fields: object) -> Restic:
    return Restic("cluster", Repository.model_validate({"repository": url, **fields}), settings)


@pytest.mark.parametrize(
    "url",
    [
        "/srv/offsite",
        "sftp://kaizen@offsite.example/srv/offsite",
        "sftp://kaizen@offsite.example:2222/srv/offsite",
        "ssh://kaizen-offsite@offsite.example",
        "rest:https://offsite.example:8000/kaizen/",
        "rest:http://127.0.0.1:8000/",
        "s3:https://s3.example/bucket",
    ],
)
def test_a_repository_can_be(url: str) -> None:
    assert Repository(repository=url).repository == url


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("srv/offsite", "must be an absolute path"),
        ("/srv/../etc", "must be an absolute path"),
        ("sftp://offsite.example/srv", "must say a user and a host"),
        ("sftp://-oProxyCommand=x@offsite.example/srv", "must say a user and a host"),
        ("ssh://kaizen@-oProxyCommand=x", "must"),
        ("sftp://kaizen@offsite.example", "the directory, too"),
        ("ssh://kaizen@offsite.example/srv", "must say no directory"),
        ("rest:http://offsite.example/", "must be an absolute path"),
        ("rest:https://kaizen:secret@offsite.example/", "must hold no password"),
        ("sftp://kaizen:secret@offsite.example/srv", "must hold no password"),
        ("s3:https://s3.example/bucket?x", "must be an absolute path"),
        ("/srv/off site", "must be an absolute path"),
    ],
)
def test_it_can_not_be(url: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Repository(repository=url)


def test_over_ssh_only_the_known_host_key_counts_and_no_setting_of_anybody(settings: Settings) -> None:
    line = " ".join(restic(settings, "ssh://kaizen@offsite.example:2222").command("snapshots"))
    for option in (
        "StrictHostKeyChecking=yes",
        "-F /dev/null",
        "-p 2222",
        "BatchMode=yes",
        f"IdentityFile={settings.key}",
    ):
        assert option in line
    assert "--repo=rclone:store" in line


def test_a_rate_is_restic_s_in_kibibytes(settings: Settings) -> None:
    assert "--limit-upload=20480" in restic(settings, "/srv/x", rate="20m").command("backup")


def test_an_environment_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("# keys\nAWS_ACCESS_KEY_ID=id\nexport AWS_SECRET_ACCESS_KEY='se cret'\n")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 0600"):
        read_environment(file)
    file.chmod(0o600)
    assert read_environment(file) == {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "se cret"}


def test_an_environment_file_can_not_take_over_restic(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("LD_PRELOAD=/tmp/x.so\n")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="environment:1: expected NAME=value"):
        read_environment(file)


@pytest.mark.parametrize(
    ("said", "kind", "meaning"),
    [
        ("Fatal: wrong password or no key found", ConfigError, "its password is not the one"),
        (
            "Fatal: unable to create lock in backend: repository is already locked by PID 7",
            LockedError,
            "another program",
        ),
        ("Fatal: server response unexpected: 500", UnavailableError, "server response unexpected"),
        ("Save(<data/x>) returned error, retrying: no space left on device", KaizenError, "it is full"),
        ("error in cleanup handler: rclone stdio connection already closed", UnavailableError, "broke off"),
        ("Fatal: unable to save snapshot: server response unexpected: 403 Forbidden (403)", UnavailableError, "full?"),
    ],
)
def test_what_restic_says_is_told_in_a_line(
    settings: Settings, said: str, kind: type[KaizenError], meaning: str
) -> None:
    error = restic(settings, "/srv/x").failure(Result(1, "", f"{said}\nmore of it\n"))
    assert type(error) is kind
    assert str(error).startswith("offsite.cluster: ")
    assert meaning in str(error)


def test_what_others_put_into_the_repository_is_left_out() -> None:
    assert parse_snapshots('[{"id": "1", "hostname": "n", "time": "2026", "tags": ["kaizen", "snapshot=x"]}]') == []
    assert parse_snapshots("null") == []
    with pytest.raises(DataError):
        parse_snapshots("{")


def test_a_name_that_is_none_is_an_error_that_says_which_there_are(offsite: Offsite) -> None:
    with pytest.raises(ConfigError, match="tape is none of the repositories: disk"):
        repositories(offsite.settings, ["tape"])


def test_the_password_is_made_once_and_for_root_alone(offsite: Offsite, tmp_path: Path) -> None:
    assert asyncio.run(initialize(offsite.restic)) is None
    assert offsite.restic.password_file.stat().st_mode & 0o777 == 0o600
    fresh = Repository(repository=str(tmp_path / "fresh"), password_file=tmp_path / "keys/fresh")
    other = Restic("fresh", fresh, offsite.settings)
    password = asyncio.run(initialize(other))
    assert password
    assert (tmp_path / "keys/fresh").read_text() == f"{password}\n"
    assert (tmp_path / "keys/fresh").stat().st_mode & 0o777 == 0o600
    assert not any(password in word for word in other.command("snapshots"))


def test_a_repository_that_has_another_password_is_no_new_one(offsite: Offsite) -> None:
    offsite.restic.password_file.unlink()
    with pytest.raises(ConfigError, match="there is a repository already"):
        asyncio.run(initialize(offsite.restic))
    assert not offsite.restic.password_file.exists()


def test_a_second_password_opens_it_too(offsite: Offsite, tmp_path: Path) -> None:
    second = tmp_path / "second"
    asyncio.run(add_key(offsite.restic, second))
    assert second.stat().st_mode & 0o777 == 0o600
    stated = offsite.restic.stated.model_copy(update={"password_file": second})
    assert asyncio.run(Restic("disk", stated, offsite.settings).copies()) == []
    with pytest.raises(KaizenError, match="is there already"):
        asyncio.run(add_key(offsite.restic, second))
