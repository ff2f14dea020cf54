"""An answer is stored when it is a whole configuration, and else it is said why it is none."""

import socket

import pytest
from pydantic import SecretStr

from kaizen_backups.errors import DataError
from kaizen_backups.switches.credentials import Login
from kaizen_backups.switches.families import FAMILIES, Family
from kaizen_backups.switches.guard import MOST, Guard
from kaizen_backups.switches.redact import redact
from kaizen_backups.switches.text import configuration, same

PLAIN = Family("any", "generic", "show it", begins="begin", ends="end", volatile=("! at .*",))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\n\r"])
def test_line_ends_blanks_and_what_is_volatile_make_no_difference(end: str) -> None:
    answer = end.join(["", "begin", "! at 10:00", "a  ", "  b", "end", "", ""])
    assert configuration(answer, PLAIN) == "begin\na\n  b\nend\n"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("", "it answered nothing"),
        ("\r\n \r\n", "it answered nothing"),
        ("begin\na\nb", "cut short: after 3 lines it ends with: b"),
        ("welcome\na\nend", "does not begin as a configuration does, but with: welcome"),
        ("begin\nend", "has only 2 lines"),
        ("Error: no such thing\nend", "Error: no such thing"),
        ("begin\na\n% Authorization failed\nend", "% Authorization failed"),
        ("bash: nv: command not found", "command not found"),
        ("Traceback (most recent call last):\nbegin\na\nend", "with: Traceback (most recent call last):"),
        ("begin\na\nnclu.client.NoDaemonError: no answer", "answered 'show it' with: nclu.client.NoDaemonError"),
        ("begin\na\n--More--, next page: Space", "paging could not be turned off"),
        ("lines 1-24", "paging could not be turned off"),
        ("begin\na\nusername x password hunter2", "it ends with: username x password ***"),
    ],
)
def test_what_is_no_whole_configuration_is_refused(answer: str, complaint: str) -> None:
    with pytest.raises(DataError) as error:
        configuration(answer, PLAIN)
    assert complaint in str(error.value)


@pytest.mark.parametrize("family", ["nos", "cumulus-nclu"])
def test_what_no_configuration_begins_with_is_refused(family: str) -> None:
    with pytest.raises(DataError, match="does not begin as a configuration does, but with: Warning"):
        configuration("Warning\n  Out of order\n  Out of order\n!\n", FAMILIES[family])


@pytest.mark.parametrize("before", ["x" * 95, "\t" * 2])
def test_no_part_of_a_password_is_in_what_is_said_of_an_answer(before: str) -> None:
    login = Login(SecretStr("hun\u00adter2"))
    with pytest.raises(DataError) as error:
        configuration(f"begin\na\n-{before}hun\u00adter2", PLAIN, login.scrub)
    assert "cut short" in str(error.value)
    assert "hu" not in str(error.value)


def test_no_part_of_a_password_is_in_what_a_switch_said_last() -> None:
    one, other = socket.socketpair()
    with one, other, Guard(one, 60, Login(SecretStr("hunter2")).scrub) as guard:
        guard.heard("x" * 95 + "hun")
        guard.heard("ter2")
        assert guard.last_line() == "x" * 95 + "***"
        guard.heard("\nhunter2" + "y" * 396)
        assert "er2" not in guard.last_line()


def test_what_a_switch_encrypts_anew_each_time_is_no_change() -> None:
    one, other = 'user x password "0a1b"\nend\n', 'user x password "99ff"\nend\n'
    assert same(one, other, FAMILIES["enos"])
    assert not same(one, other, FAMILIES["nos"])
    assert not same(one, 'user y password "99ff"\nend\n', FAMILIES["enos"])


@pytest.mark.parametrize(
    "line",
    [
        "username admin password 7 HUSH role network-admin",
        'username admin password "HUSH\\n" encryption-level 7 role admin',
        "enable super-user-password 8 HUSH",
        "enable secret 9 HUSH",
        "snmp-server community HUSH ro",
        "snmp-server community 2 HUSH ro",
        "snmp-server host 10.0.0.9 traps version 2c HUSH",
        "snmp-server host 10.0.0.9 HUSH",
        "snmp-server user watch network-operator auth md5 HUSH priv HUSH localizedkey",
        "tacacs-server key 7 HUSH",
        "tacacs-server host 10.0.0.8 key 7 HUSH",
        "radius-server host 10.0.0.7 auth-port 1812 key 2 HUSH",
        "  key-string 7 HUSH",
        "  ip ospf message-digest-key 1 md5 3 HUSH",
        "ntp authentication-key 1 md5 HUSH 7",
        "ntp message-digest-key 1 md5-ekey HUSH",
        "  neighbor 10.0.0.1 password 3 HUSH",
        "  authentication text HUSH",
        "      hashed-password: HUSH",
        "      password: 'HUSH'",
        "net add snmp-server readonly-community HUSH access any",
        "net add snmp-server username watch auth-md5 HUSH encrypt-aes HUSH",
        "net add bgp neighbor swp1 password HUSH",
        "access user administrator-password HUSH",
        "   username admin nopassword $6$salt$HUSH",
        "logging http://backup:HUSH@10.0.0.6/",
        "crypto key import rsa HUSH",
        "   wpa psk=HUSH",
        "rocommunity HUSH default",
        "set vrrp authkey HUSH",
        "snmp user watch authpass HUSH privpass HUSH",
    ],
)
def test_a_secret_is_taken_out_of_a_copy_to_show(line: str) -> None:
    shown = redact(f"hostname leaf1\n{line}\n")
    assert "HUSH" not in shown
    assert "***" in shown
    assert shown.count("\n") == 2


def test_what_stands_below_a_secrets_key_is_taken_out() -> None:
    text = """\
- set:
    snmp-server:
      readonly-community:
        HUSH:
          access:
            any: {}

      listening-address:
        all: {}
      - password: |
          HUSH
        role: admin
    "shared-keys" :  # both
    - HUSH
    - HUSH
    vlan: 12
"""
    assert (
        redact(text)
        == """\
- set:
    snmp-server:
      readonly-community:
        ***
          ***
            ***

      listening-address:
        all: {}
      - password: ***
          ***
        role: admin
    "shared-keys" :  ***
    ***
    ***
    vlan: 12
"""
    )


def test_a_line_that_is_absurdly_long_is_taken_out_at_once() -> None:
    assert redact("key-" * 100_000) == "***"


def test_a_switch_that_answers_without_end_is_not_listened_to() -> None:
    one, other = socket.socketpair()
    with one, other, Guard(one, 60) as guard:
        guard.heard("x" * MOST)
        with pytest.raises(DataError, match="it answers more than 16"):
            guard.heard("x")


def test_a_private_key_is_taken_out_whole() -> None:
    text = "begin\n cert -----BEGIN RSA PRIVATE KEY-----\nHUSH\nHUSH\n-----END RSA PRIVATE KEY-----\nend\n"
    assert redact(text) == "begin\n cert ***\nend\n"


@pytest.mark.parametrize(
    "line",
    [
        "interface Ethernet1/1",
        " ip address 10.0.0.1/24",
        "vlan 12",
        "hostname monkey",
        "service password-encryption",
        " passive-interface default",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redact(line) == line
