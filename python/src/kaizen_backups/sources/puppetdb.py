"""Nodes from PuppetDB: those whose catalog holds an enabled Quickstack::Backups.

That a node is backed up, and its role and user, is the catalog's: Puppet Server's words. Its address and host keys are
facts: its own. Which node a fact is about is neither: PuppetDB's certname is the name in the certificate that the node
logged in to Puppet with, so no node can speak for another.
"""

from typing import Any

from kaizen_backups.errors import printable
from kaizen_backups.puppetdb import Query, ask
from kaizen_backups.settings import PuppetDB
from kaizen_backups.sources import Found, Problem
from kaizen_backups.sources.fact_values import NAME, address_of, host_keys_of, plain

CLASS = 'type = "Class" and title = "Quickstack::Backups"'
DECLARED = f"{CLASS} and parameters.enabled = true"
# PuppetDB leaves deactivated and expired nodes out by itself, as long as a query says nothing about them; this says so.
ACTIVE = 'nodes { node_state = "active" }'
# Not asked for: backups_dir, since the door shows a collector that directory under a name of its own, wherever on the
# node it is; and a port, which the class does not have: where sshd listens on another one, nodes.d says so.
_PARAMETERS = ("role", "user")
# The ssh fact's parts: asked for one by one, without the fingerprints, they are half as much.
_SSH = ("ed25519", "ecdsa", "rsa")


def queries(address_fact: str) -> tuple[Query, Query]:
    """Return what is asked: who is declared, and their facts. PuppetDB joins no facts to a catalog's parameters."""
    wanted = [f"facts.ssh.{kind}.{part}" for kind in _SSH for part in ("type", "key")]
    if address_fact != NAME:
        wanted.append(f"facts.{address_fact}")
    return (
        ("resources", [f"parameters.{key}" for key in _PARAMETERS], f"{DECLARED} and {ACTIVE}"),
        ("inventory", wanted, f"resources {{ {DECLARED} }} and {ACTIVE}"),
    )


def read_puppetdb(settings: PuppetDB, address_fact: str) -> Found:
    """Return the nodes that PuppetDB knows. Raises ConfigError or UnavailableError when it can't be asked."""
    catalogs, inventory = ask(settings, *queries(address_fact))
    facts = {row["certname"]: row for row in inventory}
    found = Found("PuppetDB")
    for row in catalogs:
        name = row["certname"]
        if name in facts:
            found.nodes[name] = _node(row, facts[name], address_fact)
        else:
            message = f"{printable(name)[:100]}: PuppetDB has its catalog but no facts of it; has Puppet run there?"
            found.problems.append(Problem(name, message))
    return found


def _node(catalog: dict[str, Any], facts: dict[str, Any], address_fact: str) -> dict[str, Any]:
    """Return the fields that PuppetDB states; whether they are any good is the node list's to check."""
    address = address_of(catalog["certname"], facts.get(f"facts.{address_fact}"), address_fact)
    ssh = {kind: {part: facts.get(f"facts.ssh.{kind}.{part}") for part in ("type", "key")} for kind in _SSH}
    stated = {"address": plain(address), "host_keys": host_keys_of(ssh)}
    stated |= {key: plain(catalog.get(f"parameters.{key}")) for key in _PARAMETERS}
    return {"origin": "puppetdb", **{key: value for key, value in stated.items() if value is not None}}
