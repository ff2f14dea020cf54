"""Puppet in a node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from lab.result import Result

if TYPE_CHECKING:
    from lab.node import Node

ENVIRONMENT = "/etc/puppet/code/environments/production"
HIERA_CONFIG = """\
version: 5
defaults: {datadir: data, data_hash: yaml_data}
hierarchy: [{name: Common, path: common.yaml}]
"""
# As /usr/bin/puppet, only faster: see quick_puppet.rb.
PUPPET = (
    "ruby",
    "--disable=did_you_mean,error_highlight",
    f"-r{ENVIRONMENT}/modules/quickstack/tests/lab/quick_puppet.rb",
    "/usr/bin/puppet",
)
CHANGED_NOTHING, CHANGED_SOMETHING = 0, 2


def apply(node: Node, manifest: str, hiera: Mapping[str, Any] | None, *, check: bool, noop: bool) -> Result:
    """`puppet apply` of this manifest."""
    if hiera is not None:
        node.write(f"{ENVIRONMENT}/hiera.yaml", HIERA_CONFIG)
        # JSON is YAML.
        node.write(f"{ENVIRONMENT}/data/common.yaml", json.dumps(dict(hiera), indent=2) + "\n")
    argv = [*PUPPET, "apply", "--detailed-exitcodes", "--color=false"]
    if noop:
        argv.append("--noop")
    result = node.run(argv, input=manifest, check=False, timeout=200)
    good = (CHANGED_NOTHING, CHANGED_SOMETHING)
    return result.require(f"{node.name}: puppet apply", good) if check else result


def facts(node: Node) -> dict[str, Any]:
    """`puppet facts show`."""
    shown = node.run([*PUPPET, "facts", "show", "--render-as", "json"])
    return cast(dict[str, Any], json.loads(shown.out))
