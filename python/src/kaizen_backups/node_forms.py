"""The forms in which the node list is printed for other programs."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from kaizen_backups.node import DEFAULTS, Node
from kaizen_backups.nodes_yaml import known_hosts, to_yaml


def to_json(nodes: Iterable[Node]) -> str:
    """Return the list as JSON, with the fields of nodes.yaml."""
    return json.dumps({"nodes": [node.stated() for node in nodes]}, indent=2) + "\n"


def to_ansible(nodes: Iterable[Node]) -> str:
    """Return a static inventory in YAML; a role is the group `role_<role>`, with underscores, as Ansible wants it.

    It says how a host is reached, and not as whom: the door's user may run nothing.
    """
    hosts: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    for node in nodes:
        hosts[node.name] = {"ansible_host": node.address}
        if node.port != DEFAULTS["port"]:
            hosts[node.name]["ansible_port"] = node.port
        group = groups.setdefault(f"role_{node.role.replace('-', '_')}", {"hosts": {}})
        group["hosts"][node.name] = {}
    inventory = {"all": {"hosts": hosts, "children": groups}}
    return yaml.dump(inventory, Dumper=yaml.CSafeDumper, sort_keys=True)


FORMS: dict[str, Callable[[Iterable[Node]], str]] = {
    "json": to_json,
    "yaml": to_yaml,
    "known-hosts": known_hosts,
    "ansible": to_ansible,
}
