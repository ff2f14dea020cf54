"""Passwords come from where the administrator says, once, and are in no message."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.errors import ConfigError
from kaizen_backups.switches.credentials import Login, Vault
from kaizen_backups.switches.families import FAMILIES
from kaizen_backups.switches.inventory import Source, Switch

SECRET = "s3cr3t words"


def switch(source: Source) -> Switch:
    return Switch("leaf1", "10.0.0.1", FAMILIES["nos"], "backup", source, None, None, 22, 60)


def login(source: Source) -> Login:
    return asyncio.run(Vault().login(switch(source)))


def password(source: Source) -> str:
    found = login(source).password
    assert found
    return found.get_secret_value()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with a password, which root alone may read."""
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\nand notes\n")
    path.chmod(0o600)
    return path


def script(where: Path, text: str) -> Source:
    """Return a source that is a command."""
    where.write_text(f"#!/bin/sh\n{text}\n")
    where.chmod(0o700)
    return Source(command=(str(where), "switches/leaf1"))


def test_it_is_the_first_line_of_a_file_that_nobody_else_may_read(file: Path) -> None:
    assert password(Source(file=file)) == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"password: {file}: others may read it"):
        login(Source(file=file))


def test_a_file_of_another_user_is_refused(file: Path) -> None:
    os.chown(file, 1, 1)
    with pytest.raises(ConfigError, match="others may read it"):
        login(Source(file=file))


@pytest.mark.parametrize(
    ("make", "complaint"),
    [(lambda _: None, "No such file"), (lambda path: path.touch(0o644), "others may read it")],
)
def test_a_key_that_cannot_be_used_is_named(tmp_path: Path, make: Callable[[Path], None], complaint: str) -> None:
    key = tmp_path / "key"
    make(key)
    one = Switch("leaf1", "10.0.0.1", FAMILIES["nos"], "backup", None, None, key, 22, 60)
    with pytest.raises(ConfigError, match=f"^key: {key}: {complaint}"):
        asyncio.run(Vault().login(one))


def test_it_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAF", SECRET)
    assert password(Source(environment="LEAF")) == SECRET
    with pytest.raises(ConfigError, match="password: the environment variable OTHER holds none"):
        login(Source(environment="OTHER"))


def test_it_is_what_a_command_prints_which_has_the_home_that_pass_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/of/mine")
    monkeypatch.setenv("OTHER", "not passed on")
    assert password(script(tmp_path / "pass", 'echo "$HOME $1 $OTHER"')) == "/home/of/mine switches/leaf1 "


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"echo {SECRET}; echo 'no such key' >&2; exit 3", "pass: no such key"),
        ("exit 0", "pass holds none"),
        ("yes", "pass: what it answers is endless"),
    ],
)
def test_a_command_that_fails_is_named_without_what_it_printed(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        login(script(tmp_path / "pass", text))
    assert complaint in str(error.value)
    assert SECRET not in str(error.value)


def test_switches_that_share_a_password_have_it_fetched_once(tmp_path: Path) -> None:
    source = script(tmp_path / "pass", f'echo asked >>{tmp_path}/log; echo "{SECRET}"')

    async def many() -> None:
        vault = Vault()
        await asyncio.gather(*(vault.login(switch(source)) for _ in range(5)))

    asyncio.run(many())
    assert (tmp_path / "log").read_text() == "asked\n"


def test_a_login_that_is_printed_shows_no_password(file: Path) -> None:
    found = login(Source(file=file))
    assert SECRET not in f"{found} {found!r}"
    assert found.scrub(f"it said {SECRET}!") == "it said ***!"
