"""`kaizen status`: is everybody safe?"""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from kaizen_backups.certificate import Certificate, certificate_file, read_certificate
from kaizen_backups.cli.status_output import print_fleet, print_node
from kaizen_backups.errors import ConfigError
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import History, open_history, stamp
from kaizen_backups.nodelist import NodeList, read_list
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.status import SAFE, State, fleet_status
from kaizen_backups.status_detail import Detail, node_detail


@click.command("status")
@click.argument("node", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/status.schema.json says.")
@click.pass_context
def command(context: click.Context, node: str | None, as_json: bool) -> None:
    """Show every known node, worst first: never, failing, stale, late, fresh; or all that is known of one NODE.

    Of the newest whole snapshot: how long ago it came (AGE), its size, by how much that is more than a WEEK before,
    and how much was NEW. PROVEN is when a drill last brought the node back and found all of it good, or that the last
    one failed. OFFSITE, where there are repositories, is how long ago the newest snapshot came that is in all of them.
    At the end stands what is wrong, or unlike the nights before.

    The exit code is 1 when any node is neither fresh nor late, or no node is known.

    \b
    Examples:
      kaizen status
      kaizen status controller01.kaizen.example
      kaizen status --json | jq -r '.nodes[] | select(.state == "failing") | .node'
    """
    config: Path = context.obj
    settings = load_settings(config)
    known = NodeList(read_list(settings.nodes_file))
    now = datetime.now().astimezone()
    with open_history(settings.history_file) as history:
        if node:
            detail = node_detail(known.get(node), known.nodes, settings, history, now)
            safe = _show_node(detail, now, as_json)
        else:
            safe = _show_fleet(known, settings, history, now, as_json)
    if not safe:
        context.exit(ExitCode.FAILED)


def _show_node(detail: Detail, now: datetime, as_json: bool) -> bool:
    if as_json:
        click.echo(json.dumps({"generated": stamp(now), **detail.as_json()}, indent=2))
    else:
        print_node(detail, now)
    return detail.status.state in SAFE


def _show_fleet(known: NodeList, settings: Settings, history: History, now: datetime, as_json: bool) -> bool:
    found = fleet_status(known.nodes, settings, history, now)
    certificate = _certificate(settings)
    if as_json:
        counts = Counter(status.state for status in found)
        summary = {state.value: counts[state] for state in State}
        data = {"generated": stamp(now), "summary": summary, "nodes": [status.as_json() for status in found]}
        if certificate:
            data["certificate"] = certificate.as_json()
        click.echo(json.dumps(data, indent=2))
    elif found:
        print_fleet(found, now, offsite=bool(settings.offsite))
    else:
        click.echo("no nodes; 'kaizen nodes refresh' reads the sources")
    return bool(found) and all(status.state in SAFE for status in found)


def _certificate(settings: Settings) -> Certificate | None:
    """Return this collector's certificate, if it has one, and warn on stderr when that ends soon."""
    try:
        found = read_certificate(certificate_file(settings.key))
    except ConfigError as error:
        click.echo(f"kaizen: {error}", err=True)
        return None
    if found and (warning := found.warning(datetime.now(UTC))):
        click.echo(f"kaizen: {warning}", err=True)
    return found
