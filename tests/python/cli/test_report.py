"""`kaizen report`, as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from every_state import every_state
from kaizen_backups.cli.collect import update_report
from kaizen_backups.settings import Settings
from kaizen_backups.settings_told import StatusPage

KAIZEN = Path(sys.executable).with_name("kaizen")


@pytest.fixture
def config(settings: Settings, tmp_path: Path) -> Path:
    settings.store.mkdir()
    settings.state.mkdir()
    every_state(settings)
    return configure(settings, tmp_path)


def configure(settings: Settings, tmp_path: Path, **report: str) -> Path:
    path = tmp_path / "collector.yaml"
    stated = settings.model_dump(mode="json") | ({"report": report} if report else {})
    path.write_text(yaml.safe_dump({key: value for key, value in stated.items() if value is not None}))
    return path


def report(config: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(KAIZEN), "--config", str(config), "report", *arguments]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def test_it_goes_where_the_settings_say_and_says_where_that_is(
    settings: Settings, config: Path, tmp_path: Path
) -> None:
    configure(settings, tmp_path, directory=str(tmp_path / "site"))
    result = report(config)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{tmp_path}/site/index.html\n", "")
    assert "nodes are safe" in (tmp_path / "site" / "index.html").read_text()


def test_it_goes_elsewhere_when_it_is_told(config: Path, tmp_path: Path) -> None:
    result = report(config, "--to", "here", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"{tmp_path}/here/index.html\n")
    assert (tmp_path / "here" / "node" / "fresh.html").exists()


def test_without_a_place_it_asks_for_one(config: Path) -> None:
    result = report(config)
    assert result.returncode == 2
    assert "has no 'report', so --to must say where the status page goes" in result.stderr


def test_what_is_wrong_with_the_place_or_the_group_is_one_line(
    settings: Settings, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "facts" / "one.json").write_text("{}")
    result = report(config, "--to", str(tmp_path / "facts"))
    assert result.returncode == 1
    assert result.stderr.startswith(f"kaizen: {tmp_path}/facts holds something that is no report")
    configure(settings, tmp_path, directory=str(tmp_path / "site"), group="nobodys-friends")
    result = report(config)
    assert result.returncode == 78
    assert result.stderr == "kaizen: report: group: there is no group nobodys-friends here\n"


def test_after_a_collection_a_page_that_fails_is_said_and_does_no_harm(
    settings: Settings, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    update_report(settings)
    assert capsys.readouterr().err == ""
    (tmp_path / "taken").write_text("somebody's own")
    update_report(settings.model_copy(update={"report": StatusPage(directory=tmp_path / "taken")}))
    assert "kaizen: the status page is not up to date: " in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "somebody's own"
