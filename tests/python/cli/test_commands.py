"""The program, as a user runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kaizen_backups.history import open_history
from kaizen_backups.lock import only_run
from kaizen_backups.settings import Settings
from samples import host_key

KAIZEN = Path(sys.executable).with_name("kaizen")
COMMANDS = [
    *(
        "collect",
        "config check",
        "config example",
        "drill",
        "find",
        "history",
        "history rebuild",
        "nodes list",
        "nodes refresh",
        "nodes show",
    ),
    *("nodes diff", "nodes fact", "notify", "prune", "report", "restore", "restore-db", "status", "verify"),
]


@pytest.fixture
def config(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "collector.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    assert settings.sources.nodes_d
    for name in ("one", "two"):
        host = {"address": f"{name}.example", "host_keys": [host_key(name)]}
        (settings.sources.nodes_d / f"{name}.yaml").write_text(yaml.safe_dump(host))
    return path


def kaizen(config: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--config", str(config)] if config else []
    environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    return subprocess.run([KAIZEN, *options, *arguments], capture_output=True, text=True, check=False, env=environment)


def test_the_version_is_the_modules() -> None:
    metadata = json.loads((Path(__file__).parents[3] / "metadata.json").read_text())
    assert kaizen(None, "--version").stdout == f"kaizen {metadata['version']}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = kaizen(None, *command.split(), "--help")
    assert result.returncode == 0
    assert "Example" in result.stdout
    assert f"kaizen {command.removesuffix(' list')}" in result.stdout


@pytest.mark.parametrize("command", ["nodes", "nodes refresh", "status", "prune", "verify", "collect --help"])
def test_no_command_loads_what_asks_puppetdb_where_it_is_not_asked(config: Path, command: str) -> None:
    """It takes as long to load as all else together."""
    line = [sys.executable, "-X", "importtime", str(KAIZEN), "--config", str(config), *command.split()]
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")}
    assert "kaizen_backups.cli.main" in loaded
    assert loaded.isdisjoint({"requests", "pypuppetdb", "urllib3", "kaizen_backups.puppetdb"})


def test_help_names_every_command_and_the_exit_codes() -> None:
    result = kaizen(None, "--help")
    for command in {command.split()[0] for command in COMMANDS}:
        assert f"  {command} " in result.stdout
    assert "75 another run holds the lock" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"], ["status", "--fast"], ["--nothing"], ["nodes", "show"],
        ["collect", "--limit-rate", "fast"], ["collect", "--limit-rate", "0"], ["verify", "--share", "2"],
        ["verify", "--share", "1/0"],
        ["verify", "--share", "x"],
    ],
)  # fmt: skip
def test_a_wrong_usage_exits_2_and_says_what(arguments: list[str]) -> None:
    result = kaizen(None, *arguments)
    assert result.returncode == 2
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_bad_settings_exit_78_and_are_named(config: Path) -> None:
    config.write_text("jobs: 0\nkeep: {days: none}\n")
    for command in (["config", "check"], ["status"], ["nodes"], ["collect"]):
        result = kaizen(config, *command)
        assert result.returncode == 78
        assert f"kaizen: {config}:1: jobs: " in result.stderr
        assert f"kaizen: {config}:2: keep.days: " in result.stderr


def test_the_example_passes_its_own_check(tmp_path: Path) -> None:
    (tmp_path / "collector.yaml").write_text(kaizen(None, "config", "example").stdout)
    assert kaizen(None, "config", "check", str(tmp_path / "collector.yaml")).returncode == 0


def test_nodes_are_listed_shown_and_printed_as_json(config: Path) -> None:
    assert kaizen(config, "nodes", "refresh").stdout == "2 nodes\n"
    lines = kaizen(config, "nodes").stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["one", "one.example", "generic", "onboarded", "1"],
        ["two", "two.example", "generic", "onboarded", "1"],
    ]
    assert [node["name"] for node in json.loads(kaizen(config, "nodes", "list", "--json").stdout)["nodes"]] == [
        "one",
        "two",
    ]
    assert "SHA256:" in kaizen(config, "nodes", "show", "one").stdout


def test_an_unknown_node_is_an_error_in_one_line(config: Path) -> None:
    result = kaizen(config, "nodes", "show", "three")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "kaizen: three: no such node; see 'kaizen nodes'\n"


def test_a_problem_with_a_node_is_named_and_exits_1(config: Path, settings: Settings) -> None:
    assert settings.sources.nodes_d
    (settings.sources.nodes_d / "bad.yaml").write_text("address: nowhere.example\n")
    result = kaizen(config, "nodes", "refresh")
    assert result.returncode == 1
    assert result.stdout == "2 nodes\n"
    assert "bad: no usable host key" in result.stderr


def test_status_of_nodes_never_collected(config: Path) -> None:
    kaizen(config, "nodes", "refresh")
    result = kaizen(config, "status")
    assert result.returncode == 1
    assert "0 of 2 nodes are safe: 2 never" in result.stdout
    data = json.loads(kaizen(config, "status", "--json").stdout)
    assert data["summary"] == {"never": 2, "failing": 0, "stale": 0, "late": 0, "fresh": 0}
    assert data["nodes"][0]["problem"] == "never collected"


def test_status_without_any_node_is_not_good(config: Path, settings: Settings) -> None:
    result = kaizen(config, "status")
    assert result.returncode == 1
    assert "no nodes" in result.stdout


def test_no_colour_without_a_terminal(config: Path) -> None:
    kaizen(config, "nodes", "refresh")
    assert "\x1b" not in kaizen(config, "status").stdout + kaizen(config, "nodes").stdout


def test_collecting_nobody_is_not_good(config: Path, settings: Settings) -> None:
    assert settings.sources.nodes_d
    for file in settings.sources.nodes_d.iterdir():
        file.unlink()
    result = kaizen(config, "collect")
    assert (result.returncode, result.stdout) == (1, "")
    assert "there is no node to collect" in result.stderr


def test_no_traceback_reaches_the_user(config: Path, settings: Settings) -> None:
    settings.state.mkdir(exist_ok=True)
    settings.nodes_file.mkdir()
    result = kaizen(config, "nodes", "refresh")
    assert result.returncode in (1, 78)
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("until", ["6 o'clock", "24:00", "deadline"])
def test_a_deadline_is_a_time_of_day_or_the_settings_own(config: Path, until: str) -> None:
    result = kaizen(config, "collect", "--until", until)
    assert result.returncode == 2
    assert f"Error: --until {'deadline: the settings have no' if until == 'deadline' else 'must be'}" in result.stderr


def store_snapshots(settings: Settings, make_snapshot: Callable[..., Path], *names: str) -> None:
    for name in names:
        make_snapshot(f"store/one/{name}")
    for directory in ("", "one"):
        (settings.store / directory).chmod(0o700)


def test_a_rotten_file_exits_65_and_is_named_with_what_shares_it(
    config: Path, settings: Settings, make_snapshot: Callable[..., Path]
) -> None:
    store_snapshots(settings, make_snapshot, "2026-11-23", "2026-11-24")
    assert kaizen(config, "verify").returncode == 0
    (settings.store / "one/2026-11-24/etc/a").write_text("uno\n")
    result = kaizen(config, "verify")
    assert (result.returncode, result.stdout) == (65, "")
    assert result.stderr == "kaizen: one: 2026-11-24: etc/a does not have the sum that SHA256SUMS gives\n"
    assert kaizen(config, "verify", "one", "2026-11-23").returncode == 0
    assert kaizen(config, "verify", "--share", "1/28").returncode == 65
    (line,) = kaizen(config, "verify", "--json").stdout.splitlines()
    assert json.loads(line)["rotten"][0]["snapshots"] == ["2026-11-24"]
    assert kaizen(config, "verify", "-v", "one").stdout == "one: read 2 snapshots, 6 files, 52 B\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["two"], "two: nothing of it is stored"),
        (["one", "2026-11-22"], "there is no snapshot 2026-11-22"),
        (["one", "../x"], "there is no snapshot ../x"),
    ],
)
def test_what_is_not_stored_cannot_be_verified(
    config: Path, settings: Settings, make_snapshot: Callable[..., Path], arguments: list[str], complaint: str
) -> None:
    store_snapshots(settings, make_snapshot, "2026-11-24")
    result = kaizen(config, "verify", *arguments)
    assert result.returncode == 1
    assert complaint in result.stderr


def test_prune_says_why_before_it_removes(config: Path, settings: Settings, make_snapshot: Callable[..., Path]) -> None:
    store_snapshots(settings, make_snapshot, "2020-01-01", "2020-01-02")
    with open_history(settings.history_file) as history:
        history.add_attempt("one", 1.0, 1, None)
    explained = kaizen(config, "prune", "--explain").stdout
    assert [line.split(maxsplit=3)[1:] for line in explained.splitlines()[1:]] == [
        ["2020-01-01", "goes", "no rule keeps it"],
        ["2020-01-02", "stays", "the newest"],
    ]
    assert kaizen(config, "prune", "--dry-run").stdout == "one: would remove 2020-01-01\n"
    told = [json.loads(line) for line in kaizen(config, "prune", "-n", "--json").stdout.splitlines()]
    assert told == [
        {"node": "one", "snapshot": "2020-01-01", "stays": False, "why": "no rule keeps it"},
        {"node": "one", "snapshot": "2020-01-02", "stays": True, "why": "the newest"},
    ]
    assert len(list((settings.store / "one").iterdir())) == 2
    assert kaizen(config, "prune", "one").stdout == "one: removed 2020-01-01\n"
    assert [path.name for path in (settings.store / "one").iterdir()] == ["2020-01-02"]
    assert (kaizen(config, "prune").returncode, kaizen(config, "prune").stdout) == (0, "")


def test_a_history_that_is_lost_is_told_and_made_anew(
    config: Path, settings: Settings, make_snapshot: Callable[..., Path]
) -> None:
    store_snapshots(settings, make_snapshot, "2026-11-24")
    # None of the nodes is there, and none need be waited for.
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), "retry_seconds": 0}))
    told = kaizen(config, "collect", "--dry-run", "--json")
    assert "'kaizen history rebuild'" in told.stderr
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert ["1 stored snapshot;" in event["problem"] for event in events if event["event"] == "problem"] == [True]
    assert kaizen(config, "history", "rebuild").stdout == "1 snapshot put on record\n"
    settings.history_file.write_bytes(b"junk" * 1000)
    result = kaizen(config, "status")
    assert result.returncode == 1
    assert "'kaizen history rebuild' makes it anew" in result.stderr
    assert kaizen(config, "history", "rebuild").returncode == 1
    assert kaizen(config, "verify").returncode == 0


@pytest.mark.parametrize("command", [["collect"], ["prune"], ["history", "rebuild"]])
def test_what_changes_the_store_waits_for_nobody(config: Path, settings: Settings, command: list[str]) -> None:
    with only_run(settings.lock_file):
        result = kaizen(config, *command)
    assert result.returncode == 75
    assert "another run holds" in result.stderr
