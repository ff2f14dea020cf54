"""`kaizen verify`: read again what is stored."""

import json
import sys
from fractions import Fraction

import click

from kaizen_backups.cli.signals import update_metrics
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import open_history
from kaizen_backups.settings import load_settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore, existing
from kaizen_backups.units import many, size
from kaizen_backups.verify import choose_share, verify


def _share(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Fraction | None:
    try:
        share = Fraction(value) if value else None
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if share is not None and not 0 < share <= 1:
        raise click.BadParameter("must be a share of the nodes, such as 1/28")
    return share


@click.command("verify")
@click.argument("node", required=False)
@click.argument("date", required=False)
@click.option(
    "--share",
    metavar="N/M",
    callback=_share,
    help="That share of the nodes: those not read for longest.",
)
@click.option("-v", "--verbose", is_flag=True, help="A line for each node, also where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each node.")
@click.pass_context
def command(
    context: click.Context, *, node: str | None, date: str | None, share: Fraction | None, verbose: bool, as_json: bool
) -> None:
    """Read every stored file again and hold it against SHA256SUMS: of all nodes, of NODE, or of its snapshot DATE.

    A rotten file is named with every snapshot that shares it; the exit code is then 65. The node's next collection
    fetches it anew. Dumps that are encrypted (dump_recipients) are read as they are, and counted. `--share 1/28` every
    day reads everything once in 28 days.

    \b
    Examples:
      kaizen verify
      kaizen verify compute01.kaizen.example 2026-11-24
      kaizen verify --share 1/28
    """
    settings = load_settings(context.obj)
    if share and node:
        raise click.UsageError("--share chooses the nodes itself: give it without NODE")
    with open_history(settings.history_file) as history:
        nodes = existing(settings.store, [node] if node else [])
        if share:
            nodes = choose_share(nodes, history.nodes_verified(), share)
        only = _stored(NodeStore(settings.store, nodes[0]), date) if date else None
        rotten = False
        for verdict in verify(settings, history, nodes, only):
            rotten |= bool(verdict.rotten)
            if as_json:
                click.echo(json.dumps(verdict.as_json()))
            elif verbose or sys.stdout.isatty():
                count = many(len(verdict.snapshots), "snapshot")
                encrypted = many(verdict.encrypted, "encrypted dump")
                but = f"; of {encrypted} only the encrypted bytes" if verdict.encrypted else ""
                click.echo(f"{verdict.node}: read {count}, {many(verdict.files, 'file')}, {size(verdict.bytes)}{but}")
            for rot in verdict.rotten:
                click.echo(f"kaizen: {verdict.node}: {printable(str(rot))}", err=True)
        update_metrics(settings, history)
    if rotten:
        context.exit(ExitCode.DATA)


def _stored(store: NodeStore, name: str) -> Snapshot:
    snapshot = Snapshot.parse(name)
    if snapshot is None or snapshot not in store.snapshots():
        raise KaizenError(f"{store.directory}: there is no snapshot {printable(name)}")
    return snapshot
