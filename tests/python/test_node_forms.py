"""The list for other programs: each form is read by the program that it is for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from kaizen_backups.node_forms import FORMS
from samples import make_node

NODES = [
    make_node("1.5", address="10.0.0.1", role="compute"),
    make_node("no", address="fe80::1", role="my-role", port=2222),
    make_node("web.example", address="web.example"),
]


def test_ansible_inventory_reads_the_inventory(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(FORMS["ansible"](NODES))
    program = Path(sys.executable).with_name("ansible-inventory")
    environment = {**os.environ, "HOME": str(tmp_path), "ANSIBLE_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    read = subprocess.run(
        [program, "-i", tmp_path / "inventory.yaml", "--list"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "WARNING" not in read.stderr
    inventory = json.loads(read.stdout)
    assert inventory["_meta"]["hostvars"] == {
        "1.5": {"ansible_host": "10.0.0.1"},
        "no": {"ansible_host": "fe80::1", "ansible_port": 2222},
        "web.example": {"ansible_host": "web.example"},
    }
    groups = {name: group["hosts"] for name, group in inventory.items() if name.startswith("role_")}
    assert groups == {"role_compute": ["1.5"], "role_my_role": ["no"], "role_generic": ["web.example"]}


def test_ssh_keygen_reads_the_known_hosts(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text(FORMS["known-hosts"](NODES))
    for node in NODES:
        found = subprocess.run(
            ["ssh-keygen", "-F", node.name, "-f", tmp_path / "known_hosts"], capture_output=True, text=True, check=True
        )
        assert node.host_keys[0] in found.stdout


def test_json_and_yaml_say_the_same() -> None:
    assert json.loads(FORMS["json"](NODES)) == yaml.safe_load(FORMS["yaml"](NODES))


def test_no_nodes_are_a_form_too() -> None:
    assert json.loads(FORMS["json"]([])) == yaml.safe_load(FORMS["yaml"]([])) == {"nodes": []}
    assert FORMS["known-hosts"]([]) == ""
    assert yaml.safe_load(FORMS["ansible"]([])) == {"all": {"children": {}, "hosts": {}}}
