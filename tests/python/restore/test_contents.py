"""A snapshot's tree is walked without following what a node put there."""

import os
from pathlib import Path

import pytest

from kaizen_backups.restore.contents import Contents, Kind, LeadsThroughSymlinkError, gather, lookup, opened
from kaizen_backups.tree import File


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "snapshot"
    (root / "etc/nova").mkdir(parents=True)
    (root / "etc/nova/nova.conf").write_bytes(b"conf")
    (root / "etc/out").symlink_to(tmp_path / "outside")
    os.link(root / "etc/nova/nova.conf", root / "etc/linked")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (root / "dumps").mkdir()
    (root / "dumps/nova.sql").write_bytes(b"dump")
    for name in ("SHA256SUMS", "backup.info"):
        (root / name).write_bytes(b"")
    return root


def everything(tree: Path, *names: bytes) -> Contents:
    with opened(tree) as root:
        return gather(root, names, File.sha256)


def kinds(contents: Contents) -> dict[bytes, str]:
    return {name: entry.kind.value for name, entry in contents.entries.items()}


def test_a_path_through_a_symlink_is_refused_and_its_end_named(tree: Path) -> None:
    with opened(tree) as root, pytest.raises(LeadsThroughSymlinkError, match=r"/etc/out is a symlink to .*/outside"):
        lookup(root, b"etc/out/secret")


def test_a_symlink_itself_is_there_and_is_not_walked_into(tree: Path) -> None:
    with opened(tree) as root:
        assert lookup(root, b"etc/out")
    assert kinds(everything(tree, b"etc/out")) == {b"etc": "a", b"etc/out": "l"}


@pytest.mark.parametrize("name", [b"etc/none", b"none/x", b"etc/nova/nova.conf/x", b"x" * 300])
def test_what_is_not_there_is_not_found(tree: Path, name: bytes) -> None:
    with opened(tree) as root:
        assert lookup(root, name) is None


def test_what_leads_to_a_file_is_told_from_what_is_wanted(tree: Path) -> None:
    assert kinds(everything(tree, b"etc/nova/nova.conf")) == {
        b"etc": "a",
        b"etc/nova": "a",
        b"etc/nova/nova.conf": "f",
    }
    both = everything(tree, b"etc/nova/nova.conf", b"etc")
    assert both.entries[b"etc"].kind == both.entries[b"etc/nova"].kind == Kind.DIRECTORY


def test_the_whole_of_a_node_has_none_of_what_is_the_snapshots_own(tree: Path) -> None:
    assert b"etc/nova/nova.conf" in everything(tree, b"").entries
    assert not {b"dumps", b"SHA256SUMS", b"backup.info"} & everything(tree, b"").entries.keys()
    assert b"dumps/nova.sql" in everything(tree, b"dumps").entries


def test_names_come_with_their_hard_links(tree: Path) -> None:
    contents = everything(tree, b"etc")
    assert contents.with_links([b"etc/linked", b"etc/out"]) == [b"etc/linked", b"etc/nova/nova.conf", b"etc/out"]
