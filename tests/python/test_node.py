"""A node's fields come from outside: what is not plainly one is refused."""

import base64
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from kaizen_backups.node import fingerprint
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


@pytest.mark.parametrize("address", ["10.0.0.1", "fe80::1", "2001:db8::5", "node1.kaizen.example", "localhost"])
def test_an_address_is_an_ip_or_a_name(address: str) -> None:
    assert make_node(address=address).address == address


@pytest.mark.parametrize(
    "address", ["10.0.0", "10.0.0.256", "1", "0x7f000001", "0x7f.1", "a.1", "10.0.0.1.", "::1%eth0;id", "10.0.0.1 -o x"]
)
def test_what_only_looks_like_an_ip_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        make_node(address=address)


@pytest.mark.parametrize("port", [0, 65536, -1, "22 -o x", "ssh", None, 2.5])
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


def test_a_node_without_a_host_key_is_refused() -> None:
    with pytest.raises(ValidationError):
        make_node(host_keys=[])


def test_a_fingerprint_is_what_ssh_keygen_shows(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key"], capture_output=True, text=True, check=True).stdout
    key = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    assert fingerprint(key) == shown.split()[1]
