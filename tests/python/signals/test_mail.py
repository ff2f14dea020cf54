"""One digest a night, when there is something to say; to a mail server, or through the local sendmail."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest
from pydantic import ValidationError

from certificates import Authority
from collected import Collected
from kaizen_backups.errors import ConfigError, KaizenError, UnavailableError
from kaizen_backups.history import History
from kaizen_backups.settings import Settings
from kaizen_backups.settings_told import Mail, Smtp
from kaizen_backups.signals import mail
from kaizen_backups.signals.mail import send_digest
from kaizen_backups.signals.verdict import judge
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.status import fleet_status
from receivers import PASSWORD, USER, MailServer

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[MailServer]:
    """Yield a mail server that takes everything."""
    with MailServer() as server:
        yield server


@pytest.fixture
def mailing(settings: Settings, server: MailServer) -> Settings:
    """Return settings with which that server gets the digest."""
    return with_mail(settings, server)


def with_mail(settings: Settings, server: MailServer, **more: object) -> Settings:
    smtp = {"host": "127.0.0.1", "port": server.port, "starttls": False, **more}
    wanted = {"to": ["ops@example.com", "root"], "from": "kaizen@example.com", "smtp": smtp}
    return settings.model_copy(update={"mail": Mail.model_validate(wanted)})


class Nights:
    """A collector's nights, each with a digest or without."""

    def __init__(self, settings: Settings, collected: Collected, history: History, server: MailServer) -> None:
        self.settings, self.collected, self.history, self.server = settings, collected, history, server

    def send(self, now: datetime = NOW) -> list[str]:
        """Send the digest if it is due; return the subjects of what came."""
        before = len(self.server.mails)
        found = fleet_status(self.collected.nodes, self.settings, self.history, now)
        sent = send_digest(self.settings, judge(self.settings, found, now), now)
        subjects = [str(one["Subject"]) for one in self.server.mails[before:]]
        assert sent == bool(subjects)
        return subjects


@pytest.fixture
def nights(mailing: Settings, collected: Collected, history: History, server: MailServer) -> Nights:
    """Return a collector whose digest goes to the server."""
    return Nights(mailing, collected, history, server)


def test_a_night_without_trouble_sends_nothing_unless_always(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-24")
    nights.collected.node("late", "2026-11-23")
    assert nights.send() == []
    assert nights.settings.mail
    always = nights.settings.mail.model_copy(update={"always": True})
    nights.settings = nights.settings.model_copy(update={"mail": always})
    assert nights.send() == ["kaizen: all 2 nodes safe"]
    assert nights.send() == []
    assert nights.send(NOW + timedelta(days=1)) != []


def test_what_is_unusual_is_told_though_all_are_safe(nights: Nights) -> None:
    for day in range(10, 24):
        nights.collected.receive("one", f"2026-11-{day}", size=1 << 30)
    nights.collected.node("one", "2026-11-24", size=1000)
    assert nights.send() == ["kaizen: 1 node safe, 1 unusual"]
    assert nights.send() == []


def test_rot_and_a_failed_drill_are_told_though_all_are_safe_and_again_when_more_comes(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-23")
    nights.collected.receive("one", "2026-11-24")
    nights.history.set_verdict("one", ["2026-11-23"], rotten=True)
    assert nights.send() == ["kaizen: 1 node safe, 1 rotten"]
    assert nights.send() == []
    nights.history.add_drill("one", Snapshot(NOW.date()), 1.0, ["nova.sql.zst: cannot be loaded"], {})
    assert nights.send() == ["kaizen: 1 node safe, 1 rotten, 1 not restorable"]
    (text,) = [part for part in nights.server.mails[-1].walk() if part.get_content_type() == "text/plain"]
    assert "Rotten\n  one: in 2026-11-23; 'kaizen verify one' names the files\n" in text.get_content().replace("\r", "")


def test_one_digest_a_date_and_another_when_more_is_wrong(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-20")
    nights.collected.node("two", "2026-11-24")
    assert nights.send() == ["kaizen: 1 of 2 nodes not safe"]
    assert nights.send(NOW + timedelta(hours=6)) == []
    nights.history.add_attempt("two", 1.0, 0, "cannot be reached")
    assert nights.send(NOW + timedelta(hours=7)) == ["kaizen: 2 of 2 nodes not safe"]
    nights.history.add_attempt("two", 1.0, 0, None)
    assert nights.send(NOW + timedelta(hours=8)) == []
    assert nights.send(NOW + timedelta(days=1)) == ["kaizen: 1 of 2 nodes not safe"]
    (text,) = [part for part in nights.server.mails[-1].walk() if part.get_content_type() == "text/plain"]
    assert "Safe again\n  two: it was not on 2026-11-24\n" in text.get_content().replace("\r", "")


def test_too_little_room_and_a_damaged_certificate_are_told(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-24")
    nights.settings = nights.settings.model_copy(update={"floor": 1 << 60})
    nights.settings.key.with_name("key-cert.pub").write_text("nothing")
    assert nights.send() == ["kaizen: 1 node safe, too little room, certificate"]


def test_a_lost_or_damaged_memory_sends_it_again(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-20")
    assert nights.send()
    for damage in (b"", b"[]", b'{"date": 1}', b"\xff"):
        mail.told_file(nights.settings).write_bytes(damage)
        assert nights.send()
        assert not nights.send()


def test_the_mail_is_whole_and_goes_to_everybody(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-20")
    nights.send()
    (message,) = nights.server.mails
    assert nights.server.recipients == [["ops@example.com", "root"]]
    assert message["From"] == "kaizen@example.com"
    assert message["To"] == "ops@example.com, root"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"].startswith("<")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_it_logs_in_over_tls_and_checks_the_certificate(
    nights: Nights, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    nights.collected.node("one", "2026-11-20")
    with MailServer(authority.sign("localhost")) as server:
        nights.server = server
        login = {"starttls": True, "user": USER, "password_file": str(password)}
        nights.settings = with_mail(nights.settings, server, **login)
        with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            nights.send()
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        password.write_text("wrong")
        with pytest.raises(UnavailableError, match=r"mail: 127\.0\.0\.1:\d+: 535 ") as refused:
            nights.send()
        assert "wrong" not in str(refused.value)
        password.write_text(f"{PASSWORD}\n")
        assert nights.send()
        password.unlink()
        with pytest.raises(ConfigError, match="password: the password for the mail server cannot be read"):
            nights.send(NOW + timedelta(days=1))


def test_a_server_that_refuses_or_is_not_there_is_named_and_it_is_tried_again_next_time(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-20")
    with MailServer(answer="554 no \x1b[31mthanks") as server:
        refusing = with_mail(nights.settings, server)
    good, nights.settings = nights.settings, refusing
    with pytest.raises(UnavailableError, match=r"mail: 127\.0\.0\.1:\d+: .*refused"):
        nights.send()
    with MailServer(answer="554 no \x1b[31mthanks") as server:
        nights.settings = with_mail(nights.settings, server)
        with pytest.raises(UnavailableError, match=r"554 no \\x1b\[31mthanks"):
            nights.send()
    nights.settings = good
    assert nights.send()


@pytest.fixture
def sendmail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a sendmail that keeps its arguments and its mail beside itself."""
    program = tmp_path / "sendmail"
    program.write_text('#!/bin/sh\necho "$@" >"$0.arguments"\ncat >"$0.mail"\n')
    program.chmod(0o755)
    monkeypatch.setattr(mail, "_SENDMAIL", program)
    return program


def test_without_a_server_the_local_sendmail_gets_it(nights: Nights, sendmail: Path) -> None:
    nights.collected.node("one", "2026-11-20")
    nights.settings = nights.settings.model_copy(update={"mail": Mail(to=("ops@example.com",))})
    found = fleet_status(nights.collected.nodes, nights.settings, nights.history, NOW)
    assert send_digest(nights.settings, judge(nights.settings, found, NOW), NOW)
    assert Path(f"{sendmail}.arguments").read_text() == "-t -i\n"
    data = Path(f"{sendmail}.mail").read_bytes()
    assert b"\r" not in data
    message = BytesParser(policy=default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    assert (message["To"], message["Subject"]) == ("ops@example.com", "kaizen: 1 of 1 node not safe")
    assert str(message["From"]).startswith("root@")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo 'sendmail: fatal: no queue' >&2; exit 75", "sendmail: sendmail: fatal: no queue"),
        ("exec sleep 100", "sendmail did not end within 0 s"),
        ("", "there is no .*sendmail; install a mail server, or give 'smtp'"),
    ],
)
def test_a_sendmail_that_fails_hangs_or_is_missing_is_said(
    nights: Nights, sendmail: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    sendmail.write_text(f"#!/bin/sh\n{body}\n") if body else sendmail.unlink()
    monkeypatch.setattr(mail, "_PATIENCE", 0.2 if "sleep" in body else 30)
    nights.collected.node("one", "2026-11-20")
    nights.settings = nights.settings.model_copy(update={"mail": Mail(to=("ops@example.com",))})
    found = fleet_status(nights.collected.nodes, nights.settings, nights.history, NOW)
    with pytest.raises(KaizenError, match=said):
        send_digest(nights.settings, judge(nights.settings, found, NOW), NOW)
    assert not os.path.exists(mail.told_file(nights.settings))  # noqa: PTH110


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com\nBcc: evil@example.com",
        "a@example.com, b@example.com",
        "A <a@example.com>",
        "-oQ/tmp",
        "a@",
        "ä@b",
    ],
)
def test_what_could_be_more_than_one_address_is_refused(address: str) -> None:
    for wanted in ({"to": [address]}, {"to": ["root"], "from": address}):
        with pytest.raises(ValidationError, match="must be a mail address"):
            Mail.model_validate(wanted)


@pytest.mark.parametrize(
    "smtp",
    [
        {"host": "mail.example", "user": "u", "password_file": "/p", "starttls": False},
        {"host": "mail.example", "user": "u"}, {"host": "mail.example", "password_file": "/p"},
        {"host": "mail.example\r\nRCPT"}, {"host": "-x"},
    ],
)  # fmt: skip
def test_a_password_goes_over_tls_alone_and_a_host_is_a_host(smtp: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Smtp.model_validate(smtp)
    login = {"user": "u", "password_file": "/p"}
    assert Smtp.model_validate({"host": "mail.example", **login}).starttls
    assert not Smtp.model_validate({"host": "localhost", "starttls": False, **login}).starttls
