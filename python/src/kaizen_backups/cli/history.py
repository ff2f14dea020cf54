"""`kaizen history`: the versions of one file; and the record of collections."""

import json
import os
import stat
import sys
from collections.abc import Sequence

import click

from kaizen_backups.cli.beside import Beside
from kaizen_backups.cli.indexing import Indexes
from kaizen_backups.cli.table import print_table
from kaizen_backups.cli.versions import show_content, show_path, show_size, show_time
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.lock import only_run
from kaizen_backups.rebuild import rebuild
from kaizen_backups.search.compare import compare
from kaizen_backups.search.index import Index
from kaizen_backups.search.versions import Found, Version, version_at, versions_of
from kaizen_backups.settings import load_settings
from kaizen_backups.store import NodeStore, existing
from kaizen_backups.units import many


@click.command("rebuild")
@click.pass_context
def rebuild_history(context: click.Context) -> None:
    """Put what is stored on record, where the record was lost or is broken. What is still known stays as it is.

    A broken database is set aside. Run 'kaizen verify' afterwards: that files are as they were collected is not
    looked at here.

    \b
    Example:
      kaizen history rebuild
    """
    settings = load_settings(context.obj)
    with only_run(settings.lock_file):
        added, problems = rebuild(settings)
    click.echo(f"{many(added, 'snapshot')} put on record")
    for problem in problems:
        click.echo(f"kaizen: {printable(problem)}", err=True)
    if problems:
        context.exit(ExitCode.FAILED)


class _BesideRebuild(Beside):
    """A command with two arguments, of which `rebuild` alone is none: that is a command of its own."""

    commands = (rebuild_history,)

    def is_called(self, other: click.Command, args: list[str]) -> bool:
        """Do these arguments call `rebuild`? A node may have that name."""
        return super().is_called(other, args) and all(argument.startswith("-") for argument in args[1:])


@click.command("history", cls=_BesideRebuild)
@click.argument("node")
@click.argument("path")
@click.argument("snapshots", nargs=-1, metavar="[A B]")
@click.option("--diff", is_flag=True, help="Show how the version in A differs from that in B, or the last two.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    context: click.Context, *, node: str, path: str, snapshots: tuple[str, ...], diff: bool, as_json: bool
) -> None:
    """Show the versions of one file of NODE, the newest first: when each appeared, and in which snapshot it was gone.

    PATH is as on the node, such as /etc/hosts; a dump is below /dumps. A version is another when content, mode, owner
    or time of modification are; a directory's only when mode or owner are. With --diff comes a unified diff of the
    versions that the snapshots A and B have, without them of the last two; of what is no text, or larger than 8 MiB,
    sizes and sums. The exit code is 1 when no snapshot has PATH, and when something stored could not be read.

    'kaizen history rebuild' is another thing: it makes a lost or broken record of collections anew from the store.

    \b
    Examples:
      kaizen history controller01.kaizen.example /etc/nova/nova.conf
      kaizen history controller01.kaizen.example /etc/nova/nova.conf --diff
      kaizen history controller01.kaizen.example /etc/nova/nova.conf --diff 2026-11-20 2026-11-24
    """
    if snapshots and (not diff or len(snapshots) != 2):
        raise click.UsageError("two snapshots, A and B, may follow --diff")
    if diff and as_json:
        raise click.UsageError("--diff and --json do not go together")
    settings = load_settings(context.obj)
    existing(settings.store, [node])
    indexes = Indexes(settings)
    name = b"/" + os.fsencode(path).strip(b"/")
    for index in indexes.of([node]):
        versions = versions_of(index, name)
        if not versions:
            raise KaizenError(f"{node}: {show_path(name)} is in no snapshot; 'kaizen find' looks for names")
        if diff:
            old, new = _two(index, name, versions, snapshots)
            _print_diff(NodeStore(settings.store, node), name, old, new)
        elif as_json:
            click.echo(json.dumps(Found(node, name, versions).as_json(), indent=2))
        else:
            _print(versions)
    if indexes.failed:
        context.exit(ExitCode.FAILED)


def _two(index: Index, path: bytes, versions: list[Version], snapshots: Sequence[str]) -> tuple[Version, Version]:
    """Return the versions to compare. Raises KaizenError."""
    if not snapshots:
        if len(versions) < 2:
            raise KaizenError(f"{index.node}: {show_path(path)} has only one version")
        return versions[1], versions[0]
    old, new = (version_at(index, path, snapshot) for snapshot in snapshots)
    return old, new


def _print(versions: list[Version]) -> None:
    print_table(
        ["FIRST", "LAST", "GONE IN", "SIZE", "MODIFIED (UTC)", "MODE", "OWNER", "CONTENT"],
        [
            [
                version.first,
                version.last,
                version.gone or "-",
                show_size(version),
                show_time(version),
                f"{stat.S_IMODE(version.mode):04o}",
                f"{version.uid}:{version.gid}",
                show_content(version),
            ]
            for version in versions
        ],
    )


def _print_diff(store: NodeStore, path: bytes, old: Version, new: Version) -> None:
    """Print a diff: as it is, for patch(1), but on a terminal with control characters spelt out."""
    for line in compare(store, path, old, new):
        if sys.stdout.isatty():
            shown = line.decode("utf-8", "backslashreplace")
            click.echo("\t".join(printable(part) for part in shown.split("\t")))
        else:
            click.echo(line)
