"""`kaizen restore`: get files back, from the store to a directory here or to a host."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import click

from kaizen_backups.cli.restore_output import Display, result_lines, say_plan
from kaizen_backups.errors import KaizenError
from kaizen_backups.history import History, open_history
from kaizen_backups.restore.choose import LATEST, parse_path
from kaizen_backups.restore.place import LocalPlace, Place, local_directory, require_apart
from kaizen_backups.restore.plan import Leave, require_leave
from kaizen_backups.restore.work import Restore, begin
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.store import NodeStore, existing
from kaizen_backups.tree import show_name


@click.command("restore")
@click.argument("node")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--at", default=LATEST, metavar="DATE", help="A snapshot, or a day: 2026-11-24, yesterday, '2 days ago'.")
@click.option("--to", metavar="DIR|HOST:DIR", help="Below which directory; ./NODE-DATE unless told.")
@click.option("--except", "left_out", multiple=True, metavar="PATH", help="Leave that out; may be given again.")
@click.option("-n", "--dry-run", is_flag=True, help="Check, and say what would be done; change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--overwrite", is_flag=True, help="Replace what is there and differs.")
@click.option("--exact", is_flag=True, help="Delete what the snapshot's directories do not have.")
@click.option("--other-host", is_flag=True, help="Put system files back on a host of another name all the same.")
@click.option("-v", "--verbose", is_flag=True, help="Every name, however many.")
@click.option("--json", "as_json", is_flag=True, help="Print plan and result as one JSON object.")
@click.pass_context
def command(
    context: click.Context,
    *,
    node: str,
    paths: tuple[str, ...],
    at: str,
    to: str | None,
    left_out: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    overwrite: bool,
    exact: bool,
    other_host: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Bring files or directories of a NODE back, or all of it (PATH /, without its dumps), as they were.

    Each PATH goes below the directory as its full path: DIR/etc/nova/nova.conf. `--to HOST:/` puts it where it was,
    with your own ssh, and sudo there unless you log in as root. Sums are checked before anything is written and
    after. It first shows what it would create, overwrite and delete, and asks. Each file is replaced by one rename: it
    can be broken off at any moment, and done again.

    \b
    Examples:
      kaizen restore controller01.example /etc/nova/nova.conf --at "2 days ago"
      kaizen restore controller01.example /etc/keystone --to controller01:/ --overwrite
      kaizen restore compute01.example / --to root@new.example:/mnt --dry-run
      kaizen restore www.example /etc --except /etc/fstab --except /etc/network --to www:/ --overwrite
      kaizen restore controller01.example /dumps/mysql --to /var/tmp
    """
    names = _names(paths, "PATH")
    without = _without(left_out, names, exact=exact)
    leave = Leave(overwrite, exact, other_host)
    if exact and b"" in names:
        raise click.UsageError("--exact would delete all that the backup left out of /: name directories")
    if not (yes or dry_run) and (as_json or not sys.stdin.isatty()):
        raise click.UsageError("there is nobody to ask: --dry-run shows what would be done, --yes does it")
    settings = load_settings(context.obj)
    store = NodeStore(settings.store, existing(settings.store, [node])[0])
    with Display(as_json=as_json) as display:
        today = datetime.now().astimezone().date()
        with history_if_any(settings) as history:
            restore = begin(store, history, names, node=node, at=at, today=today, left_out=without, tell=display.tell)
        display.pause()
        with _place(to or f"{node}-{restore.snapshot}", settings) as place:
            require_apart(place, names, settings.store, exact=exact)
            _run(restore, place, leave, display, dry_run=dry_run, yes=yes, verbose=verbose, as_json=as_json)


def _run(
    restore: Restore,
    place: Place,
    leave: Leave,
    display: Display,
    *,
    dry_run: bool,
    yes: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Plan, show, ask, do, say."""
    if isinstance(place, LocalPlace):
        display.tell("comparing", 0)  # elsewhere ssh may have something to ask
    plan = asyncio.run(restore.plan(place, leave))
    shown = {"node": restore.node, "snapshot": str(restore.snapshot), "to": str(place), **plan.as_json()}
    display.pause()
    if not as_json:
        say_plan(plan, restore, place, verbose=verbose)
    require_leave(place, plan, restore.contents, leave)
    if dry_run:
        if as_json:
            click.echo(json.dumps({**shown, "restored": None}))
        return
    if not yes and not plan.empty:
        if not click.confirm("do this?", err=True):
            raise KaizenError("nothing was restored")
        # Some time has passed: what was agreed to must be what is done.
        if asyncio.run(restore.plan(place, leave)) != plan:
            raise KaizenError(f"{place} changed meanwhile: nothing was restored; look again")
    display.total(restore.contents.size_of(plan.create + plan.overwrite))
    done = asyncio.run(restore.carry_out(plan, place, leave, display.tell))
    display.pause()
    if as_json:
        click.echo(json.dumps({**shown, "restored": done.__dict__}))
    else:
        for line in result_lines(done, restore, place):
            click.echo(line)


def _names(paths: tuple[str, ...], what: str) -> list[bytes]:
    try:
        return list(dict.fromkeys(parse_path(path) for path in paths))
    except ValueError as error:
        raise click.UsageError(f"{what} {error}") from None


def _without(paths: tuple[str, ...], names: list[bytes], *, exact: bool) -> list[bytes]:
    """Return what is to be left out of `names`."""
    without = _names(paths, "--except")
    if exact and without:
        raise click.UsageError("--exact would delete what --except leaves out")
    for name in without:
        if not name or not any(top == b"" or name.startswith(top + b"/") for top in names):
            raise click.UsageError(f"--except /{show_name(name)} is not below what is to be restored")
    return without


@contextmanager
def history_if_any(settings: Settings) -> Iterator[History | None]:
    """Yield the history; without one, or with a broken one, files can be had all the same, and that is said."""
    with ExitStack() as stack:
        problem, history = f"{settings.history_file} is missing", None
        if settings.history_file.exists():
            try:
                history = stack.enter_context(open_history(settings.history_file))
            except KaizenError as error:
                problem = str(error)
        if history is None:
            click.echo(f"kaizen: {problem}: whether SHA256SUMS is what was collected cannot be told", err=True)
        yield history


@contextmanager
def _place(to: str, settings: Settings) -> Iterator[Place]:
    from kaizen_backups.restore.host import open_host, parse_host

    try:
        host = parse_host(to)
    except ValueError as error:
        raise click.UsageError(f"--to {error}") from None
    if host is None:
        yield LocalPlace(local_directory(to, settings.store))
        return
    from kaizen_backups.onboard.administrator import administrator

    target, directory = host
    with open_host(target, os.fsencode(directory), administrator(), settings.known_hosts_file) as place:
        yield place
