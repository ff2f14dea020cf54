"""`kaizen restore-db`: load a database's dump into a server."""

import asyncio
import json
import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kaizen_backups.cli.restore import history_if_any
from kaizen_backups.cli.table import print_table
from kaizen_backups.databases.dump import Dump, check_dump, find_dumps
from kaizen_backups.databases.engine import private_directory
from kaizen_backups.databases.load import Loaded, check_name, choose_dump, engine_for, load, look, name_for
from kaizen_backups.databases.url import Server, parse_url
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.restore.choose import LATEST, choose_snapshot
from kaizen_backups.restore.work import begin
from kaizen_backups.settings import load_settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore, existing
from kaizen_backups.units import many


def _server(_context: click.Context, _parameter: click.Parameter, value: str) -> Server:
    try:
        return parse_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return check_name(value) if value is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("restore-db")
@click.argument("node")
@click.argument("database")
@click.option("--at", default=LATEST, metavar="DATE", help="A snapshot, or a day: 2026-11-24, yesterday, '2 days ago'.")
@click.option("--into", "server", required=True, metavar="URL", callback=_server, help="The server: see above.")
@click.option("--as", "name", metavar="NAME", callback=_name, help="The new name; DATABASE_restored_DATE unless told.")
@click.option(
    "--identity",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The private key, age's or SSH's, for a dump that is encrypted.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Check, and say what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def command(
    context: click.Context,
    *,
    node: str,
    database: str,
    at: str,
    server: Server,
    name: str | None,
    identity: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load the dump of a NODE's DATABASE into a server, as a new database, and show every table's rows.

    URL is mysql://[USER[:PASSWORD]@]HOST[:PORT]/ or mysql:///PATH/TO/SOCKET, or postgresql:// likewise, where a path is
    the socket's directory. Passwords are best in your ~/.my.cnf or ~/.pgpass. Who logs in must be an administrator.
    The dump is checked first. It is loaded by an account that is made for it and can reach nothing but the new
    database. A database that is not empty is never touched. A dump that is encrypted for the node's dump_recipients
    needs --identity: it is decrypted on the way, and lies nowhere in plain.

    \b
    Examples:
      kaizen restore-db controller01.example nova --into mysql:///
      kaizen restore-db controller01.example nova --at yesterday --into mysql://root@db.example/ --as nova_old
      kaizen restore-db www.example shop --into postgresql:/// --dry-run
      kaizen restore-db www.example shop --into postgresql:/// --identity /root/key
    """
    settings = load_settings(context.obj)
    store = NodeStore(settings.store, existing(settings.store, [node])[0])
    with history_if_any(settings) as history:
        today = datetime.now().astimezone().date()
        snapshot, dump = _choose(store, database, at, server, node)
        begin(store, history, [dump.name], node=node, at=str(snapshot), today=today)  # is it what was saved?
    if name is None:
        try:
            name = name_for(database, snapshot)
        except ValueError:
            raise click.UsageError(f"give {printable(database)} a plain name with --as") from None
    shown = {"node": node, "snapshot": str(snapshot), "dump": str(dump), "into": str(server), "database": name}
    loaded = _interruptible(_restore(store, snapshot, dump, server, name, identity=identity, dry_run=dry_run))
    if as_json:
        result = {"account": loaded.account, "tables": loaded.tables} if loaded else None
        click.echo(json.dumps({**shown, "restored": result}))
    else:
        _say(shown, loaded)


def _choose(store: NodeStore, database: str, at: str, server: Server, node: str) -> tuple[Snapshot, Dump]:
    try:
        snapshot = choose_snapshot(store.snapshots(), at, datetime.now().astimezone().date())
        try:
            return snapshot, choose_dump(find_dumps(store, snapshot), database, server.kind)
        except KaizenError as error:
            raise type(error)(f"{snapshot}: {error}") from None
    except KaizenError as error:
        raise type(error)(f"{node}: {error}") from None


@contextmanager
def _unlocked(store: NodeStore, snapshot: Snapshot, dump: Dump, identity: Path | None) -> Iterator[Dump]:
    """Yield the dump with what reads it: a copy of the key that is ours, since in the cage we read no other's files."""
    if not dump.encrypted:
        yield dump
        return
    file = printable(str(store.path(snapshot) / os.fsdecode(dump.name)))
    if not identity:
        by_hand = f"decrypt it where that key is: age -d -i KEY {shlex.quote(file)}"
        where = f"{store.directory.name}: {snapshot}: {dump}"
        raise KaizenError(f"{where} is encrypted: give the file of a private key with --identity, or {by_hand}")
    with private_directory() as private:
        copy = private / "identity"
        try:
            copy.touch(0o600)
            copy.write_bytes(identity.read_bytes())
        except OSError as error:
            raise KaizenError(f"{identity} cannot be read: {error.strerror}") from None
        yield replace(dump, identity=copy)


async def _restore(
    store: NodeStore, snapshot: Snapshot, dump: Dump, server: Server, name: str, *, identity: Path | None, dry_run: bool
) -> Loaded | None:
    with _unlocked(store, snapshot, dump, identity) as readable:
        try:
            await check_dump(store, snapshot, readable)
            with engine_for(server) as engine:
                create = await look(engine, name)
                return None if dry_run else await load(engine, name, readable, store, snapshot, create=create)
        except KaizenError as error:
            raise type(error)(f"{store.directory.name}: {snapshot}: {error}") from None


def _interruptible(work: Any) -> Loaded | None:
    """Do it; Ctrl-C, SIGTERM and a terminal that goes end it, and what was begun is taken back, a copied key too."""

    async def watched() -> Loaded | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup's
            # It comes from the kernel and from the shell: the second must not end the taking back.
            loop.add_signal_handler(signal.SIGHUP, lambda: task.cancelling() or task.cancel())
        found: Loaded | None = await task
        return found

    with suppress(asyncio.CancelledError):
        return asyncio.run(watched())
    raise KeyboardInterrupt


def _say(shown: dict[str, str], loaded: Loaded | None) -> None:
    where = f"{shown['node']} {shown['snapshot']} {shown['dump']}"
    if loaded is None:
        click.echo(f"{where} is whole, and would be loaded into {shown['into']} as {shown['database']}")
        return
    print_table(["TABLE", "ROWS"], [[printable(table), str(rows)] for table, rows in loaded.tables.items()])
    rows = sum(loaded.tables.values())
    tables = many(len(loaded.tables), "table")
    click.echo(f"{shown['into']}: {shown['database']}: {tables}, {many(rows, 'row')}, from {where}")
    click.echo(f"what it brought belongs to the locked account {loaded.account}, which has rights on it alone")
