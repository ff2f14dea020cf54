"""What `kaizen status --json` prints is what docs/status.schema.json says."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from kaizen_backups.cli.main import cli
from kaizen_backups.history import open_history
from kaizen_backups.nodes_yaml import to_yaml
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.sums import Checked
from samples import make_node

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/status.schema.json").read_text())

ENCRYPTED = ["/dumps/mysql/nova.sql.zst.age", "/dumps/packages.age"]


@pytest.fixture
def today() -> date:
    """Return a date that stays today's for the length of a test: shortly before midnight this waits for the next."""
    while (datetime.now().astimezone() + timedelta(seconds=30)).date() != (now := datetime.now().astimezone()).date():
        time.sleep(1)
    return now.date()


@pytest.fixture
def config(settings: Settings, tmp_path: Path, today: date) -> Path:
    """Return the settings' file, of two nodes that are known and one that never came."""
    settings.state.mkdir(exist_ok=True)
    settings.nodes_file.write_text(to_yaml(make_node(name) for name in ("good", "failing", "new")))
    with open_history(settings.history_file) as history:
        for age in range(9, -1, -1):
            snapshot = Snapshot(today - timedelta(days=age))
            (settings.store / "good" / str(snapshot)).mkdir(parents=True)
            size = (10 if age else 1) << 20
            checked = Checked(3, size, 1, 9, "0" * 64, {"mysql/nova.sql.zst": size})
            came = f"{snapshot}T12:00:00Z" if age else None
            history.add_snapshot("good", snapshot, checked, came, ["the disk is slow"])
            history.add_attempt("good", 1.5, 1, None)
        history.add_attempt("failing", 1.5, 0, "cannot be reached")
        history.add_drill("good", Snapshot(today), 1.0, ["x"], {})
        history.add_drill(
            "new", Snapshot(today), 1.0, [], {}, unchecked=["/dumps/mysql/nova.sql.zst.age", "/dumps/packages.age"]
        )
        history.set_node_verified("good")
    (tmp_path / "c.yaml").write_text(f"store: {settings.store}\nstate: {settings.state}\n")
    return tmp_path / "c.yaml"


def ask(config: Path, *arguments: str) -> str:
    return CliRunner().invoke(cli, ["--config", str(config), "status", *arguments]).stdout


@pytest.mark.parametrize("node", [(), ("good",), ("failing",), ("new",)])
def test_the_schema_describes_what_is_printed(config: Path, node: tuple[str, ...]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    printed = json.loads(ask(config, *node, "--json"))
    assert list(Draft202012Validator(SCHEMA).iter_errors(printed)) == []


def test_the_schema_would_refuse_something_else(config: Path) -> None:
    printed = json.loads(ask(config, "--json"))
    printed["nodes"][0]["state"] = "splendid"
    assert list(Draft202012Validator(SCHEMA).iter_errors(printed))


def test_one_node_in_depth_shows_every_night_and_every_warning(config: Path, today: date) -> None:
    shown = ask(config, "good")
    assert f"{today}: unusual: much smaller: 1.0 MiB, where 10.0 MiB are usual" in shown
    assert f"{today}: unusual: dump mysql/nova.sql.zst shrank" in shown
    assert shown.count("warning: the disk is slow") == 10
    assert sum(line.startswith(str(today)[:3]) and " odd " in line for line in shown.splitlines()) == 10
    assert "proven   failed" in shown


def test_a_drill_proves_nothing_of_encrypted_dumps(config: Path, today: date) -> None:
    assert json.loads(ask(config, "new", "--json"))["unchecked"] == ENCRYPTED
    row = next(line for line in ask(config).splitlines() if line.startswith("new"))
    for shown in (row, ask(config, "new")):
        assert f"{datetime.now(UTC).date()}, but for 2 encrypted dumps" in shown


def test_the_table_has_age_trend_and_what_is_unusual(config: Path) -> None:
    lines = ask(config).splitlines()
    good = next(line for line in lines if line.startswith("good"))
    assert "-90%" in good
    assert "0 min" in good
    assert good.endswith("1 warning")
    assert "much smaller: 1.0 MiB, where 10.0 MiB are usual" in good
    assert lines[-1] == "1 of 3 nodes are safe: 2 never, 1 fresh; 1 unusual"


def test_a_node_in_depth_that_is_not_safe_exits_1(config: Path) -> None:
    run = CliRunner().invoke(cli, ["--config", str(config), "status", "new"])
    assert run.exit_code == 1
    assert "never collected" in run.stdout
    assert CliRunner().invoke(cli, ["--config", str(config), "status", "good"]).exit_code == 0
