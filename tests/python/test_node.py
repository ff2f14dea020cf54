"""A node's fields come from outside: what is not plainly one is refused."""

import base64
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from kaizen_backups.node import KEY_TYPES, MOST_KEYS, fingerprint, is_loopback
from samples import host_key, make_node

HOSTILE = [
    "", ".", "..", "../x", "a/b", "/etc", "-oProxyCommand=touch${IFS}x", "a b", "a\nb", "a\x00b", "a;b", "$(id)",
    "`id`", "a..b", ".a", "a.", "a'", 'a"', "a|b", "a*", "a?", "[a", "x" * 64, "é.example", "a\x1b[2J",
    "host,10.0.0.1", "#a", "@a",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["name", "address", "role", "user"])
def test_a_hostile_value_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        make_node(**{"name": "node1", field: value})


@pytest.mark.parametrize("name", ["node1", "node1.kaizen.example", "x_y-z.example", "1.example", "n" * 63])
def test_a_certname_is_taken(name: str) -> None:
    assert make_node(name).name == name


@pytest.mark.parametrize("address", ["10.0.0.1", "fe80::1", "2001:db8::5", "node1.kaizen.example", "127.0.0.1"])
def test_an_address_is_an_ip_or_a_name(address: str) -> None:
    assert make_node(address=address).address == address


@pytest.mark.parametrize(
    "address", ["10.0.0", "10.0.0.256", "1", "0x7f000001", "0x7f.1", "a.1", "10.0.0.1.", "::1%eth0;id", "10.0.0.1 -o x"]
)
def test_what_only_looks_like_an_ip_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        make_node(address=address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "239.1.1.1", "ff02::1", "::ffff:224.0.0.1"])
def test_what_is_not_the_address_of_one_host_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="must be the address of one host"):
        make_node(address=address)


def test_an_address_in_ipv6s_clothes_is_that_address() -> None:
    assert make_node(address="::ffff:10.0.0.4").address == "10.0.0.4"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.255.0.9", "::1", "localhost", "localhost.localdomain", "a.localhost", "ip6-localhost"]
)
def test_a_loopback_address_is_told_from_others(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["128.0.0.1", "::2", "fe80::1", "localhosts", "mylocalhost.example", "127.example"])
def test_other_addresses_are_told_from_loopback_ones(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("port", [0, 65536, -1, "22 -o x", "ssh", None, 2.5, True, False])
def test_a_port_is_a_port(port: object) -> None:
    with pytest.raises(ValidationError):
        make_node(port=port)


GOOD = host_key()


@pytest.mark.parametrize(
    "key",
    [
        "", "ssh-ed25519", "ssh-ed25519 ", f"{GOOD} comment", f" {GOOD}", f"{GOOD}\n", f"ssh-rsa {GOOD.split()[1]}",
        "ssh-ed25519 AAAA", "ssh-ed25519 !!!!", f"ssh-dss {GOOD.split()[1]}", f"@cert-authority {GOOD}",
        f"ssh-ed25519 {GOOD.split()[1]}\nevil ssh-ed25519 {GOOD.split()[1]}",
        "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519").decode(),
    ],
)  # fmt: skip
def test_a_host_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        make_node(host_keys=[key])


@pytest.mark.parametrize("kind", [kind for kind in KEY_TYPES if kind != "ssh-rsa"])
def test_a_host_key_has_the_length_of_its_type(kind: str) -> None:
    blob = base64.b64decode(host_key("one", kind).split(" ")[1])
    for wrong in (blob[:-1], blob + b"A"):
        with pytest.raises(ValidationError, match=f"the key has {len(wrong)} bytes, and one of type {kind} has"):
            make_node(host_keys=[f"{kind} {base64.b64encode(wrong).decode()}"])


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", 256), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 1024), ("rsa", 2048)]
)
def test_every_key_that_ssh_keygen_makes_is_taken(tmp_path: Path, kind: str, bits: int) -> None:
    make = ["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", str(tmp_path / "key")]
    subprocess.run(make, check=True)
    key = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    assert make_node(host_keys=[key]).host_keys == (key,)


@pytest.mark.parametrize("count", [0, MOST_KEYS + 1])
def test_a_node_has_some_host_keys_and_not_any_number(count: int) -> None:
    with pytest.raises(ValidationError):
        make_node(host_keys=[host_key(str(number)) for number in range(count)])


def test_a_fingerprint_is_what_ssh_keygen_shows(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key"], capture_output=True, text=True, check=True).stdout
    key = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    assert fingerprint(key) == shown.split()[1]
