"""What a restored node must have."""

import base64
from pathlib import Path

import pytest

from kaizen_backups.drill.checks import check_databases, check_tree, missing_tables
from kaizen_backups.restore.contents import opened

FERNET = "etc/keystone/fernet-keys"
KEY = base64.urlsafe_b64encode(b"\xff" * 32)
OF_A_SITE = {"role": ["ours"], "agent_version": ["1"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a node's tree that has all that it must have."""
    write(tmp_path / "etc/nova/nova.conf", b"# first\n[DEFAULT]\na = 1\na = 2\n  more\n[db]\nurl: x\n")
    write(tmp_path / "etc/nova/policy.yaml", b"not: [an ini")
    write(tmp_path / "etc/neutron/dnsmasq.conf", b"dhcp-option=1\n")
    write(tmp_path / "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    for name in ("0", "4", "5"):
        write(tmp_path / FERNET / name, KEY + b"\n")
    return tmp_path


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def problems(root: Path, info: dict[str, list[str]] | None = None) -> list[str]:
    with opened(root) as descriptor:
        return check_tree(descriptor, info or OF_A_SITE, "1")


def test_a_good_tree_has_no_problem(root: Path) -> None:
    assert problems(root) == []
    write(root / FERNET / "0", base64.b64encode(b"\xff" * 32))  # as openssl and base64 write it
    assert problems(root) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "etc/nova/nova.conf",
            b"[DEFAULT]\npassword secret\n",
            "/etc/nova/nova.conf:2 is no line of a file of settings",
        ),
        ("etc/nova/nova.conf", b"secret = 1\n", "/etc/nova/nova.conf:1 is no line of a file of settings"),
        ("etc/nova/nova.conf", b"", "/etc/nova/nova.conf has no setting in it"),
        ("etc/nova/api.conf", b"[x\n", "/etc/nova/api.conf:1 is no line of a file of settings"),
        ("etc/nova/nova.conf", b"[a]\nb=\xff\n", "/etc/nova/nova.conf cannot be read as settings"),
        (f"{FERNET}/5", b"c2hvcnQ=", f"/{FERNET}/5 is no Fernet key: 5 bytes, not 32"),
        (f"{FERNET}/5", b"\0" * 44, f"/{FERNET}/5 is no Fernet key"),
        (f"{FERNET}/5", b"!" + KEY, f"/{FERNET}/5 is no Fernet key"),
        (f"{FERNET}/5", b"", f"/{FERNET}/5 is no Fernet key: 0 bytes, not 32"),
        ("etc/passwd", b"\0" * 100, "/etc/passwd has no account root"),
    ],
)
def test_what_is_wrong_is_named_without_what_stands_there(root: Path, name: str, content: bytes, problem: str) -> None:
    write(root / name, content)
    (found,) = problems(root)
    assert found.startswith(problem)
    assert "secret" not in found


def test_a_key_repository_without_a_key_is_none(root: Path) -> None:
    for name in ("0", "4", "5"):
        (root / FERNET / name).unlink()
    write(root / FERNET / "README", b"")
    assert problems(root) == [f"/{FERNET} has no key in it"]


def test_no_symlink_of_the_tree_is_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    write(outside / "nova.conf", b"secret nonsense\n")
    (root / "etc/nova/nova.conf").unlink()
    (root / "etc/nova/nova.conf").symlink_to(outside / "nova.conf")
    (root / "etc/heat").symlink_to(outside)
    (root / "etc/cinder").mkdir()
    (root / "etc/cinder/cinder.conf").symlink_to(outside / "nova.conf")
    assert problems(root) == []


def test_what_the_role_saves_is_there_unless_the_agent_said_that_the_node_has_it_not(root: Path) -> None:
    info = {"role": ["generic"], "agent_version": ["1"], "skipped_path": ["/var/spool/cron"]}
    assert problems(root, info) == [f"/{path}, which role generic saves, is missing" for path in ("root", "usr/local")]
    for path in ("root", "usr/local"):
        (root / path).mkdir(parents=True)
    assert problems(root, info) == []
    (root / "root").rmdir()
    assert problems(root, {**info, "agent_version": ["0"]}) == []  # its roles may have been others


@pytest.mark.parametrize(
    ("rows", "found"),
    [({"user": 2}, []), ({"user": 0}, ["the table user has no row"]), ({"users": 2}, ["the table user is missing"])],
)
def test_keystone_knows_a_user(rows: dict[str, int], found: list[str]) -> None:
    dump = "/dumps/mysql/keystone.sql.zst"
    assert check_databases({dump: rows, "/dumps/mysql/nova.sql.zst": {}}) == [
        f"{dump}: {words}: nobody could log in" for words in found
    ]


def test_dumps_and_tables_that_are_gone_are_named() -> None:
    before = {"/a": {"one": 1, "two": 2}, "/b": {"x": 1}, "/c": {"y": 1}}
    now = {"/a": {"two": 0, "new": 1}}
    assert missing_tables(now, before, ["/a", "/c"]) == [
        "/b, which the last good drill had, is missing",
        "/a: the table one, which it had, is missing",
    ]  # of /c, which could not be loaded, something else was said
