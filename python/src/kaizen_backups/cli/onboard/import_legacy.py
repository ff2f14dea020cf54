"""`kaizen-onboard import-legacy`: old dated backups become snapshots of their dates."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import click

from kaizen_backups.cli.onboard.common import host_name
from kaizen_backups.databases.dump import find_dumps
from kaizen_backups.errors import ConfigError, DataError, KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import open_history
from kaizen_backups.lock import only_run
from kaizen_backups.nodes_yaml import read_list
from kaizen_backups.onboard.legacy import Origin, Plan, Prepared, make, plan, prepare, this_host
from kaizen_backups.onboard.legacy_files import look
from kaizen_backups.onboard.legacy_room import too_little_room
from kaizen_backups.settings import Keep, load_settings
from kaizen_backups.snapshots import Snapshot, kept
from kaizen_backups.store import NodeStore, stored_nodes
from kaizen_backups.sums import Checked
from kaizen_backups.units import many

_AGENTS_LOCK = Path("/run/kaizen-backup.lock")


@dataclass(frozen=True)
class _Target:
    """Where snapshots go, whose they are, the lock, how long they stay, what notes them, where not to look, and the
    bytes that must stay free.
    """

    store: NodeStore
    host: str
    role: str
    lock: Path
    keep: Keep
    note: Callable[[Snapshot, Checked], None]
    avoid: Path
    floor: int = 0


@click.command("import-legacy")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--node", metavar="NAME", help="Into this collector's store, as that node's (default: this host's own).")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would become what; change nothing.")
@click.option("--plain", is_flag=True, help="Also where dumps are encrypted (dump_recipients): these are not.")
@click.pass_context
def command(context: click.Context, directory: Path, node: str | None, dry_run: bool, plain: bool) -> None:
    """Make snapshots of the dated dumps and tarballs below DIR: each day's files become the snapshot of that day.

    The date is in a file's name, or in its directory's: 2026-09-01, 20260901-0100, 2026_09_01, 01Sep2026,
    2026/09/01. A tarball of a system's files is unpacked; a dump goes to dumps/. Nothing in DIR is changed, a day that
    has a snapshot is left alone, and so it can be run again. What has no date, or is damaged or cut short, is named
    (exit code 1). All is read before the first snapshot is made, also with --dry-run.

    On a host that is backed up, the snapshots go beside its own, for the collector to fetch. Where this program is
    only on the collector, bring a copy of DIR there, and say --node.

    \b
    Examples:
      kaizen-onboard import-legacy /var/backups/hil --dry-run
      kaizen-onboard import-legacy /srv/copy --node hil.example
    """
    if os.geteuid() != 0:
        raise KaizenError("only root can make snapshots")
    os.umask(0o077)
    top = directory.resolve()
    with _target(context.obj, node, dry_run=dry_run, plain=plain) as target, only_run(target.lock):
        today = datetime.now().astimezone().date()
        found = plan(
            look(top, today, target.store.directory, {target.avoid, target.store.directory} - {top}), target.store
        )
        prepared = asyncio.run(prepare(found, target.store))
        _say_looks(prepared)
        if dry_run:
            _show(found, prepared, top)
        if short := too_little_room(target.store.directory, prepared.bytes, target.floor):
            raise KaizenError(short)
        damaged = set(prepared.damaged)
        if not dry_run:
            damaged |= _carry_out(prepared, target, Origin(target.host, target.role, top))
        _say_end(found, target, damaged, today, dry_run=dry_run)
    if found.left_out or damaged:
        context.exit(ExitCode.FAILED)


@contextmanager
def _target(config: Path, node: str | None, *, dry_run: bool, plain: bool) -> Iterator[_Target]:
    if node is None:
        host = this_host()
        if not host.backups_dir.is_dir():
            raise KaizenError(f"{host.backups_dir}: there is no such directory; has kaizen-backup been set up here?")
        if host.encrypts and not plain:
            raise _refusal(f"{host.file}: it has dump_recipients")
        store = NodeStore(host.backups_dir.parent, host.backups_dir.name)
        keep = Keep(days=host.keep_days)
        yield _Target(store, os.uname().nodename, host.role, _AGENTS_LOCK, keep, lambda *_: None, host.backups_dir)
        return
    name = host_name(node)
    settings = load_settings(config)
    roles = {known.name: known.role for known in read_list(settings.nodes_file)}
    if name not in roles and name not in stored_nodes(settings.store):
        raise KaizenError(f"{name}: no such node; see 'kaizen nodes'")
    store = NodeStore(settings.store, name)
    last = store.snapshots()[-1:]
    if not plain and any(dump.encrypted for snapshot in last for dump in find_dumps(store, snapshot)):
        raise _refusal(f"{name}: its last dumps are encrypted")
    if not dry_run:
        store.prepare()
    with open_history(settings.history_file) as history:

        def note(snapshot: Snapshot, checked: Checked) -> None:
            history.add_snapshot(name, snapshot, checked)

        role, avoid = roles.get(name) or "generic", settings.store.resolve()
        yield _Target(store, name, role, settings.lock_file, settings.keep, note, avoid, settings.floor)


def _refusal(why: str) -> ConfigError:
    return ConfigError(f"{why}, and the old dumps would be stored in plain; --plain says that this is meant")


def _say_looks(prepared: Prepared) -> None:
    for day, reason in prepared.damaged.items():
        _leave_out(day, reason)
    for line in prepared.unchecked:
        click.echo(f"kaizen-onboard: {line}", err=True)


def _leave_out(day: date, reason: str) -> None:
    click.echo(f"kaizen-onboard: {day} is left out: {reason}", err=True)


def _show(found: Plan, prepared: Prepared, top: Path) -> None:
    for day in prepared.layouts:
        names = ", ".join(printable(str(file.path.relative_to(top))) for file in found.new[day])
        click.echo(f"{day}: would hold {names}")


def _carry_out(prepared: Prepared, target: _Target, origin: Origin) -> set[date]:
    """Make the snapshots, oldest first; return the days of which a file is damaged by now."""
    damaged = set()
    for day, layout in prepared.layouts.items():
        try:
            partial, checked = asyncio.run(make(day, layout, target.store, origin))
        except DataError as error:
            _leave_out(day, str(error))
            damaged.add(day)
            continue
        # On record first: a row too many is nothing, a snapshot without one could be tampered with unseen.
        target.note(Snapshot(day), checked)
        target.store.publish(partial, Snapshot(day))
        click.echo(f"{day}: {many(checked.files, 'file')}")
    return damaged


def _say_end(found: Plan, target: _Target, damaged: set[date], today: date, *, dry_run: bool) -> None:
    for line in found.left_out:
        click.echo(f"kaizen-onboard: left out {line}", err=True)
    made = [Snapshot(day) for day in found.new if day not in damaged]
    verb = "would make" if dry_run else "made"
    click.echo(
        f"{verb} {many(len(made), 'snapshot')} in {target.store.directory}; {len(found.there)} days have one already"
    )
    stay = kept({*target.store.snapshots(), *made}, today, target.keep)
    gone = [snapshot for snapshot in made if snapshot not in stay]
    if gone:
        click.echo(
            f"kaizen-onboard: {many(len(gone), 'snapshot')} of these will go with the next run, older than is kept "
            "there; raise keep_days (on a collector: keep) before that",
            err=True,
        )
