"""A large file that changed in part takes what changed, where the file system shares blocks; elsewhere it is whole."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.share_blocks import LARGE, share_blocks
from kaizen_backups.store import sync
from kaizen_backups.sums import check_tree
from kaizen_backups.tree import regular_files

Make = Callable[..., Path]
MIB = 1 << 20
SIZE, EVERY = 40 * MIB, 5 * MIB


def content() -> bytes:
    """Return what can't be shared within itself."""
    return os.urandom(SIZE)


def changed(data: bytes) -> bytes:
    """Return it with a bit changed every now and then, and a good part appended, as to a log."""
    other = bytearray(data)
    for start in range(0, SIZE, EVERY):
        other[start] ^= 1
    return bytes(other) + os.urandom(MIB)


def used(disk: Path) -> int:
    sync(disk)
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def state(file: Path) -> tuple[int, ...]:
    status = file.stat()
    return status.st_ino, status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns, status.st_nlink


def share(snapshot: Path, last: Path) -> int:
    return sum(share_blocks(file, last) for file in regular_files(snapshot, last))


def test_a_large_file_changed_in_place_takes_what_changed(disk: Path, make_snapshot: Make) -> None:
    data = content()
    last = make_snapshot("disk/last", large=data)
    before = used(disk)
    snapshot = make_snapshot("disk/snapshot", large=changed(data))
    (snapshot / "large").chmod(0o640)
    os.utime(snapshot / "large", ns=(1, 1_700_000_000_123_456_789))
    whole = used(disk) - before
    files = [last / "large", snapshot / "large"]
    states, ctime = [state(file) for file in files], files[0].stat().st_ctime_ns
    shared = share(snapshot, last)
    taken = used(disk) - before
    if subprocess.check_output(["stat", "-f", "-c", "%T", disk]) == b"ext2/ext3\n":
        assert (taken, shared) == (whole, 0)
    else:
        assert taken < SIZE // 8
        assert shared > SIZE * 7 // 8
    assert [state(file) for file in files] == states
    assert files[0].stat().st_ctime_ns == ctime, "nothing is done to what is stored"
    assert check_tree(last)
    assert check_tree(snapshot)


@pytest.mark.parametrize("disk", ["xfs"], indirect=True)
def test_what_may_not_be_written_to_is_not(disk: Path, make_snapshot: Make, tmp_path: Path) -> None:
    """Writing takes a setuid bit and file capabilities away."""
    data = content()
    last = make_snapshot("disk/last", large=data)
    snapshot = make_snapshot("disk/snapshot", large=changed(data))
    able = bytes.fromhex("0100000202000000000000000000000000000000")
    os.setxattr(snapshot / "large", "security.capability", able)
    assert share(snapshot, last)
    assert os.getxattr(snapshot / "large", "security.capability") == able


@pytest.mark.parametrize("disk", ["xfs"], indirect=True)
def test_a_symlink_leads_to_no_file_to_share_with(disk: Path, make_snapshot: Make) -> None:
    data = content()
    last, snapshot = make_snapshot("disk/last"), make_snapshot("disk/snapshot", large=data)
    shutil.copy(snapshot / "large", disk / "elsewhere")
    (last / "large").symlink_to(disk / "elsewhere")
    assert share(snapshot, last) == 0


@pytest.mark.parametrize("disk", ["xfs"], indirect=True)
def test_what_was_rotten_stays_where_it_was(disk: Path, make_snapshot: Make) -> None:
    data = content()
    last, snapshot = make_snapshot("disk/last", large=data), make_snapshot("disk/snapshot", large=data)
    with (last / "large").open("r+b") as file:
        file.seek(LARGE)
        file.write(b"rot")
    assert share(snapshot, last)
    assert check_tree(snapshot)


@pytest.mark.parametrize("disk", ["xfs"], indirect=True)
def test_a_name_of_what_is_stored_is_never_written_to(disk: Path, make_snapshot: Make) -> None:
    """On the node one file became a link to another: then it is a link to what is stored of that other one, too."""
    data = content()
    last = make_snapshot("disk/last", large=data, other=changed(data))
    snapshot = make_snapshot("disk/snapshot")
    os.link(last / "other", snapshot / "large")
    before = (last / "other").stat().st_ctime_ns
    assert share(snapshot, last) == 0
    assert (last / "other").stat().st_ctime_ns == before


@pytest.mark.parametrize("disk", ["xfs", "btrfs"], indirect=True)
def test_a_hole_stays_one(disk: Path, make_snapshot: Make) -> None:
    """Otherwise a file with little in each of many places would take all of them."""
    places, step = 800, 1 << 17
    for name, text in (("last", b"old"), ("snapshot", b"new")):
        with (make_snapshot(f"disk/{name}") / "large").open("wb") as file:
            file.truncate(places * step)
            for number in range(places):
                file.seek(number * step + 40960)
                file.write(text if number % 2 else b"same")
    before = used(disk)
    assert share(disk / "snapshot", disk / "last")
    assert used(disk) < before + MIB
