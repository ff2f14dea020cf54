"""A repository behind a REST server that wants a login and only adds: rclone's, which speaks as restic's own does."""

import asyncio
import re
import shutil
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from kaizen_backups.errors import UnavailableError
from kaizen_backups.history import open_history
from kaizen_backups.offsite.password import initialize
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.offsite.restore import restore_copy
from kaizen_backups.settings import Settings
from kaizen_backups.settings_offsite import Repository
from offsite_nights import DAYS, NODES, SECRET, Offsite

LOGIN, PASSWORD = "kaizen", "it's a/secret:#"


class Rest(Offsite):
    """A store, and a REST server for its copies, with an environment file for the login."""

    def __init__(self, base: Offsite, url: str) -> None:
        self.__dict__ |= base.__dict__
        self.url = url
        self.login_file = self.place / "environment"
        self.login(PASSWORD)
        stated = Repository(
            repository=f"rest:{url}", password_file=self.place / "rest.password", environment_file=self.login_file
        )
        self.settings = self.settings.model_copy(update={"offsite": {"rest": stated}})
        self.restic = Restic("rest", stated, self.settings)

    def login(self, password: str) -> None:
        """Say with which password to log in."""
        self.login_file.touch(0o600)
        self.login_file.write_text(f"RESTIC_REST_USERNAME={LOGIN}\nRESTIC_REST_PASSWORD={password}\n")


@pytest.fixture
def rest(settings: Settings, tmp_path: Path, empty: Path) -> Iterator[Rest]:
    shutil.copytree(empty, tmp_path / "elsewhere")
    (tmp_path / "served").mkdir()
    line = ["rclone", "serve", "restic", "--append-only", "--addr", "127.0.0.1:0"]
    line += ["--user", LOGIN, "--pass", PASSWORD, str(tmp_path / "served")]
    with (
        subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as server,
        open_history(settings.history_file) as history,
    ):
        try:
            assert server.stderr
            found = (re.search(r"http://127\.0\.0\.1:\d+/", said) for said in server.stderr)
            url = next(match[0] for match in found if match)
            yield Rest(Offsite(settings, history, tmp_path / "elsewhere"), url)
        finally:
            server.terminate()


def test_copies_go_there_and_come_back_and_none_can_be_deleted(rest: Rest, tmp_path: Path) -> None:
    asyncio.run(initialize(rest.restic))
    rest.receive(NODES[0], DAYS[0])
    pushed = rest.push()
    assert (pushed.problems, pushed.sent) == ([], [f"{NODES[0]} {DAYS[0]}"])
    (copy,) = rest.history.copies("rest")
    (tmp_path / "back").mkdir()
    asyncio.run(restore_copy(rest.restic, [copy], tmp_path / "back"))
    assert (tmp_path / "back/etc/secret").read_bytes() == SECRET
    (file,) = (tmp_path / "served/snapshots").iterdir()
    key = b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(
        f"{rest.url}snapshots/{file.name}", method="DELETE", headers={"Authorization": f"Basic {key}"}
    )
    with pytest.raises(HTTPError, match="403"):
        urllib.request.urlopen(request)
    assert file.exists()


def test_the_login_stands_in_no_argument_and_in_no_message(rest: Rest) -> None:
    assert not any(PASSWORD[:4] in word or rest.url in word for word in rest.restic.command("snapshots"))
    rest.login("wrong-one")
    with pytest.raises(UnavailableError, match="it refuses the login that the environment_file has") as refused:
        asyncio.run(initialize(rest.restic))
    assert "wrong-one" not in str(refused.value)
