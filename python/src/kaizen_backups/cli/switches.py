"""`kaizen switches`: fetch the running configuration of every switch."""

import re
import sys
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import click

from kaizen_backups.atomic import write_atomically
from kaizen_backups.cli.beside import Beside
from kaizen_backups.cli.collect import collect_until_done, say_amiss, teller, update_index, update_report
from kaizen_backups.cli.nodes import say_problems
from kaizen_backups.cli.signals import update_metrics
from kaizen_backups.errors import ConfigError, KaizenError, UnavailableError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import open_history
from kaizen_backups.lock import only_run
from kaizen_backups.night import Night, Outcome
from kaizen_backups.node import Node
from kaizen_backups.node import fingerprint as fingerprint_of
from kaizen_backups.nodelist import NodeList, refresh
from kaizen_backups.pace import Pace
from kaizen_backups.restore.choose import LATEST, choose_snapshot
from kaizen_backups.room import Room
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.store import NodeStore, existing
from kaizen_backups.switches.example import example
from kaizen_backups.switches.host_keys import KnownHosts, offered_key
from kaizen_backups.switches.inventory import Switches, load_inventory
from kaizen_backups.switches.receive import SwitchReceiver
from kaizen_backups.switches.redact import redact
from kaizen_backups.switches.stored import CONFIG, read_config
from kaizen_backups.switches.trust import key_with, trust


@click.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def check(config: Path, file: Path | None) -> None:
    """Read FILE, or the switches.yaml in use.

    Each mistake is named with file, line and key; the exit code is then 78. No switch is asked, and no password.

    \b
    Example:
      kaizen switches check /etc/kaizen/switches.yaml
    """
    path = file or _inventory_file(load_settings(config))
    load_inventory(path)
    click.echo(f"{path}: good")


@click.command("example")
def show_example() -> None:
    """Print a switches.yaml with every key, and the families.

    \b
    Example:
      kaizen switches example >/etc/kaizen/switches.yaml
    """
    click.echo(example(), nl=False)


def _fingerprint(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    # An empty one, too: a script's variable that is not set must not turn the check off.
    if value is not None and not re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", value):
        raise click.BadParameter(f"'{printable(value)}' is none: SHA256: and 43 characters, as ssh-keygen -l prints it")
    return value


@click.command("keys")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--fingerprint",
    metavar="SHA256:...",
    callback=_fingerprint,
    help="Trust the key that has it, for scripts: nobody compares.",
)
@click.pass_context
def keys(context: click.Context, names: tuple[str, ...], fingerprint: str | None) -> None:
    """Print the host key that each switch shows now, as a line for known_hosts, and its fingerprint on stderr.

    Compare each fingerprint with what the switch's console says before the line is added: whoever sits in between
    shows a key of his own. With --fingerprint, of one switch, the key that has it is put into known_hosts, in the place
    of another one; where the switch has no such key, nothing is changed.

    \b
    Examples:
      kaizen switches keys leaf1.example >>/etc/kaizen/switches.known_hosts
      kaizen switches keys leaf1.example --fingerprint SHA256:xGfz...   in a script
    """
    inventory = load_inventory(_inventory_file(load_settings(context.obj)))
    for name in names:
        if name not in inventory.by_name:
            raise KaizenError(f"{printable(name)}: no such switch; see 'kaizen nodes'")
    if fingerprint is not None:
        _trust(inventory, names, fingerprint)
        return
    failed = False
    for name in names:
        try:
            key = offered_key(inventory.by_name[name])
        except UnavailableError as error:
            failed = True
            click.echo(f"kaizen: {name}: {error}", err=True)
            continue
        click.echo(f"{name} {key}")
        click.echo(f"{name}: {key.split(' ')[0]} {fingerprint_of(key)}", err=True)
    if failed:
        context.exit(ExitCode.UNAVAILABLE)


def _trust(inventory: Switches, names: tuple[str, ...], fingerprint: str) -> None:
    if len(names) != 1:
        raise click.UsageError("--fingerprint is that of one switch's key: give one NAME")
    (name,) = names
    key = key_with(inventory.by_name[name], fingerprint)
    said = "is trusted now" if trust(inventory.known_hosts, name, key) else "was trusted already"
    # What others append to known_hosts comes on stdout.
    click.echo(f"{name}: {key.split(' ')[0]} {fingerprint} {said} ({inventory.known_hosts})", err=True)


@click.command("redact")
@click.argument("name")
@click.option("--at", default=LATEST, metavar="DATE", help="A snapshot, or a day: 2026-11-24, yesterday, '2 days ago'.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to, not stdout.")
@click.pass_obj
def redact_config(config: Path, name: str, at: str, to: Path | None) -> None:
    """Print a stored configuration without its secrets: a copy to show, from which nothing can be restored.

    What may be a secret is taken out: passwords, keys, communities, hashes, certificates. It goes by words, so look
    at the copy before it goes to strangers.

    \b
    Examples:
      kaizen switches redact leaf1.example
      kaizen switches redact leaf1.example --at yesterday --to leaf1.txt
    """
    settings = load_settings(config)
    existing(settings.store, [name])
    store = NodeStore(settings.store, name)
    snapshot = choose_snapshot(store.snapshots(), at, datetime.now().astimezone().date())
    text = read_config(store, snapshot)
    if text is None:
        raise KaizenError(f"{name}: {snapshot} has no {CONFIG} that can be read: is it a switch's?")
    if to:
        write_atomically(to, redact(text))
    else:
        click.echo(redact(text), nl=False)


class _Switches(Beside):
    """`kaizen switches [NAME]...`, and its commands; no switch may have the name of one of these."""

    commands = (check, show_example, keys, redact_config)


@click.command("switches", cls=_Switches)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--jobs", type=click.IntRange(1, 500), metavar="N", help="How many at a time, in place of the file's.")
@click.option("--timeout", type=click.IntRange(1, 3600), metavar="SECONDS", help="How long one session may take.")
@click.option("-n", "--dry-run", is_flag=True, help="Log in and look; store nothing.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each switch, also where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each event.")
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    jobs: int | None,
    timeout: int | None,
    dry_run: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Fetch the running configuration of every switch, or of the NAMEs given, and store it like a node's snapshot.

    'kaizen collect' does so, too, each night. The file is STORE/NAME/DATE/running-config; one that has not changed is
    a link to the last. A switch that fails is named on stderr, and the others are stored; the exit code is then 1.
    Which switches there are says switches.yaml, which sources.switches of the settings names.

    \b
    Examples:
      kaizen switches
      kaizen switches leaf1.example --dry-run
      kaizen switches keys leaf1.example
      kaizen history leaf1.example /running-config --diff
    """
    settings = load_settings(context.obj)
    inventory = load_inventory(_inventory_file(settings)).adjusted(jobs, timeout)
    with suppress(ImportError):  # each switch says what is missing
        KnownHosts(inventory.known_hosts)
    with only_run(settings.lock_file), open_history(settings.history_file) as history:
        known = refresh(settings)
        wanted = _wanted(known, names, settings)
        failed = say_problems(known)
        room = Room(settings.store, settings.floor, history.needs())
        with ExitStack() as stack:
            chatty = verbose or dry_run or sys.stdout.isatty()
            tell = teller(stack, len(wanted), chatty=chatty, dry_run=dry_run, as_json=as_json)
            receiver = SwitchReceiver(inventory)
            say_amiss(receiver.amiss, as_json=as_json)
            night = Night(settings, history, room, Pace(lambda: None), tell, None, dry_run, receiver)
            outcomes = collect_until_done(wanted, night, stack.close)
        if not dry_run:
            update_metrics(settings, history)
    if not dry_run:
        _update(settings, outcomes)
    if failed or any(outcome.problems for outcome in outcomes):
        context.exit(ExitCode.FAILED)


def _update(settings: Settings, outcomes: list[Outcome]) -> None:
    update_index(settings, outcomes)
    update_report(settings)


def _wanted(known: NodeList, names: tuple[str, ...], settings: Settings) -> list[Node]:
    """Return the switches named, or all of this collector's. Raises KaizenError."""
    found = [known.get(name) for name in dict.fromkeys(names)] if names else known.share(settings)
    for node in found:
        if names and not node.is_switch:
            raise KaizenError(f"{node.name}: it is a node, and no switch; 'kaizen collect {node.name}' collects it")
    switches = [node for node in found if node.is_switch]
    if not switches:
        raise KaizenError(f"there is no switch to ask; {settings.sources.switches} names none")
    return switches


def _inventory_file(settings: Settings) -> Path:
    if not settings.sources.switches:
        raise ConfigError("the settings have no 'sources.switches'; 'kaizen switches example' prints such a file")
    return settings.sources.switches
