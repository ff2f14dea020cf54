"""What a run tells others when it has ended. It changes no exit code: that says whether the snapshots are safe."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.history import History, open_history
from kaizen_backups.night import Event
from kaizen_backups.nodes_yaml import read_list
from kaizen_backups.settings import Settings
from kaizen_backups.status import fleet_status

if TYPE_CHECKING:
    from kaizen_backups.signals.verdict import Verdict

_BETWEEN = 60.0
"""Seconds between two times that the metrics are written during a night."""


def say_failure(what: str, work: Callable[[], object]) -> None:
    """Do something; what goes wrong, a defect of ours included, is said on stderr."""
    try:
        work()
    except Exception as error:
        click.echo(f"kaizen: {what}: {printable(str(error))}", err=True)


def update_metrics(settings: Settings, history: History) -> None:
    """Write the metrics anew, where there are to be any."""
    wanted = settings.metrics
    if not wanted:
        return

    def write() -> None:
        from kaizen_backups.signals.metrics import write_metrics  # few have metrics, and it takes long to load

        write_metrics(wanted, read_list(settings.nodes_file), settings, history, datetime.now().astimezone())

    say_failure("the metrics could not be written", write)


def with_metrics(
    tell: Callable[[Event], None], settings: Settings, history: History, clock: Callable[[], float] = time.monotonic
) -> Callable[[Event], None]:
    """Return `tell`, with the metrics written anew as nodes come in, at most once a minute.

    A collection goes on until the deadline when a single node is missing. By then all others would look old.
    """
    last = clock()

    def tell_and_write(event: Event) -> None:
        nonlocal last
        tell(event)
        if event.kind in ("stored", "waiting", "done") and clock() - last >= _BETWEEN:
            last = clock()
            update_metrics(settings, history)

    return tell_and_write


def tell(settings: Settings, troubles: Iterable[tuple[str, str]] = ()) -> None:
    """Send what is due after a night: the digest, and the call of the webhook.

    `troubles` are what the run itself suffered from: of what kind, and in words.
    """
    if not (settings.mail or settings.notify):
        return

    def send() -> None:
        now = datetime.now().astimezone()
        found = verdict(settings, now, troubles)
        if settings.mail:
            say_failure("the digest was not sent", lambda: _mail(settings, found, now))
        if settings.notify:
            say_failure("the webhook was not called", lambda: _webhook(settings, found, now))

    say_failure("nobody was told how it went", send)


def verdict(settings: Settings, now: datetime, troubles: Iterable[tuple[str, str]] = ()) -> "Verdict":
    """Return what there is to tell, now. Where the nodes' statuses can't be had, that is what there is."""
    from kaizen_backups.signals.verdict import Trouble, judge

    also = [Trouble(kind, text) for kind, text in troubles]
    try:
        with open_history(settings.history_file) as history:
            found = fleet_status(read_list(settings.nodes_file), settings, history, now)
    except KaizenError as error:
        found = []
        also.append(Trouble("no status", str(error)))
    return judge(settings, found, now, also)


def _mail(settings: Settings, found: "Verdict", now: datetime) -> None:
    from kaizen_backups.signals.mail import send_digest  # what it needs takes long to load

    send_digest(settings, found, now)


def _webhook(settings: Settings, found: "Verdict", now: datetime) -> None:
    from kaizen_backups.signals.webhook import send_change  # what it needs takes long to load

    send_change(settings, found, now)
