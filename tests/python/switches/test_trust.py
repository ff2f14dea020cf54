"""A script may trust a switch's host key by its fingerprint: by that one, and no other."""

from collections.abc import Iterator

import paramiko
import pytest

from fake_switch import BY_FAMILY, KEYS, FakeSwitch
from kaizen_backups.errors import ConfigError
from switch_site import Site

OS10 = BY_FAMILY["dell-os10"]
RSA = paramiko.RSAKey.generate(2048)


@pytest.fixture
def switch(site: Site) -> Iterator[FakeSwitch]:
    """Yield a switch with two host keys, none of which is known."""
    with FakeSwitch(OS10, more_keys=[RSA]) as switch:
        site.add("leaf1", switch, known=False)
        yield switch


def line(name: str, key: paramiko.PKey) -> str:
    return f"{name} {key.get_name()} {key.get_base64()}\n"


@pytest.mark.parametrize("key", [KEYS[0], RSA], ids=["ecdsa", "rsa"])
def test_a_key_with_the_fingerprint_is_put_into_known_hosts_and_the_switch_is_fetched(
    site: Site, switch: FakeSwitch, key: paramiko.PKey
) -> None:
    result = site.kaizen("switches", "keys", "leaf1", "--fingerprint", key.fingerprint)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"leaf1: {key.get_name()} {key.fingerprint} is trusted now ({site.known_hosts})\n"
    assert site.known_hosts.read_text() == line("leaf1", key)
    assert site.kaizen("switches").exit_code == 0
    again = site.kaizen("switches", "keys", "leaf1", "--fingerprint", key.fingerprint)
    assert "was trusted already" in again.stderr
    assert site.known_hosts.read_text() == line("leaf1", key)


def test_no_other_key_is_trusted_and_those_that_it_has_are_named(site: Site, switch: FakeSwitch) -> None:
    site.know("leaf2", KEYS[0])
    before = site.known_hosts.read_text()
    result = site.kaizen("switches", "keys", "leaf1", "--fingerprint", KEYS[1].fingerprint)
    message = str(result.exception)
    assert message.startswith(f"leaf1: no host key of it has the fingerprint {KEYS[1].fingerprint}; it offers ")
    assert KEYS[0].fingerprint in message
    assert RSA.fingerprint in message
    assert site.known_hosts.read_text() == before


def test_the_key_replaces_the_switchs_own_and_leaves_all_other_lines(site: Site, switch: FakeSwitch) -> None:
    others = "# R\xf6w two\nbroken\n" + line("leaf2", KEYS[1])
    text = others + line("leaf3,leaf1", KEYS[1]) + line("leaf1", KEYS[1])
    site.known_hosts.write_bytes(text.encode("latin-1"))
    assert site.kaizen("switches", "keys", "leaf1", "--fingerprint", KEYS[0].fingerprint).exit_code == 0
    wanted = others + line("leaf3", KEYS[1]) + line("leaf1", KEYS[0])
    assert site.known_hosts.read_bytes() == wanted.encode("latin-1")


def test_a_fingerprint_is_of_one_switch(site: Site, switch: FakeSwitch) -> None:
    site.add("leaf2", switch, known=False)
    result = site.kaizen("switches", "keys", "leaf1", "leaf2", "--fingerprint", KEYS[0].fingerprint)
    assert result.exit_code != 0
    assert "give one NAME" in result.output
    assert not site.known_hosts.exists()


def test_a_switch_that_does_not_answer_is_said_to_be_so(site: Site) -> None:
    with FakeSwitch(OS10) as switch:
        site.add("leaf1", switch, known=False)
    result = site.kaizen("switches", "keys", "leaf1", "--fingerprint", KEYS[0].fingerprint)
    assert "Connection refused" in str(result.exception)


@pytest.mark.parametrize(
    "given", ["", "SHA256:", "MD5:" + "00:" * 15 + "00", "SHA256:" + "x" * 42, "SHA256:" + "x" * 44]
)
def test_what_is_no_fingerprint_is_a_mistake_and_no_reason_to_show_the_key(
    site: Site, switch: FakeSwitch, given: str
) -> None:
    result = site.kaizen("switches", "keys", "leaf1", "--fingerprint", given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--fingerprint" in result.stderr
    assert "SHA256: and 43 characters" in result.stderr
    assert not site.known_hosts.exists()


def test_a_switch_that_another_line_keeps_from_being_fetched_is_not_said_to_be_trusted(
    site: Site, switch: FakeSwitch
) -> None:
    site.known_hosts.write_text("@revoked " + line("leaf1", KEYS[1]))
    result = site.kaizen("switches", "keys", "leaf1", "--fingerprint", KEYS[0].fingerprint)
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith(f"{site.known_hosts}:1: it is no host key")
    assert "trusted" not in result.stderr
