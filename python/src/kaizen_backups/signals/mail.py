"""Sends mail: to a mail server, or through the local sendmail. One digest a night, when there is something to say."""

import asyncio
import smtplib
import socket
import ssl
import tempfile
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

from kaizen_backups.errors import ConfigError, KaizenError, UnavailableError, printable
from kaizen_backups.run import run
from kaizen_backups.settings import Settings
from kaizen_backups.settings_told import Mail, Smtp
from kaizen_backups.signals.digest import Digest, digest
from kaizen_backups.signals.told import Told, read_told, write_told
from kaizen_backups.signals.verdict import Verdict

_SENDMAIL = Path("/usr/sbin/sendmail")
_PATIENCE = 30.0


def told_file(settings: Settings) -> Path:
    """Return where it is noted what the last digest had to say."""
    return settings.told_directory / "mail.json"


def send_digest(settings: Settings, verdict: Verdict, now: datetime, *, anyway: bool = False) -> bool:
    """Send the night's digest, unless there is nothing to say or it was sent; return whether. Raises KaizenError.

    `now` has the collector's time zone.
    """
    if not settings.mail:
        return False
    last = read_told(told_file(settings))
    changed = [change for change in verdict.changed if anyway or str(change) not in last.changed]
    news = replace(verdict, changed=changed)
    if not anyway and not is_due(news, last, now, always=settings.mail.always):
        return False
    send(settings.mail, digest(news, last), now)
    write_told(told_file(settings), str(now.date()), verdict.concerns(), map(str, verdict.changed))
    return True


def is_due(verdict: Verdict, last: Told, now: datetime, *, always: bool) -> bool:
    """Tell whether a digest is to be sent: one a date, and another when more is wrong than in that.

    A switch's changed configuration is worth one, too.
    """
    if verdict.all_is_well and not (verdict.changed or always):
        return False
    return last.date != str(now.date()) or bool(verdict.concerns() - last.concerns)


def send(mail: Mail, content: Digest, now: datetime) -> None:
    """Send a digest. Raises KaizenError."""
    message = compose(mail, content, now)
    if mail.smtp:
        _by_smtp(mail.smtp, message)
    else:
        _by_sendmail(message)


def compose(mail: Mail, content: Digest, now: datetime) -> EmailMessage:
    """Return the mail; EmailMessage refuses a header with a line end."""
    host = socket.getfqdn()
    message = EmailMessage(policy=SMTP)
    message["Subject"] = content.subject
    message["From"] = mail.sender or f"root@{host}"
    message["To"] = ", ".join(mail.to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid("kaizen", host)
    # No holiday notes are sent back to it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    return message


def _by_smtp(smtp: Smtp, message: EmailMessage) -> None:
    where = f"mail: {smtp.host}:{smtp.port}"
    password = _password(smtp.password_file) if smtp.password_file else ""
    try:
        with smtplib.SMTP(smtp.host, smtp.port, timeout=_PATIENCE) as server:
            if smtp.starttls:
                server.starttls(context=ssl.create_default_context())
            if smtp.user:
                server.login(smtp.user, password)
            refused = server.send_message(message)
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise UnavailableError(f"{where}: {error.smtp_code} {printable(said)}") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise UnavailableError(f"{where}: {_refusals(error.recipients)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise UnavailableError(f"{where}: {printable(str(error))}") from error
    if refused:
        raise UnavailableError(f"{where}: {_refusals(refused)}")


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{to}: {code} {printable(said.decode(errors='replace'))}" for to, (code, said) in refused.items())


def _password(file: Path) -> str:
    try:
        password = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the password for the mail server cannot be read: {error}") from error
    if not password.isascii():
        raise ConfigError(f"{file}: the password for the mail server must be ASCII")  # as smtplib has it
    return password


def _by_sendmail(message: EmailMessage) -> None:
    if not _SENDMAIL.exists():
        raise ConfigError(f"mail: there is no {_SENDMAIL}; install a mail server, or give 'smtp' in the settings")
    with tempfile.TemporaryFile() as file:
        file.write(message.as_bytes(policy=message.policy.clone(linesep="\n")))
        file.seek(0)
        work = run([str(_SENDMAIL), "-t", "-i"], stdin=file.fileno())
        try:
            result = asyncio.run(asyncio.wait_for(work, _PATIENCE))
        except TimeoutError:
            raise UnavailableError(f"mail: {_SENDMAIL} did not end within {_PATIENCE:.0f} s") from None
    if result.code:
        raise KaizenError(f"mail: {_SENDMAIL}: {printable(result.last_words)}")
