"""`kaizen nodes`: the node list."""

import json
from pathlib import Path

import click

from kaizen_backups.cli.table import print_table
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.node import Node, fingerprint
from kaizen_backups.nodelist import NodeList, read_list, refresh
from kaizen_backups.settings import load_settings


@click.group("nodes", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show who is backed up: by Puppet's facts, and by nodes.d.

    \b
    Examples:
      kaizen nodes                the list in use
      kaizen nodes refresh        make it anew from the sources
    """
    if context.invoked_subcommand is None:
        context.invoke(list_nodes)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_nodes(config: Path, as_json: bool = False) -> None:
    """Print the list in use, nodes.yaml.

    \b
    Example:
      kaizen nodes list --json
    """
    nodes = read_list(load_settings(config).nodes_file)
    if as_json:
        click.echo(json.dumps({"nodes": [node.stated() for node in nodes]}, indent=2))
        return
    if not nodes:
        click.echo("no nodes; 'kaizen nodes refresh' reads the sources")
        return
    print_table(
        ["NODE", "ADDRESS", "ROLE", "ORIGIN", "HOST KEYS"],
        [[n.name, _address(n), n.role, n.origin, str(len(n.host_keys))] for n in nodes],
    )


@command.command("show")
@click.argument("node")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(config: Path, node: str, as_json: bool) -> None:
    """Print one node, with its host keys' fingerprints.

    \b
    Example:
      kaizen nodes show compute01.kaizen.example
    """
    found = NodeList(read_list(load_settings(config).nodes_file)).get(node)
    if as_json:
        click.echo(json.dumps(found.stated(), indent=2))
        return
    rows = {"name": found.name, "address": _address(found), "user": found.user, "role": found.role}
    for key, value in {**rows, "origin": found.origin}.items():
        click.echo(f"{key:8} {value}")
    for host_key in found.host_keys:
        click.echo(f"{'host key':8} {host_key.split(' ')[0]} {fingerprint(host_key)}")


@command.command("refresh")
@click.pass_context
def refresh_nodes(context: click.Context) -> None:
    """Read the sources; write nodes.yaml and known_hosts. What can't be used is named (exit code 1).

    \b
    Example:
      kaizen nodes refresh
    """
    nodes = refresh(load_settings(context.obj))
    click.echo(f"{len(nodes.nodes)} nodes")
    if say_problems(nodes):
        context.exit(ExitCode.FAILED)


def say_problems(nodes: NodeList) -> bool:
    """Name on stderr what could not be used; return whether there was any."""
    for problem in nodes.problems:
        click.echo(f"kaizen: {problem.message}", err=True)
    return bool(nodes.problems)


def _address(node: Node) -> str:
    return node.address if node.port == 22 else f"{node.address} port {node.port}"
