"""collector.yaml: where a second copy of the snapshots goes, and what may be forgotten there."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from kaizen_backups.node import Address, User
from kaizen_backups.settings_values import AbsolutePath, Section
from kaizen_backups.units import Rate

_FORMS = (
    "must be an absolute path, sftp://USER@HOST/PATH, ssh://USER@HOST (an append-only door),"
    " rest:https://HOST/PATH or s3:https://HOST/BUCKET"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("must be a name of lower-case letters, digits, '-' and '_'")
    return name


def _repository(url: str) -> str:
    """Take what says a place and no more: a password in it would stand in restic's arguments."""
    if not url.isascii() or not url.isprintable() or any(c in " \"'\\" for c in url):
        raise ValueError(_FORMS)
    if url.startswith("/"):
        if ".." in Path(url).parts:
            raise ValueError(_FORMS)
        return url
    try:
        kind, parts = _parts(url)
        port = parts.port
    except ValueError:
        raise ValueError(_FORMS) from None
    if not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise ValueError(_FORMS)
    if parts.password is not None or (kind in ("rest", "s3") and parts.username is not None):
        raise ValueError("must hold no password; keys go into the environment_file")
    if kind in ("sftp", "ssh"):
        _check_login(parts.username, parts.hostname)
        if kind == "sftp" and parts.path in ("", "/"):
            raise ValueError("must say the directory, too: sftp://USER@HOST/PATH")
        if kind == "ssh" and parts.path not in ("", "/"):
            raise ValueError("must say no directory: ssh://USER@HOST; the host's forced command knows it")
    return url


def _parts(url: str) -> tuple[str, SplitResult]:
    kind, colon, rest = url.partition(":")
    if kind in ("rest", "s3") and colon:
        parts = urlsplit(rest)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
            raise ValueError
        return kind, parts
    if kind not in ("sftp", "ssh") or not rest.startswith("//"):
        raise ValueError
    return kind, urlsplit(url)


def _check_login(user: str | None, host: str) -> None:
    """Take for ssh's arguments only what is a user's and a host's name."""
    try:
        TypeAdapter(User).validate_python(user or "")
        TypeAdapter(Address).validate_python(host)
    except ValidationError:
        raise ValueError("must say a user and a host: USER@HOST") from None


RepositoryName = Annotated[str, AfterValidator(_name)]
RepositoryUrl = Annotated[str, AfterValidator(_repository)]


class Forget(Section):
    """What `kaizen offsite forget` keeps of each node, by the day on which a copy arrived; 0 turns a rule off."""

    days: int = Field(default=30, ge=1, le=36500, description="every copy that arrived in the last so many days")
    weeks: int = Field(default=8, ge=0, le=5200, description="the newest of each of the last so many weeks")
    months: int = Field(default=12, ge=0, le=1200, description="the newest of each of the last so many months")
    newest: int = Field(default=3, ge=1, le=1000, description="so many newest copies of each node, however old")


class Repository(Section):
    """One restic repository."""

    repository: RepositoryUrl = Field(
        description="where it is: a directory, sftp://USER@HOST/PATH, ssh://USER@HOST (an append-only door, see"
        " 'kaizen-onboard offsite'), rest:https://HOST/PATH or s3:https://HOST/BUCKET",
        examples=["ssh://kaizen-offsite@offsite.example"],
    )
    password_file: AbsolutePath | None = Field(
        default=None,
        description="what opens it; made by 'kaizen offsite init'; /etc/kaizen/offsite/NAME.password unless told",
        examples=["/etc/kaizen/offsite/NAME.password"],
    )
    environment_file: AbsolutePath | None = Field(
        default=None,
        description="NAME=value lines, for root alone: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for S3,"
        " RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD for REST",
        examples=["/etc/kaizen/offsite/NAME.environment"],
    )
    key: AbsolutePath | None = Field(
        default=None,
        description="the private key for sftp:// and ssh://; the one for the nodes' doors unless told",
        examples=["/etc/kaizen/ssh/id_ed25519"],
    )
    known_hosts: AbsolutePath = Field(
        default=Path("/etc/kaizen/offsite/known_hosts"), description="the host keys of sftp:// and ssh:// hosts"
    )
    rate: Rate | None = Field(default=None, description="bytes a second that go there at most", examples=["20m"])
    jobs: int = Field(default=2, ge=1, le=100, description="how many nodes' snapshots go there at the same time")
    forget: Forget = Field(
        default=Forget(), description="what 'kaizen offsite forget' keeps there, by the day of arrival"
    )
