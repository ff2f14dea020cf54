"""`kaizen nodes`: the node list."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kaizen_backups.cli.table import print_table
from kaizen_backups.errors import printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.node import Node, fingerprint
from kaizen_backups.node_forms import FORMS
from kaizen_backups.nodelist import NodeList, draft, read_list, refresh
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.sharing import own_name, shares

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _forms(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say in which form it prints the list."""
    form = click.option(
        "--format", "form", type=click.Choice(["table", *FORMS]), default="table", help="How to print the list."
    )
    return form(_as_json(function))


@click.group("nodes", invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]...")
@_forms
@click.option("--share", "share", is_flag=True, help="Show which collector has whom.")
@click.option("--unprotected", is_flag=True, help="Ask PuppetDB which of its active nodes nobody backs up.")
@click.pass_context
def command(context: click.Context, form: str, as_json: bool, share: bool, unprotected: bool) -> None:
    """Show who is backed up: by Puppet's facts, PuppetDB and nodes.d.

    With --unprotected it is shown who is not: every active node in PuppetDB without an enabled
    Quickstack::Backups, less those in exemptions.yaml, where each has a reason and an end date. The exit code is
    then 1 when there is any.

    \b
    Examples:
      kaizen nodes                          the list in use
      kaizen nodes refresh                  make it anew from the sources
      kaizen nodes diff                     what a refresh would change
      kaizen nodes --unprotected            is anyone missing?
      kaizen nodes --share                  who has whom, where collectors share the nodes
      kaizen nodes --format ansible >inventory.yaml
    """
    if context.invoked_subcommand is not None:
        if share or unprotected or as_json or form != "table":
            raise click.UsageError(f"options of the list go behind it: kaizen nodes {context.invoked_subcommand} ...")
        return
    if share and unprotected:
        raise click.UsageError("--share and --unprotected are two questions")
    if (share or unprotected) and form not in ("table", "json"):
        raise click.UsageError(f"--format {form} is for the list alone")
    if share:
        _show_shares(load_settings(context.obj), as_json or form == "json")
    elif unprotected:
        _show_unprotected(context, as_json or form == "json")
    else:
        context.invoke(list_nodes, form=form, as_json=as_json)


@command.command("list")
@_forms
@click.pass_obj
def list_nodes(config: Path, form: str, as_json: bool) -> None:
    """Print the list in use, nodes.yaml: as a table, JSON, YAML, a known_hosts, or an Ansible inventory.

    \b
    Examples:
      kaizen nodes list --json
      kaizen nodes list --format known-hosts >>~/.ssh/known_hosts
    """
    if as_json and form not in ("table", "json"):
        raise click.UsageError(f"--json and --format {form} are two forms")
    nodes = read_list(load_settings(config).nodes_file)
    if as_json or form != "table":
        click.echo(FORMS["json" if as_json else form](nodes), nl=False)
    elif nodes:
        print_table(
            ["NODE", "ADDRESS", "ROLE", "ORIGIN", "HOST KEYS"],
            [[n.name, _address(n), n.role, n.origin, str(len(n.host_keys))] for n in nodes],
        )
    else:
        click.echo("no nodes; 'kaizen nodes refresh' reads the sources")


@command.command("show")
@click.argument("node")
@_as_json
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
    door = {} if found.is_switch else {"user": found.user}
    rows = {"name": found.name, "address": _address(found), **door, "role": found.role}
    for key, value in {**rows, "origin": found.origin}.items():
        click.echo(f"{key:8} {value}")
    for host_key in found.host_keys:
        click.echo(f"{'host key':8} {host_key.split(' ')[0]} {fingerprint(host_key)}")


@command.command("refresh")
@click.option("--accept", is_flag=True, help="Take the list though it lost many nodes: that is meant.")
@click.pass_context
def refresh_nodes(context: click.Context, accept: bool) -> None:
    """Read the sources; write nodes.yaml and known_hosts. What can't be used is named (exit code 1).

    When a source can't be read, or the new list lacks more than a fifth of the nodes, the last good list stays in use.

    \b
    Examples:
      kaizen nodes refresh
      kaizen nodes refresh --accept         after a rack was taken out
    """
    nodes = refresh(load_settings(context.obj), accept=accept)
    click.echo(f"{len(nodes.nodes)} nodes")
    for override in nodes.overrides:
        click.echo(override)
    if say_problems(nodes):
        context.exit(ExitCode.FAILED)


@command.command("diff")
@_as_json
@click.pass_context
def diff(context: click.Context, as_json: bool) -> None:
    """Print what a refresh would change: + came, - went, ~ changed; and change nothing.

    The exit code is 1 when something can't be used, or the list would not be taken.

    \b
    Examples:
      kaizen nodes diff
      kaizen nodes diff --json | jq -r '.changes[] | select(.field == null and .new == null) | .node'
    """
    from kaizen_backups.changes import changes

    made = draft(load_settings(context.obj))
    found = changes(made.last, made.fresh.nodes)
    if as_json:
        click.echo(json.dumps({"refused": made.refusal, "changes": [change.as_json() for change in found]}, indent=2))
    else:
        for change in found:
            click.echo(str(change))
    failed = say_problems(NodeList((), made.fresh.problems))
    if made.refusal:
        click.echo(f"kaizen: {made.refusal}; a refresh without --accept keeps the list in use", err=True)
    if failed or made.refusal:
        context.exit(ExitCode.FAILED)


@command.command("fact")
@click.pass_obj
def fact(config: Path) -> None:
    """Print what this collector tells the others, as a fact for Facter; nothing where there is only one.

    \b
    Example:
      kaizen nodes fact
    """
    from kaizen_backups.history import open_history
    from kaizen_backups.peers import FACT, own_fact

    settings = load_settings(config)
    if not settings.collectors:
        return
    last_run = None
    if settings.history_file.exists():
        with open_history(settings.history_file) as history:
            last_run = history.last_run()
    click.echo(json.dumps({FACT: own_fact(read_list(settings.nodes_file), settings, last_run)}))


def say_problems(nodes: NodeList) -> bool:
    """Name on stderr what could not be used, and what is said once; return whether there was any problem."""
    for message in [problem.message for problem in nodes.problems] + list(nodes.news):
        click.echo(f"kaizen: {printable(message)}", err=True)
    return bool(nodes.problems)


def _show_shares(settings: Settings, as_json: bool) -> None:
    found = shares(read_list(settings.nodes_file), settings)
    own = own_name(settings)
    if as_json:
        names = {collector: [node.name for node in nodes] for collector, nodes in found.items()}
        click.echo(json.dumps({"collector": own, "shares": names}, indent=2))
        return
    rows = sorted((node.name, collector) for collector, nodes in found.items() for node in nodes)
    if rows:
        print_table(["NODE", "COLLECTOR"], rows)
    counts = ", ".join(f"{collector} has {len(nodes)}" for collector, nodes in found.items())
    click.echo(f"this collector is {own}: {counts}")


def _show_unprotected(context: click.Context, as_json: bool) -> None:
    from kaizen_backups.coverage import coverage

    found = coverage(load_settings(context.obj), datetime.now().astimezone().date())
    if as_json:
        listed = [node.as_json() for node in found.unprotected]
        click.echo(json.dumps({"active": found.active, "exempt": found.exempt, "unprotected": listed}, indent=2))
    else:
        if found.unprotected:
            print_table(["NODE", "WHY"], [[node.node, node.why] for node in found.unprotected])
        click.echo(
            f"{len(found.unprotected)} of {found.active} active nodes are unprotected, {found.exempt} are exempt"
        )
    if found.unprotected:
        context.exit(ExitCode.FAILED)


def _address(node: Node) -> str:
    return node.address if node.port == 22 else f"{node.address} port {node.port}"
