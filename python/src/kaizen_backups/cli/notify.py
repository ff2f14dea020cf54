"""`kaizen notify`: tell now, by mail and webhook, how it stands."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import click

from kaizen_backups.cli.signals import verdict
from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.signals import mail, webhook
from kaizen_backups.signals.digest import digest
from kaizen_backups.signals.told import read_told
from kaizen_backups.signals.verdict import Verdict

_TEST = "kaizen: this is only a test"


@click.command("notify")
@click.option("--mail", "by_mail", is_flag=True, help="Only the mail digest.")
@click.option("--webhook", "by_webhook", is_flag=True, help="Only the webhook.")
@click.option(
    "--test", is_flag=True, help="Say in the title that it is a test; the next real one is sent all the same."
)
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be sent; send nothing.")
@click.pass_context
def command(context: click.Context, *, by_mail: bool, by_webhook: bool, test: bool, dry_run: bool) -> None:
    """Send the mail digest, and call the webhook, now: whatever there is to say, and whatever was said before.

    What is not in the settings is left out. After each nightly collection both go out by themselves: the digest when
    something is wrong, once a date and again when more is; the webhook when something else is wrong than before.

    \b
    Examples:
      kaizen notify --test             does it arrive?
      kaizen notify --mail --dry-run   what would the digest say?
    """
    settings = load_settings(context.obj)
    ways = _ways(settings, by_mail=by_mail, by_webhook=by_webhook)
    now = datetime.now().astimezone()
    found = verdict(settings, now)
    failures = [error for way in ways if (error := _attempt(way(settings, found, now, test), dry_run=dry_run))]
    for error in failures:
        click.echo(f"kaizen: {error}", err=True)
    if failures:
        context.exit(failures[0].exit_code)


@dataclass(frozen=True)
class _Message:
    """What is shown of a message, and what sends it."""

    shown: str
    send: Callable[[], object]


_Way = Callable[[Settings, Verdict, datetime, bool], _Message]


def _ways(settings: Settings, *, by_mail: bool, by_webhook: bool) -> list[_Way]:
    for asked, section, name in ((by_mail, settings.mail, "mail"), (by_webhook, settings.notify, "notify")):
        if asked and not section:
            raise ConfigError(f"the settings have no '{name}'; see 'kaizen config example'")
    both = by_mail == by_webhook
    ways: list[_Way] = [_by_mail] if settings.mail and (by_mail or both) else []
    ways += [_by_webhook] if settings.notify and (by_webhook or both) else []
    if not ways:
        raise ConfigError("the settings have neither 'mail' nor 'notify'; see 'kaizen config example'")
    return ways


def _attempt(message: _Message, *, dry_run: bool) -> KaizenError | None:
    if dry_run:
        click.echo(message.shown)
        return None
    try:
        message.send()
    except KaizenError as error:
        return error
    return None


def _by_mail(settings: Settings, found: Verdict, now: datetime, test: bool) -> _Message:
    wanted = settings.mail
    assert wanted
    made = digest(found, read_told(mail.told_file(settings)))
    if test:
        made = replace(made, subject=f"{_TEST} ({made.subject})")
    shown = f"To: {', '.join(wanted.to)}\nSubject: {made.subject}\n\n{made.text}"
    if test:
        return _Message(shown, lambda: mail.send(wanted, made, now))
    return _Message(shown, lambda: mail.send_digest(settings, found, now, anyway=True))


def _by_webhook(settings: Settings, found: Verdict, now: datetime, test: bool) -> _Message:
    wanted = settings.notify
    assert wanted
    data = webhook.payload(found, read_told(webhook.told_file(settings)), now)
    if test:
        data |= {"title": f"{_TEST} ({data['title']})", "text": f"{_TEST}\n{data['text']}", "test": True}
    shown = json.dumps(data, indent=2)
    if test:
        return _Message(shown, lambda: webhook.call(wanted, data))
    return _Message(shown, lambda: webhook.send_change(settings, found, now, anyway=True))
