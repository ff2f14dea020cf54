"""`kaizen collect`: fetch, check, publish and keep every node's snapshots."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import click

from kaizen_backups.cli.indexing import Indexes
from kaizen_backups.cli.nodes import say_problems
from kaizen_backups.cli.signals import tell as tell_others
from kaizen_backups.cli.signals import update_metrics, with_metrics
from kaizen_backups.collect import collect
from kaizen_backups.errors import ConfigError, KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import History, open_history, stamp
from kaizen_backups.lock import only_run
from kaizen_backups.night import Event, Night, Outcome
from kaizen_backups.node import Node
from kaizen_backups.nodelist import NodeList, refresh
from kaizen_backups.pace import Pace, rate_at
from kaizen_backups.prune import would_free
from kaizen_backups.room import Room, all_bytes, free_bytes
from kaizen_backups.search.index import forget_nodes
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.store import NodeStore, stored_nodes
from kaizen_backups.units import many, parse_clock, parse_size, size

if TYPE_CHECKING:
    from kaizen_backups.switches.receive import SwitchReceiver

_PAST = timedelta(hours=12)


def _rate(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    try:
        rate = parse_size(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if rate is not None and rate < 1024:
        raise click.BadParameter("must be at least 1k")
    return rate


def deadline(clock: str, now: datetime) -> datetime:
    """Return the moment that a time of day stands for: the next one, unless one is past by less than 12 hours."""
    wanted = parse_clock(clock)
    # The clock may be changed in between: each day has its own distance from UTC.
    moments = (datetime.combine(now.date() + timedelta(days=day), wanted).astimezone() for day in (-1, 0, 1))
    return next(moment for moment in moments if now - moment < _PAST)


@click.command("collect")
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@click.option("-n", "--dry-run", is_flag=True, help="Connect, and say what would be fetched; store nothing.")
@click.option("--until", metavar="HH:MM", help="Ask again for what is missing until then; 'deadline': the setting's.")
@click.option("--limit-rate", metavar="BYTES", callback=_rate, help="Bytes a second, all nodes together, such as 20m.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each node, also where there is no terminal.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object a line for each event, and for what is amiss with the whole run.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    nodes: tuple[str, ...],
    dry_run: bool,
    until: str | None,
    limit_rate: int | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Fetch the new snapshots of every node, or of the NODEs named; check, publish and keep them.

    Without a NODE the configurations of the switches are fetched, too. The node list is made anew first. A node that
    fails is named on stderr, and the others are collected all the same; the exit code is then 1. Where there is no
    terminal, nothing else is printed. With --until, nodes whose snapshot of the day is not there yet are asked again,
    and those that still lack it at the end are late.

    \b
    Examples:
      kaizen collect
      kaizen collect --until 06:00
      kaizen collect --until deadline --limit-rate 20m
      kaizen collect --dry-run compute01.kaizen.example
    """
    settings = load_settings(context.obj)
    end = _until(until, settings.deadline)
    whole = not (dry_run or nodes)
    with ExitStack() as run:
        run.enter_context(only_run(settings.lock_file))
        if whole:
            run.enter_context(_told_if_it_fails(settings))
        history = run.enter_context(open_history(settings.history_file))
        known = refresh(settings)
        wanted = _wanted(known, nodes, settings)
        failed = say_problems(known)
        amiss = [problem.message for problem in known.problems]
        room = Room(settings.store, settings.floor, history.needs())
        said, missing = _what_is_amiss(wanted, settings, history, room)
        failed |= missing
        say_amiss(said, as_json=as_json, only_json=amiss)
        pace = Pace(lambda: limit_rate or rate_at(settings.rate, datetime.now().astimezone()))
        with ExitStack() as stack:
            chatty = verbose or dry_run or sys.stdout.isatty()
            tell = teller(stack, len(wanted), chatty=chatty, dry_run=dry_run, as_json=as_json)
            if not dry_run:
                tell = with_metrics(tell, settings, history)
            switches = _switch_receiver(settings) if any(node.is_switch for node in wanted) else None
            say_amiss(switches.amiss if switches else [], as_json=as_json)
            night = Night(settings, history, room, pace, tell, end, dry_run, switches)
            outcomes = _run(wanted, night, stack.close)
        if not dry_run:
            update_metrics(settings, history)
    if not dry_run:
        update_index(settings, outcomes)
        update_report(settings)
    if whole:
        tell_others(settings, [("node list", message) for message in amiss])
    if failed or any(outcome.problems for outcome in outcomes):
        context.exit(ExitCode.FAILED)


def say_amiss(messages: Sequence[str], *, as_json: bool, only_json: Sequence[str] = ()) -> None:
    """Say what is amiss with the whole run; `only_json` has been said on stderr."""
    for message in messages:
        click.echo(f"kaizen: {message}", err=True)
    for message in (*only_json, *messages) if as_json else ():
        click.echo(json.dumps({"event": "problem", "at": stamp(), "node": None, "problem": message}))


@contextmanager
def _told_if_it_fails(settings: Settings) -> Iterator[None]:
    """Tell also of a collection that could not begin: nobody may be looking at the mail from cron."""
    try:
        yield
    except KaizenError as error:
        tell_others(settings, [("no collection", str(error))])
        raise


def update_index(settings: Settings, outcomes: list[Outcome]) -> None:
    """Bring the indexes that 'kaizen find' asks to what is stored now; what goes wrong is said.

    It changes no exit code: that says whether the nodes' snapshots are safe, and 'find' makes what it lacks itself.
    """
    changed = [outcome.node for outcome in outcomes if outcome.received or outcome.expired]
    try:
        for _ in Indexes(settings, quiet=True).of(changed):
            pass
        forget_nodes(settings, stored_nodes(settings.store))
    except Exception as error:  # a defect of ours included
        click.echo(f"kaizen: what 'kaizen find' looks up is not up to date: {printable(str(error))}", err=True)


def update_report(settings: Settings) -> None:
    """Make the status page anew where there is one; what goes wrong is said, and changes no exit code either."""
    if not settings.report:
        return
    from kaizen_backups.cli.report import write

    try:
        write(settings, settings.report.directory)
    except Exception as error:  # a defect of ours included
        click.echo(f"kaizen: the status page is not up to date: {printable(str(error))}", err=True)


def _wanted(known: NodeList, names: Sequence[str], settings: Settings) -> list[Node]:
    """Return the nodes named, or all that this collector has, its switches included. Raises KaizenError."""
    found = [known.get(name) for name in dict.fromkeys(names)] if names else known.share(settings)
    if not found:
        raise KaizenError("there is no node to collect; 'kaizen nodes refresh' reads the sources")
    for node in found if names else ():
        if node.is_switch:
            raise KaizenError(f"{node.name}: it is a switch; 'kaizen switches {node.name}' fetches its configuration")
    return found


def _switch_receiver(settings: Settings) -> "SwitchReceiver":
    """Return what fetches switches. A mistake in their file is their trouble, and no node's."""
    from kaizen_backups.switches.inventory import load_inventory  # few have switches
    from kaizen_backups.switches.receive import SwitchReceiver

    file = settings.sources.switches
    if not file:
        return SwitchReceiver(ConfigError("the settings have no 'sources.switches' any more"))
    try:
        return SwitchReceiver(load_inventory(file))
    except ConfigError:
        return SwitchReceiver(ConfigError(f"{file} cannot be used; 'kaizen switches check' says why"))


def _until(value: str | None, setting: time | None) -> datetime | None:
    if value == "deadline":
        if not setting:
            raise click.UsageError("--until deadline: the settings have no deadline")
        value = f"{setting:%H:%M}"
    try:
        return deadline(value, datetime.now().astimezone()) if value else None
    except ValueError as error:
        raise click.UsageError(f"--until {error}") from None


def _run(nodes: list[Node], night: Night, tidy_up: Callable[[], None]) -> list[Outcome]:
    run = 0 if night.dry_run else night.history.begin_run(len(nodes))
    outcomes = collect_until_done(nodes, night, tidy_up)
    if not night.dry_run:
        received = sum(len(outcome.received) for outcome in outcomes)
        failures = sum(bool(outcome.problems) for outcome in outcomes)
        night.history.end_run(run, failures, received, sum(outcome.new_bytes for outcome in outcomes))
        night.history.add_room(free_bytes(night.settings.store), all_bytes(night.settings.store))
    return outcomes


def collect_until_done(nodes: list[Node], night: Night, tidy_up: Callable[[], None]) -> list[Outcome]:
    """Collect; `tidy_up` is called when that is interrupted, which ends the program."""
    return asyncio.run(_interruptible(nodes, night, tidy_up))


async def _interruptible(nodes: list[Node], night: Night, tidy_up: Callable[[], None]) -> list[Outcome]:
    """Collect; Ctrl-C and SIGTERM end it at once: all programs it started are ended, and nothing half done counts."""
    task = asyncio.ensure_future(collect(nodes, night))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        # A thread may be hashing or removing for minutes yet, and would be waited for.
        tidy_up()
        click.echo("kaizen: interrupted", err=True)
        sys.stdout.flush()
        os._exit(ExitCode.INTERRUPTED)


def _what_is_amiss(nodes: list[Node], settings: Settings, history: History, room: Room) -> tuple[list[str], bool]:
    """Return what the whole run suffers from, and whether that lets it fail."""
    said = []
    if unknown := _not_on_record(settings, history):
        said.append(
            f"not on record, so that tampering would not show: {many(unknown, 'stored snapshot')};"
            " 'kaizen history rebuild' puts that right"
        )
    names = [node.name for node in nodes]
    missing = room.missing(names)
    if missing:
        said.append(
            f"{settings.store}: by the measure of the last nights {size(missing)} are missing for this one;"
            f" 'kaizen prune' would free {_would_free(settings, history, names)}"
        )
    return said, bool(missing)


def _would_free(settings: Settings, history: History, names: list[str]) -> str:
    try:
        return size(would_free(settings, history, names))
    except OSError as error:
        return f"what can't be told: {error}"


def _not_on_record(settings: Settings, history: History) -> int:
    known = history.on_record()
    unknown = 0
    for node in stored_nodes(settings.store):
        with suppress(OSError):  # its own collection names that
            unknown += sum((node, str(s)) not in known for s in NodeStore(settings.store, node).snapshots())
    return unknown


def teller(stack: ExitStack, total: int, *, chatty: bool, dry_run: bool, as_json: bool) -> Callable[[Event], None]:
    """Return what is told of every event: it prints, and shows the progress where stderr is a terminal."""
    display = None
    if sys.stderr.isatty() and not as_json:
        from kaizen_backups.cli.progress import Display  # cron does without

        display = stack.enter_context(Display(total))

    def say(line: str, err: bool = False) -> None:
        if display and (err or sys.stdout.isatty()):
            display.print(line, err=err)
        else:
            click.echo(line, err=err)

    def tell(event: Event) -> None:
        if display:
            display.show(event)
        if as_json and event.kind != "progress":
            click.echo(json.dumps({"event": event.kind, "at": stamp(), "node": event.node, **event.facts}))
        if event.kind != "done":
            return
        if chatty and not as_json:
            say(_line(event, dry_run))
        for problem in event.facts["problems"]:
            say(f"kaizen: {event.node}: {printable(problem)}", err=True)

    return tell


def _line(event: Event, dry_run: bool) -> str:
    facts = event.facts
    if dry_run:
        return f"{event.node}: would fetch {', '.join(facts['wanted']) or 'nothing'}"
    received = ", ".join(facts["received"]) or "nothing new"
    expired = f", expired {', '.join(facts['expired'])}" if facts["expired"] else ""
    return f"{event.node}: {received} ({size(facts['new_bytes'])} new, {facts['seconds']:.1f} s){expired}"
