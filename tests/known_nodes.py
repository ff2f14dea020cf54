"""What the node list is made from: fact files, files of nodes.d, a PuppetDB."""

import json
from pathlib import Path
from typing import Any

import yaml

from kaizen_backups.settings import Settings
from samples import host_key
from stand_in_puppetdb import StandIn


def write_facts(settings: Settings, name: str, **changes: Any) -> Path:
    """Write a fact file as facter would, with the facts of a protected node."""
    key = host_key(name).split(" ")[1]
    assert settings.sources.facts
    path = settings.sources.facts / f"{name}.json"
    others = [other for other in path.parent.iterdir() if other != path]
    facts = {
        "networking": {"fqdn": name, "ip": f"10.0.0.{4 + len(others)}"},
        "ssh": {"ed25519": {"type": "ssh-ed25519", "key": key}},
        "kaizen_backup": {"enabled": True, "role": "compute", "user": "kaizen"},
        **changes,
    }
    path.write_text(json.dumps(facts))
    return path


def write_onboarded(settings: Settings, name: str, **fields: Any) -> None:
    """Write a file of nodes.d."""
    assert settings.sources.nodes_d
    (settings.sources.nodes_d / f"{name}.yaml").write_text(yaml.safe_dump(fields))


def with_puppetdb(settings: Settings, puppetdb: StandIn) -> Settings:
    """Return the settings with this PuppetDB as one more source."""
    sources = settings.sources.model_copy(update={"puppetdb": puppetdb.settings})
    return settings.model_copy(update={"sources": sources})
