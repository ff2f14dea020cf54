"""`kaizen-onboard`, as a user runs it; what it does on hosts is tried on the fleet (tests/e2e)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kaizen_backups.cli.onboard import with_command
from kaizen_backups.cli.onboard.accept import read_line
from kaizen_backups.cli.onboard.bundle import introduction
from kaizen_backups.lock import only_run
from kaizen_backups.nodes_yaml import to_yaml
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.registry import find, register
from kaizen_backups.settings import Settings
from samples import host_key, make_node

PROGRAM = Path(sys.executable).with_name("kaizen-onboard")
COMMANDS = ["add", "list", "check", "remove", "upgrade", "bundle", "accept", "collector", "import-legacy"]
COMMANDS += ["ca", "ca init", "ca sign", "ca show", "ca revoke"]
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ kaizen@x"


@pytest.fixture
def config(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "collector.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    (tmp_path / "key.pub").write_text(f"{PUBLIC_KEY}\n")
    return path


def onboard(config: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--config", str(config)] if config else []
    environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    return subprocess.run(
        [PROGRAM, *options, *arguments], capture_output=True, text=True, check=False, env=environment, stdin=-3
    )


def introduced(name: str, address: str = "192.0.2.1", key: str = "1") -> str:
    """Return the line that a bundle prints on a host."""
    return f"{introduction(name, address, 22, Declaration())} {host_key(key)}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = onboard(None, *command.split(), "--help")
    assert result.returncode == 0, result.stderr
    assert "Example" in result.stdout
    assert f"kaizen-onboard {command.removeprefix('add')}".strip() in result.stdout


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = onboard(None, "--help").stdout
    for command in {command.split()[0] for command in COMMANDS}:
        assert f"  {command} " in shown
    assert "75 another run holds the lock" in " ".join(shown.split())


def test_the_version_is_the_packages() -> None:
    assert onboard(None, "--version").stdout.startswith("kaizen-onboard ")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["www"], ["add", "www"]), (["--role", "x", "www"], ["add", "--role", "x", "www"]), (["list"], ["list"]),
        (["--config", "c", "www"], ["--config", "c", "add", "www"]), (["--config=c", "list"], ["--config=c", "list"]),
        ([], []), (["--help"], ["--help"]), (["add", "list"], ["add", "list"]),
    ],
)  # fmt: skip
def test_a_host_needs_no_command(given: list[str], meant: list[str]) -> None:
    assert with_command(given) == meant


@pytest.mark.parametrize(
    "arguments",
    [
        ["www", "--fly"], ["check"], ["check", "www", "--all"], ["root@www"], ["www", "--at", "25:00"],
        ["www", "--keep-days", "0"], ["bundle", "www", "--path", "srv"], ["bundle", "WWW_", "--address", "x y"],
        ["remove", "../collector", "--forget"], ["collector", "x"],
        ["collector", "x", "--remove", "--from", "192.0.2.1"], ["ca", "sign", "x"],
    ],
)  # fmt: skip
def test_a_wrong_usage_exits_2_and_says_what(config: Path, arguments: list[str]) -> None:
    result = onboard(config, *arguments)
    assert (result.returncode, "Error: " in result.stderr) == (2, True), result.stderr
    assert "Traceback" not in result.stderr


def test_what_cannot_be_is_said_in_a_line(config: Path, settings: Settings, tmp_path: Path) -> None:
    assert settings.sources.nodes_d
    (settings.sources.nodes_d / "hand.yaml").write_text("address: 192.0.2.1\n")
    before = sorted(file.name for file in settings.sources.nodes_d.iterdir())
    settings.nodes_file.parent.mkdir(exist_ok=True)
    settings.nodes_file.write_text(to_yaml([make_node("puppets.example", origin="puppetdb")]))
    for arguments, code, said in (
        (["puppets.example"], 1, "is known from Puppet (puppetdb); leave it to Puppet"),
        (["nowhere.invalid"], 69, "nowhere.invalid cannot be reached by ssh: "),
        (["hand"], 1, "was written by hand; move it away"),
        (["check", "www"], 1, "has onboarded no such host"),
        (["check", "--all"], 1, "has onboarded no host"),
        (["remove", "www"], 1, "--yes does it without asking"),
        (["remove", "puppets.example", "--purge-local", "--yes"], 1, "is known from Puppet (puppetdb); leave it"),
        (["remove", "hand", "--yes"], 1, "was written by hand"),
        (["remove", "hand", "--forget"], 1, "has onboarded no such host"),
        (["accept", introduced("puppets.example"), "--yes"], 1, "is known from Puppet (puppetdb); leave it"),
        (["accept", introduced("hand"), "--yes"], 1, "was written by hand"),
        (["accept", "nonsense"], 1, "the line is not as a bundle prints it"),
    ):
        result = onboard(config, *arguments)
        assert (result.returncode, said in result.stderr) == (code, True), (arguments, result.stderr)
        assert len(result.stderr.splitlines()) <= 2
    assert sorted(file.name for file in settings.sources.nodes_d.iterdir()) == before
    (tmp_path / "key.pub").unlink()
    assert onboard(config, "check", "--all").returncode == 78


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (introduced("known.example", address="192.0.2.9"), "with another address: 192.0.2.1 port"),
        (introduced("known.example", key="2"), "with another host key: SHA256:"),
    ],
)
def test_a_line_takes_no_other_hosts_place(config: Path, settings: Settings, line: str, said: str) -> None:
    register(settings, read_line(introduced("known.example")))
    before = find(settings, "known.example")
    result = onboard(config, "accept", line, "--yes")
    assert (result.returncode, said in result.stderr) == (1, True), result.stderr
    assert find(settings, "known.example") == before


def test_there_is_one_at_a_time(config: Path, settings: Settings) -> None:
    with only_run(settings.state / "onboard.lock"):
        result = onboard(config, "upgrade", "--all")
    assert result.returncode == 75


def test_a_bundle_is_a_script_that_can_be_read(config: Path) -> None:
    result = onboard(config, "bundle", "www.example", "--role", "website", "--scheduler", "timer")
    assert result.returncode == 0, result.stderr
    checked = subprocess.run(["shellcheck", "-"], input=result.stdout, capture_output=True, text=True, check=False)
    assert checked.stdout == ""
    assert "\n|role = website\n" in result.stdout
    assert "\ntimer on\nintroduce kaizen1 " in result.stdout
    assert PUBLIC_KEY in result.stdout
