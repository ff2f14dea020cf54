"""`kaizen offsite status`: how old is each node's newest copy?"""

import json
from datetime import UTC, datetime

import click

from kaizen_backups.cli.table import print_table
from kaizen_backups.errors import printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import open_history, parse_stamp
from kaizen_backups.offsite.repository import repositories
from kaizen_backups.offsite.status import RepositoryStatus, offsite_status
from kaizen_backups.settings import load_settings
from kaizen_backups.status_words import short_age
from kaizen_backups.store import stored_nodes


@click.command("status")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...], *, as_json: bool) -> None:
    """Show what all repositories, or those NAMEd, hold of each node, as it was when they were last listed.

    AGE is how long ago the newest copied snapshot came to the collector: what has happened since is lost with that.
    WAITING is how many stored snapshots are not there. The exit code is 1 when any is, or a last push or check failed.
    """
    settings = load_settings(context.obj)
    with open_history(settings.history_file) as history:
        nodes = stored_nodes(settings.store)
        found = [offsite_status(restic, history, nodes) for restic in repositories(settings, names)]
    if as_json:
        click.echo(json.dumps({"repositories": [one.as_json() for one in found]}, indent=2))
    else:
        _print(found)
    if not all(one.good for one in found):
        context.exit(ExitCode.FAILED)


def _print(found: list[RepositoryStatus]) -> None:
    now = datetime.now(UTC)
    rows = [
        [
            status.repository,
            printable(one.node),
            one.snapshot or "-",
            short_age(now - parse_stamp(one.received) if one.received else None),
            str(one.copies),
            str(one.waiting),
        ]
        for status in found
        for one in status.nodes
    ]
    print_table(
        ["REPOSITORY", "NODE", "NEWEST", "AGE", "COPIES", "WAITING"],
        rows,
        ["green" if row[5] == "0" and row[2] != "-" else "yellow" for row in rows],
    )
    for status in found:
        state = status.state
        click.echo(f"{status.repository}: pushed {state.pushed or 'never'}, checked {state.checked or 'never'}")
        for problem in (state.push_problem, state.check_problem):
            if problem:
                click.echo(printable(f"{status.repository}: {problem}"))
