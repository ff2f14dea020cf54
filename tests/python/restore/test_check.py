"""What is rotten is not restored."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.errors import DataError
from kaizen_backups.restore.check import Checker
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore

NEWEST, OLDER, OLDEST = (Snapshot.parse(f"2026-11-2{day}") or Snapshot.__new__(Snapshot) for day in (4, 3, 2))


@pytest.fixture
def store(tmp_path: Path, make_snapshot: Callable[..., Path]) -> NodeStore:
    for snapshot in (OLDEST, OLDER, NEWEST):
        make_snapshot(f"store/n/{snapshot}")
    return NodeStore(tmp_path / "store", "n")


def checker(store: NodeStore, *, on_record: bool) -> Checker:
    sums = {s: hashlib.sha256((store.path(s) / "SHA256SUMS").read_bytes()).hexdigest() for s in store.snapshots()}
    return Checker(store, sums if on_record else {}, lambda _: None)


@pytest.mark.parametrize("on_record", [True, False])
@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda root: (root / "etc/a").write_bytes(b"rot\n"), "/etc/a does not have its sum any more"),
        (lambda root: (root / "etc/sub/b").unlink(), "/etc/sub/b is in SHA256SUMS, and not in the snapshot"),
        (lambda root: (root / "etc/more").write_bytes(b""), "/etc/more is not in SHA256SUMS"),
    ],
)
def test_what_does_not_agree_with_the_sums_is_named(
    store: NodeStore, spoil: Callable[[Path], object], complaint: str, on_record: bool
) -> None:
    check = checker(store, on_record=on_record)
    check.check(NEWEST, [b""])
    spoil(store.path(NEWEST))
    with pytest.raises(DataError, match=f"^{NEWEST}: {complaint}$"):
        checker(store, on_record=on_record).check(NEWEST, [b"etc"])


@pytest.mark.parametrize("on_record", [True, False])
def test_one_file_is_checked_by_itself(store: NodeStore, on_record: bool) -> None:
    (store.path(NEWEST) / "etc/a").write_bytes(b"rot\n")
    check = checker(store, on_record=on_record)
    assert check.check(NEWEST, [b"etc/sub/b"]).sums == {b"etc/sub/b": hashlib.sha256(b"two\n").digest()}
    with pytest.raises(DataError, match="/etc/a does not have its sum"):
        check.check(NEWEST, [b"etc/a"])


def test_a_name_that_ends_as_another_is_not_taken_for_it(tmp_path: Path, make_snapshot: Callable[..., Path]) -> None:
    odd = {"x  etc/a": b"odd", "etc/new\nline": b"new", "etc/back\\slash": b"back"}
    root = make_snapshot("store/m/2026-11-24", **odd)
    lines = []
    for name in ["x  etc/a", "etc/new\nline", "etc/back\\slash", "etc/a", "etc/sub/b", "backup.info"]:
        digest = hashlib.sha256((root / name).read_bytes()).hexdigest()
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
        mark = "\\" if escaped != name else ""
        lines.append(f"{mark}{digest}  {escaped}\n")
    (root / "SHA256SUMS").write_text("".join(lines))
    check = checker(NodeStore(tmp_path / "store", "m"), on_record=True)
    for wanted in (b"etc/a", b"x  etc/a", b"etc/new\nline", b"etc/back\\slash"):
        assert check.check(NEWEST, [wanted]).sums.keys() == {wanted}


def test_a_list_that_is_not_what_was_collected_vouches_for_nothing(store: NodeStore) -> None:
    check = checker(store, on_record=True)
    sums = store.path(NEWEST) / "SHA256SUMS"
    (store.path(NEWEST) / "etc/a").write_bytes(b"evil")
    good, evil = hashlib.sha256(b"one\n").hexdigest(), hashlib.sha256(b"evil").hexdigest()
    sums.write_text(sums.read_text().replace(good, evil))
    with pytest.raises(DataError, match="SHA256SUMS is not what was collected"):
        check.check(NEWEST, [b"etc/a"])


def test_the_newest_older_snapshot_that_is_whole_is_found(store: NodeStore) -> None:
    for snapshot in (NEWEST, OLDER):
        (store.path(snapshot) / "etc/a").write_bytes(b"rot\n")
    check = checker(store, on_record=True)
    assert check.newest_whole(NEWEST, [b"etc/a"]) == OLDEST
    assert check.newest_whole(NEWEST, [b"etc/sub/b"]) == OLDER
    (store.path(OLDEST) / "etc/a").unlink()
    assert check.newest_whole(NEWEST, [b"etc/a"]) is None
