"""`kaizen nodes`, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kaizen_backups.history import open_history
from kaizen_backups.settings import Settings
from samples import host_key
from stand_in_puppetdb import StandIn

KAIZEN = Path(sys.executable).with_name("kaizen")


class Collector:
    """A collector with a PuppetDB of three nodes, and a host without Puppet."""

    def __init__(self, settings: Settings, puppetdb: StandIn, directory: Path) -> None:
        sources = settings.sources.model_copy(update={"puppetdb": puppetdb.settings, "facts": None})
        exemptions = directory / "exemptions.yaml"
        self.settings = settings.model_copy(update={"sources": sources, "exemptions": exemptions})
        self.config = directory / "collector.yaml"
        self.puppetdb = puppetdb
        self.set()
        for name in ("a.example", "b.example", "c.example"):
            puppetdb.add(name)
        assert sources.nodes_d
        host = {"address": "192.0.2.80", "host_keys": [host_key("www")]}
        (sources.nodes_d / "www.yaml").write_text(yaml.safe_dump(host))

    def set(self, **settings: object) -> None:
        """Write collector.yaml, with these settings changed."""
        data = self.settings.model_dump(mode="json", exclude_none=True) | settings
        self.config.write_text(yaml.safe_dump(data))

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        command = [str(KAIZEN), "--config", str(self.config), "nodes", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def nodes(settings: Settings, puppetdb: StandIn, tmp_path: Path) -> Collector:
    return Collector(settings, puppetdb, tmp_path)


def test_a_diff_says_what_a_refresh_then_does(nodes: Collector) -> None:
    assert nodes("diff").stdout.splitlines() == [
        "+ a.example 10.0.0.4 compute (puppetdb)",
        "+ b.example 10.0.0.5 compute (puppetdb)",
        "+ c.example 10.0.0.6 compute (puppetdb)",
        "+ www 192.0.2.80 generic (onboarded)",
    ]
    assert nodes("refresh").stdout == "4 nodes\n"
    assert nodes("diff").stdout == ""
    nodes.puppetdb.add("a.example", role="controller")
    del nodes.puppetdb.nodes["b.example"]
    diff = nodes("diff", "--json")
    assert diff.returncode == 0
    assert json.loads(diff.stdout) == {
        "refused": None,
        "changes": [
            {"node": "a.example", "field": "role", "old": "compute", "new": "controller"},
            {"node": "b.example", "field": None, "old": "10.0.0.5 compute (puppetdb)", "new": None},
        ],
    }


def test_a_list_that_shrank_is_refused_named_and_accepted(nodes: Collector) -> None:
    nodes("refresh")
    nodes.puppetdb.nodes.clear()
    diff = nodes("diff")
    assert diff.returncode == 1
    assert len(diff.stdout.splitlines()) == 3
    assert "PuppetDB names 0 of the 3 nodes that the list has; gone: a.example, b.example, c.example" in diff.stderr
    refused = nodes("refresh")
    assert (refused.returncode, refused.stdout) == (1, "4 nodes\n")
    assert "the last good list, 0 minutes old, stays in use" in refused.stderr
    accepted = nodes("refresh", "--accept")
    assert (accepted.returncode, accepted.stdout, accepted.stderr) == (0, "1 nodes\n", "")


def test_an_outage_without_any_list_exits_69(nodes: Collector) -> None:
    nodes.puppetdb.answer = lambda _: (500, b"boom")
    for command in ("refresh", "diff", "--unprotected"):
        result = nodes(command)
        assert (result.returncode, result.stdout) == (69, "")
        assert result.stderr == f"kaizen: PuppetDB {nodes.puppetdb.settings.url}: it answers with status 500: boom\n"


def test_a_changed_key_is_said_once_and_is_no_failure(nodes: Collector) -> None:
    nodes("refresh")
    nodes.puppetdb.nodes["a.example"]["facts"]["ssh"]["ed25519"]["key"] = host_key("new").split(" ")[1]
    first, second = nodes("refresh"), nodes("refresh")
    assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")
    assert first.stderr.startswith("kaizen: a.example: its ssh-ed25519 host key was SHA256:")


def test_what_nodes_d_overrides_is_shown(nodes: Collector) -> None:
    directory = nodes.settings.sources.nodes_d
    assert directory
    (directory / "a.example.yaml").write_text("address: 192.0.2.1\n")
    result = nodes("refresh")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "4 nodes",
        "a.example: address: 10.0.0.4 in PuppetDB, 192.0.2.1 in nodes.d, which is used",
    ]


def test_the_unprotected_are_listed_with_the_reason(nodes: Collector, tmp_path: Path) -> None:
    assert nodes("--unprotected").stdout == "0 of 3 active nodes are unprotected, 0 are exempt\n"
    nodes.puppetdb.add("d.example", enabled=False)
    nodes.puppetdb.add("e.example", enabled=False)
    (tmp_path / "exemptions.yaml").write_text("e.example: {reason: made anew each night, until: 9999-12-31}\n")
    result = nodes("--unprotected")
    assert result.returncode == 1
    assert result.stdout.splitlines()[1:] == [
        "d.example  its Quickstack::Backups is not enabled",
        "1 of 5 active nodes are unprotected, 1 are exempt",
    ]
    listed = json.loads(nodes("--unprotected", "--json").stdout)["unprotected"]
    assert listed == [{"node": "d.example", "why": "its Quickstack::Backups is not enabled"}]
    (tmp_path / "exemptions.yaml").write_text("e.example: {reason: because}\n")
    result = nodes("--unprotected")
    assert (result.returncode, result.stdout) == (78, "")
    assert f"{tmp_path}/exemptions.yaml:1: e.example.until: Field required" in result.stderr


def test_shares_are_shown_to_every_collector_alike(nodes: Collector) -> None:
    nodes("refresh")
    names = ["backup1.example", "backup2.example"]
    shown = []
    for name in names:
        nodes.set(collectors=names, name=name)
        data = json.loads(nodes("--share", "--json").stdout)
        assert data["collector"] == name
        shown.append(data["shares"])
        assert list(json.loads(nodes("fact").stdout)) == ["kaizen_collected"]
    assert shown[0] == shown[1]
    assert sorted(shown[0][names[0]] + shown[0][names[1]]) == ["a.example", "b.example", "c.example", "www"]
    table = nodes("--share").stdout.splitlines()
    assert [line.split()[0] for line in table[1:-1]] == ["a.example", "b.example", "c.example", "www"]
    assert table[-1].startswith("this collector is backup2.example: backup1.example has ")


def test_a_collector_tells_when_its_last_collection_began(nodes: Collector) -> None:
    nodes("refresh")
    nodes.set(collectors=["backup1.example", "backup2.example"], name="backup1.example")
    assert json.loads(nodes("fact").stdout)["kaizen_collected"]["began"] == "-"
    assert not nodes.settings.history_file.exists()
    with open_history(nodes.settings.history_file) as history:
        history.begin_run(4)
        began = history.last_run()
    assert json.loads(nodes("fact").stdout)["kaizen_collected"]["began"] == began


def test_a_collector_that_is_none_of_them_is_an_error(nodes: Collector) -> None:
    nodes("refresh")
    nodes.set(collectors=["backup1.example"])
    result = nodes("--share")
    assert (result.returncode, result.stdout) == (78, "")
    assert "which is none of the collectors (backup1.example)" in result.stderr


def test_one_collector_has_nothing_to_tell(nodes: Collector) -> None:
    result = nodes("fact")
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("place", [(), ("list",)])
def test_the_list_comes_in_every_form(nodes: Collector, place: tuple[str, ...]) -> None:
    nodes("refresh")
    assert nodes(*place, "--format", "yaml").stdout == nodes.settings.nodes_file.read_text()
    assert nodes(*place, "--format", "known-hosts").stdout == nodes.settings.known_hosts_file.read_text()
    assert nodes(*place, "--format", "json").stdout == nodes(*place, "--json").stdout
    assert yaml.safe_load(nodes(*place, "--format", "ansible").stdout)["all"]["hosts"]["www"] == {
        "ansible_host": "192.0.2.80"
    }
    assert nodes(*place, "--format", "table").stdout.splitlines()[0].split()[0] == "NODE"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "refresh"],
        ["--share", "list"],
        ["--share", "--unprotected"],
        ["--share", "--format", "ansible"],
        ["--json", "--format", "yaml"],
        ["--format", "xml"],
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(nodes: Collector, arguments: list[str]) -> None:
    result = nodes(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
