"""`kaizen status`: is everybody safe?"""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from kaizen_backups.certificate import Certificate, certificate_file, read_certificate
from kaizen_backups.cli.table import print_table
from kaizen_backups.errors import ConfigError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import open_history
from kaizen_backups.nodelist import read_list
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.status import SAFE, NodeStatus, State, fleet_status
from kaizen_backups.units import size

_STYLES = {
    State.NEVER: "bold red",
    State.FAILING: "red",
    State.STALE: "red",
    State.LATE: "yellow",
    State.FRESH: "green",
}


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show every known node, worst first: never, failing, stale, late, fresh.

    PROVEN is when a drill last brought the node back and found all of it good, or that the last one failed.

    The exit code is 1 when any node is neither fresh nor late, or no node is known.

    \b
    Examples:
      kaizen status
      kaizen status --json | jq -r '.nodes[] | select(.state == "failing") | .node'
    """
    config: Path = context.obj
    settings = load_settings(config)
    nodes = read_list(settings.nodes_file)
    with open_history(settings.history_file) as history:
        found = fleet_status(nodes, settings, history, datetime.now().astimezone())
    counts = Counter(status.state for status in found)
    certificate = _certificate(settings)
    if as_json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        summary = {state.value: counts[state] for state in State}
        data = {"generated": now, "summary": summary, "nodes": [status.as_json() for status in found]}
        if certificate:
            data["certificate"] = certificate.as_json()
        click.echo(json.dumps(data, indent=2))
    elif found:
        _print(found, counts)
    else:
        click.echo("no nodes; 'kaizen nodes refresh' reads the sources")
    if not found or any(status.state not in SAFE for status in found):
        context.exit(ExitCode.FAILED)


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


def _proven(status: NodeStatus) -> str:
    """Return the day of the last drill: on which it was proven that the node can be restored, or was not."""
    if status.drill_failed:
        return f"failed {status.drill_failed[:10]}"
    return status.proven[:10] if status.proven else "-"


def _print(found: list[NodeStatus], counts: Counter[State]) -> None:
    print_table(
        ["NODE", "ROLE", "STATE", "NEWEST", "FILES", "SIZE", "KEPT", "PROVEN", "WHAT IS WRONG"],
        [
            [
                status.node,
                status.role,
                status.state,
                status.snapshot or "-",
                "-" if status.files is None else str(status.files),
                size(status.bytes),
                str(status.kept),
                _proven(status),
                printable(status.problem or ""),
            ]
            for status in found
        ],
        [_STYLES[status.state] for status in found],
    )
    safe = sum(counts[state] for state in SAFE)
    said = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    click.echo(f"{safe} of {len(found)} nodes are safe: {said}")
