"""The digest tells what has changed in a switch, and shows no secret: a mail is read by many."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from fake_switch import BY_FAMILY, FakeSwitch
from kaizen_backups.signals import mail
from kaizen_backups.signals.mail import is_due, send_digest
from kaizen_backups.signals.told import Told
from kaizen_backups.signals.verdict import Trouble, Verdict
from kaizen_backups.status import NodeStatus, State
from kaizen_backups.switches.changed import MOST_LINES, config_changes
from switch_site import Site

OS10 = BY_FAMILY["dell-os10"]
PASSWORD_LINE = "username admin password 7 s3cr3tHash"


@pytest.fixture
def switch(site: Site) -> Iterator[FakeSwitch]:
    """Yield a switch of which a configuration of yesterday is stored."""
    settings = yaml.safe_load(site.config.read_text())
    site.config.write_text(yaml.safe_dump({**settings, "mail": {"to": ["ops@example.com"]}}))
    with FakeSwitch(OS10) as switch:
        site.add("leaf1", switch)
        site.kaizen("switches")
        site.a_day_passes()
        yield switch


def digest(site: Site) -> str:
    return site.kaizen("notify", "--mail", "--dry-run").output


def with_lines(changes: dict[str, str]) -> list[str]:
    return [changes.get(line, line) for line in OS10.config]


def test_a_change_is_in_the_digest_with_its_diff(site: Site, switch: FakeSwitch) -> None:
    switch.answer = with_lines({"interface 7": "interface 7000", PASSWORD_LINE: "username admin password 7 n3wHash"})
    site.kaizen("switches")
    said = digest(site)
    assert "Subject: kaizen: 1 node safe, 1 switch changed" in said
    assert "    -interface 7\n    +interface 7000\n" in said
    assert "n3wHash" not in said
    assert "s3cr3tHash" not in said


def test_of_a_changed_password_only_that_is_told(site: Site, switch: FakeSwitch) -> None:
    switch.answer = with_lines({PASSWORD_LINE: "username admin password 7 n3wHash"})
    site.kaizen("switches")
    assert "nothing but what may be a secret has changed, and is not shown" in digest(site)


def test_an_unchanged_switch_is_no_news(site: Site, switch: FakeSwitch) -> None:
    site.kaizen("switches")
    assert "changed" not in digest(site)


def test_a_change_between_two_nights_is_told_in_the_second(site: Site, switch: FakeSwitch) -> None:
    site.kaizen("switches")
    switch.answer = with_lines({"interface 7": "interface 7000"})
    site.kaizen("switches")
    site.a_day_passes()
    site.kaizen("switches")
    assert "+interface 7000" in digest(site)
    site.a_day_passes()
    site.kaizen("switches")
    assert "+interface 7000" not in digest(site)


def test_a_change_after_the_days_first_configuration_is_told_once_in_the_next_night(
    site: Site, switch: FakeSwitch
) -> None:
    switch.answer = with_lines({"interface 7": "interface 7000"})
    site.kaizen("switches")
    switch.answer = with_lines({"interface 7": "interface 7000", "interface 8": "interface 8000"})
    site.kaizen("switches")
    said = digest(site)
    assert "+interface 7000" in said
    assert "+interface 8000" not in said
    site.a_day_passes()
    site.kaizen("switches")
    said = digest(site)
    assert "+interface 8000" in said
    assert "+interface 7000" not in said


def test_a_days_second_mail_does_not_tell_a_change_again_unless_somebody_asks_for_it(
    site: Site, switch: FakeSwitch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sendmail = tmp_path / "sendmail"
    sendmail.write_text('#!/bin/sh\ncat >"$0.mail"\n')
    sendmail.chmod(0o755)
    monkeypatch.setattr(mail, "_SENDMAIL", sendmail)
    switch.answer = with_lines({"interface 7": "interface 7000"})
    site.kaizen("switches")
    now = datetime.now().astimezone()
    fresh = NodeStatus("leaf1", "switch", State.FRESH, None, None, None, None, 1, None)
    first = Verdict("backup", [fresh], changed=config_changes(site.settings.store, [fresh], now.date()))
    second = replace(first, troubles=[Trouble("too little room", "for a night")])
    mails = []
    for verdict, anyway in ((first, False), (second, False), (second, True)):
        assert send_digest(site.settings, verdict, now, anyway=anyway)
        mails.append((tmp_path / "sendmail.mail").read_text())
    assert ["+interface 7000" in text for text in mails] == [True, False, True]
    assert "1 switch changed" not in mails[1]
    tomorrow = now + timedelta(days=1)
    assert not send_digest(site.settings, first, tomorrow), "what was told is no reason for a mail"


def test_a_long_diff_is_cut_and_it_is_said_how_the_rest_is_seen(site: Site, switch: FakeSwitch) -> None:
    switch.answer = [*OS10.config, *(f"vlan {number}" for number in range(100)), "!"]
    site.kaizen("switches")
    today = datetime.now().astimezone().date()
    status = NodeStatus("leaf1", "switch", State.FRESH, None, None, None, None, 1, None)
    (change,) = config_changes(site.settings.store, [status], today)
    assert len(change.diff) == MOST_LINES + 1
    assert change.diff[-1].endswith("more lines: 'kaizen history leaf1 /running-config --diff'")
    assert config_changes(site.settings.store, [replace(status, role="compute")], today) == []


def test_a_change_is_worth_a_mail_though_all_is_well(site: Site, switch: FakeSwitch) -> None:
    switch.answer = with_lines({"interface 7": "interface 7000"})
    site.kaizen("switches")
    fresh = NodeStatus("leaf1", "switch", State.FRESH, None, None, None, None, 1, None)
    changed = config_changes(site.settings.store, [fresh], datetime.now().astimezone().date())
    now = datetime(2026, 11, 24, 6).astimezone()
    assert is_due(Verdict("backup", [fresh], changed=changed), Told(), now, always=False)
    assert not is_due(Verdict("backup", [fresh]), Told(), now, always=False)
    assert not is_due(Verdict("backup", [fresh], changed=changed), Told(str(date(2026, 11, 24))), now, always=False)
