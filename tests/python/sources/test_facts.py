"""The forms in which Puppet and facter write facts."""

import json
import os
from pathlib import Path

import pytest

from kaizen_backups.errors import ConfigError
from kaizen_backups.sources.facts import read_facts
from samples import host_key

KEY = host_key().split(" ")[1]
FACTS = {
    "networking": {"ip": "10.0.0.4", "fqdn": "n1.example"},
    "ssh": {"rsa": {"type": "ssh-rsa", "key": "R"}, "ed25519": {"type": "ssh-ed25519", "key": KEY}},
    "kaizen_backup": {"enabled": True, "role": "compute"},
}
FACTER_YAML = f"""
networking:
  ip: 10.0.0.4
  fqdn: n1.example
ssh:
  rsa: {{type: ssh-rsa, key: R}}
  ed25519: {{type: ssh-ed25519, key: {KEY}}}
kaizen_backup: {{enabled: true, role: compute}}
"""
FORMS = {
    "facter.json": json.dumps(FACTS),
    "facter.yaml": FACTER_YAML,
    "puppet-facts.json": json.dumps({**FACTS, "clientcert": "n1.example"}),
    "old-puppet-facts.json": json.dumps({"name": "n1.example", "values": FACTS, "timestamp": "x"}),
    "server-cache.yaml": "--- !ruby/object:Puppet::Node::Facts\nname: n1.example\nvalues:"
    + FACTER_YAML.replace("\n", "\n  ")
    + "\ntimestamp: 2026-11-24 01:00:00.000000000 Z\nexpiration: 2026-11-24 01:30:00.000000000 Z\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_node(tmp_path: Path, name: str) -> None:
    (tmp_path / name).with_stem("n1.example").write_text(FORMS[name])
    found = read_facts(tmp_path)
    assert found.problems == []
    assert found.nodes == {
        "n1.example": {
            "origin": "facts",
            "address": "10.0.0.4",
            "role": "compute",
            "host_keys": [f"ssh-ed25519 {KEY}", "ssh-rsa R"],
        }
    }


@pytest.mark.parametrize("backup", [None, {}, {"enabled": False}, {"enabled": "false"}, "enabled", [1]])
def test_a_node_is_listed_only_when_its_fact_says_that_it_is_enabled(tmp_path: Path, backup: object) -> None:
    (tmp_path / "n1.json").write_text(json.dumps({**FACTS, "kaizen_backup": backup}))
    assert read_facts(tmp_path).nodes == {}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"{", b"\xff\xfe\x00", b"a: b: c", b"!!python/object/apply:os.system ['touch x']",
        b'{"networking": {"ip": "10.0.0.4"}}', b'{"name": 5, "values": {}}', b'{"name": "a", "values": []}',
        b"[" * 100_000, b'a: !!timestamp "x"', b'a: !!int ""', b"a: !!bool x",
    ],
)  # fmt: skip
def test_a_file_that_holds_no_facts_is_named_and_harms_no_other(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    (tmp_path / "n1.json").write_text(json.dumps(FACTS))
    found = read_facts(tmp_path)
    assert list(found.nodes) == ["n1.example"]
    (problem,) = found.problems
    assert problem.node == "bad"
    assert problem.message.startswith(f"{tmp_path}/bad.yaml: ")
    assert "\n" not in problem.message


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("{")
    (tmp_path / ".n1.json.swp").write_text("{")
    assert read_facts(tmp_path).problems == []


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.facts: .*: No such file or directory"):
        read_facts(tmp_path / "nowhere")


def test_a_node_cannot_take_anothers_place(tmp_path: Path) -> None:
    """The facts in a file are a node's own words; what the file is called is not."""
    (tmp_path / "n1.example.json").write_text(json.dumps(FACTS))
    lie = {**FACTS, "networking": {"fqdn": "n1.example", "ip": "192.0.2.66"}}
    (tmp_path / "www.example.json").write_text(json.dumps(lie))
    found = read_facts(tmp_path)
    assert found.nodes["n1.example"]["address"] == "10.0.0.4"
    (problem,) = found.problems
    assert problem.message.endswith("its facts are those of n1.example, so the file must have that name")


def test_two_files_of_one_node_are_named(tmp_path: Path) -> None:
    for name in ("n1.json", "n1.example.json"):
        (tmp_path / name).write_text(json.dumps(FACTS))
    assert "has another fact file already" in read_facts(tmp_path).problems[0].message


def test_json_is_json_though_yaml_would_not_take_it(tmp_path: Path) -> None:
    (tmp_path / "n1.example.json").write_text(json.dumps({**FACTS, "motd": "\U0001f600"}))
    assert list(read_facts(tmp_path).nodes) == ["n1.example"]


def test_a_host_with_a_short_file_name_cannot_take_the_place_of_one_with_a_whole_name(tmp_path: Path) -> None:
    liar = {"clientcert": "db.zeta.example", "networking": {"ip": "203.0.113.6"}, "kaizen_backup": {"enabled": True}}
    true = {**liar, "networking": {"ip": "192.0.2.1"}}
    (tmp_path / "db.json").write_text(json.dumps(liar))
    (tmp_path / "db.zeta.example.json").write_text(json.dumps(true))
    found = read_facts(tmp_path)
    assert found.nodes["db.zeta.example"]["address"] == "192.0.2.1"
    assert [problem.node for problem in found.problems] == ["db"]


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "node.example.json")
    assert read_facts(tmp_path).nodes == {}
