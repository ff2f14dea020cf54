"""`kaizen prune`: let go of what retention no longer keeps."""

import json

import click

from kaizen_backups.cli.table import print_table
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import open_history
from kaizen_backups.lock import only_run
from kaizen_backups.prune import Plan, carry_out, plans
from kaizen_backups.settings import load_settings
from kaizen_backups.store import existing


@click.command("prune")
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--explain", is_flag=True, help="Say of every snapshot why it stays or goes; remove nothing.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line for each snapshot, as --explain does."
)
@click.pass_context
def command(context: click.Context, *, nodes: tuple[str, ...], dry_run: bool, explain: bool, as_json: bool) -> None:
    """Remove the snapshots that 'keep' in the settings does not keep: of all nodes in the store, or of the NODEs named.

    A collection that goes well does the same for its node. The newest snapshot stays, the newest that is whole stays,
    and nothing goes of a node whose last collection failed. What an unfinished reception left goes after a week. With
    --json: node, snapshot, stays, why; what goes is removed unless --explain or --dry-run is given.

    \b
    Examples:
      kaizen prune --explain compute01.kaizen.example
      kaizen prune --dry-run --json
      kaizen prune
    """
    settings = load_settings(context.obj)
    failed = False
    with only_run(settings.lock_file), open_history(settings.history_file) as history:
        found = list(plans(settings, history, existing(settings.store, nodes)))
        if as_json:
            _print_json(found)
        if explain:
            if not as_json:
                _explain(found)
            return
        for plan, problem in ((plan, None) for plan in found) if dry_run else carry_out(found, settings, history):
            if problem:
                click.echo(f"kaizen: {plan.node}: {problem}", err=True)
                failed = True
            elif plan.going and not as_json:
                names = ", ".join(str(snapshot) for snapshot in plan.going)
                click.echo(f"{plan.node}: {'would remove' if dry_run else 'removed'} {names}")
    if failed:
        context.exit(ExitCode.FAILED)


def _print_json(found: list[Plan]) -> None:
    for plan in found:
        for snapshot, stays, reason in plan.snapshots:
            click.echo(json.dumps({"node": plan.node, "snapshot": str(snapshot), "stays": stays, "why": reason}))


def _explain(found: list[Plan]) -> None:
    rows = [
        [plan.node, str(snapshot), "stays" if stays else "goes", reason]
        for plan in found
        for snapshot, stays, reason in plan.snapshots
    ]
    print_table(["NODE", "SNAPSHOT", "", "WHY"], rows, ["" if row[2] == "stays" else "yellow" for row in rows])
