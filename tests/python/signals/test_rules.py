"""Alert rules and dashboard are right by Prometheus' own tools, and speak of what is written and of nothing else."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from collected import Collected
from kaizen_backups.history import History
from kaizen_backups.settings import Settings
from kaizen_backups.settings_offsite import Repository
from kaizen_backups.signals.metrics import metrics

ROOT = Path(__file__).parents[3]
FILES = ROOT / "files" / "backups"
RULES = FILES / "prometheus" / "kaizen.rules.yml"
DASHBOARD = FILES / "grafana" / "kaizen.json"
TESTS = ROOT / "tests" / "prometheus" / "kaizen.test.yml"
NAME = re.compile(r"\bkaizen_[a-z_]+")


@pytest.fixture
def written(collected: Collected, settings: Settings, history: History) -> set[str]:
    """Return the name of every metric that the agent or the collector writes."""
    agent = re.findall(r"^ +metric ([a-z_]+) '", (FILES / "kaizen-backup").read_text(), re.MULTILINE)
    collected.node("one", "2026-11-24")
    history.begin_run(1)
    settings = settings.model_copy(update={"offsite": {"cluster": Repository(repository="/srv/offsite")}})
    text = metrics(collected.nodes, settings, history, datetime(2026, 11, 24, 12, tzinfo=UTC)).decode()
    collector = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    # A collector that no authority has signed has none.
    return {*(f"kaizen_backup_{name}" for name in agent), *collector, "kaizen_certificate_expiry_timestamp_seconds"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries(part: object) -> Iterator[str]:
    """Yield every query of the dashboard: those of its panels, and those of its variables."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            yield from queries(value)
    elif isinstance(part, list):
        for one in part:
            yield from queries(one)


def names_in(texts: Iterator[str] | list[str]) -> set[str]:
    return {name for text in texts for name in NAME.findall(text)}


def test_rules_and_dashboard_use_what_is_written_and_leave_nothing_out(written: set[str]) -> None:
    assert len(written) > 20
    in_rules = names_in([rule["expr"] for rule in rules()])
    in_dashboard = names_in(queries(json.loads(DASHBOARD.read_text())))
    assert in_rules - written == set()
    assert in_dashboard - written == set()
    assert written - in_rules - in_dashboard == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_how_bad_it_is_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert re.search(r"'kaizen(-backup|-onboard)? [a-z]", rule["annotations"]["description"])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_is_tested_both_ways(rule: dict[str, Any]) -> None:
    cases = [case for test in yaml.safe_load(TESTS.read_text())["tests"] for case in test["alert_rule_test"]]
    fires = [bool(case["exp_alerts"]) for case in cases if case["alertname"] == rule["alert"]]
    assert set(fires) == {True, False}


@pytest.mark.parametrize(("command", "file"), [("check", RULES), ("test", TESTS)])
def test_promtool_agrees(command: str, file: Path) -> None:
    done = subprocess.run(["promtool", command, "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(expressions)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(expressions)} rules found" in done.stdout
