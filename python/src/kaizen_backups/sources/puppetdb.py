"""Nodes from PuppetDB: those whose catalog holds an enabled Quickstack::Backups.

That a node is backed up, and its role, user and port, is the catalog's: Puppet Server's words. Its address and host
keys are facts: its own. Which node a fact is about is neither: PuppetDB's certname is the name in the certificate that
the node logged in to Puppet with, so no node can speak for another.
"""

from typing import Any

from kaizen_backups.errors import printable
from kaizen_backups.puppetdb import ask
from kaizen_backups.settings import PuppetDB
from kaizen_backups.sources import Found, Problem
from kaizen_backups.sources.fact_values import NAME, address_of, host_keys_of

DECLARED = 'type = "Class" and title = "Quickstack::Backups" and parameters.enabled = true'
# PuppetDB leaves deactivated and expired nodes out by itself, as long as a query says nothing about them; this says so.
ACTIVE = 'nodes { node_state = "active" }'
_PARAMETERS = ("role", "user", "port")


def read_puppetdb(settings: PuppetDB, address_fact: str) -> Found:
    """Ask who is declared, and for their facts. Raises ConfigError or UnavailableError when PuppetDB can't be asked.

    PuppetDB joins no facts to a catalog's parameters, so these are two queries with one condition.
    """
    address = [] if address_fact == NAME else [f"facts.{address_fact}"]
    catalogs, inventory = ask(
        settings,
        ("resources", [f"parameters.{key}" for key in _PARAMETERS], f"{DECLARED} and {ACTIVE}"),
        ("inventory", ["facts.ssh", *address], f"resources {{ {DECLARED} }} and {ACTIVE}"),
    )
    facts = {row["certname"]: row for row in inventory}
    found = Found()
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
    stated = {"address": address, "host_keys": host_keys_of(facts.get("facts.ssh"))}
    stated |= {key: catalog.get(f"parameters.{key}") for key in _PARAMETERS}
    return {"origin": "puppetdb", **{key: value for key, value in stated.items() if value is not None}}
