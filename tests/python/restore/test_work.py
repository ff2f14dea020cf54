"""A restore to a directory here, with the real rsync in the real cage."""

import asyncio
import os
import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from doors import write_sums
from kaizen_backups.errors import DataError, KaizenError, NoRoomError
from kaizen_backups.restore.place import Answer, LocalPlace, Place, local_directory, require_apart
from kaizen_backups.restore.plan import Leave, Plan
from kaizen_backups.restore.work import Restore, Restored, begin
from kaizen_backups.run import Result
from kaizen_backups.store import NodeStore

TODAY = date(2026, 11, 25)
PLAIN, OVERWRITE, EXACT = Leave(), Leave(overwrite=True), Leave(overwrite=True, exact=True)
PAST = 1_600_000_000_123_456_789


@pytest.fixture
def store(tmp_path: Path) -> NodeStore:
    root = tmp_path / "store/n/2026-11-24"
    (root / "etc/sub").mkdir(parents=True)
    (root / "etc/a").write_bytes(b"one\n")
    (root / "etc/sub/b").write_bytes(b"two\n")
    os.link(root / "etc/a", root / "etc/linked")
    (root / "etc/out").symlink_to("/etc/passwd")
    (root / "etc/sub").chmod(0o750)
    os.chown(root / "etc/sub/b", 1234, 55)
    (root / "backup.info").write_bytes(b"status = complete\n")
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, ns=(PAST, PAST), follow_symlinks=False)
    write_sums(root)
    return NodeStore(tmp_path / "store", "n")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def restoring(store: NodeStore, *names: bytes) -> Restore:
    return begin(store, None, names or [b"etc"], node="n", at="latest", today=TODAY)


def restore(store: NodeStore, target: Path, leave: Leave = PLAIN, *names: bytes) -> tuple[Plan, Restored]:
    async def both() -> tuple[Plan, Restored]:
        work, place = restoring(store, *names), LocalPlace(os.fsencode(target))
        plan = await work.plan(place, leave)
        return plan, await work.carry_out(plan, place, leave)

    return asyncio.run(both())


def times(root: Path) -> set[int]:
    return {path.lstat().st_mtime_ns for path in root.rglob("*")}


def test_all_comes_as_it_was_and_what_leads_to_it_too(store: NodeStore, target: Path) -> None:
    plan, done = restore(store, target, PLAIN, b"etc/sub/b", b"etc/a", b"etc/linked", b"etc/out")
    assert plan.create == [b"etc", b"etc/a", b"etc/linked", b"etc/out", b"etc/sub", b"etc/sub/b"]
    assert (done.created, done.verified) == (6, 3)
    assert (target / "etc/sub").stat().st_mode & 0o7777 == 0o750
    assert ((target / "etc/sub/b").stat().st_uid, (target / "etc/sub/b").stat().st_gid) == (1234, 55)
    assert (target / "etc/a").stat().st_ino == (target / "etc/linked").stat().st_ino
    assert (target / "etc/out").readlink() == Path("/etc/passwd")
    assert times(target) == {PAST}


def test_a_directory_that_is_missing_is_made_for_root_alone(store: NodeStore, tmp_path: Path) -> None:
    restore(store, tmp_path / "fresh")
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o700
    with pytest.raises(KaizenError, match="not there, and neither is"):
        restore(store, tmp_path / "no/where")


def test_planning_changes_nothing(store: NodeStore, target: Path, tmp_path: Path) -> None:
    for to in (target, tmp_path / "fresh"):
        asyncio.run(restoring(store).plan(LocalPlace(os.fsencode(to)), EXACT))
    assert list(target.iterdir()) == []
    assert not (tmp_path / "fresh").exists()


def test_the_plan_says_of_every_name_what_happens_to_it(store: NodeStore, target: Path) -> None:
    restore(store, target)
    (target / "etc/sub/b").write_bytes(b"TWO\n")
    os.utime(target / "etc/sub/b", ns=(PAST, PAST))  # same size, same time: only the content tells
    (target / "etc/out").unlink()
    (target / "etc/sub").chmod(0o700)
    (target / "etc/more").write_bytes(b"")
    (target / "etc/a").chmod(0o600)
    plan, done = restore(store, target, EXACT)
    assert plan.create == [b"etc/out"]
    assert plan.overwrite == [b"etc/sub/b"]
    assert plan.attributes == [b"etc", b"etc/a", b"etc/linked", b"etc/sub"]
    assert plan.delete == [b"etc/more"]
    assert (done.created, done.overwritten, done.attributes, done.deleted, done.verified) == (1, 1, 4, 1, 3)
    again, _ = restore(store, target, EXACT)
    assert again.empty
    assert again.same == 6
    assert times(target) == {PAST}


def test_what_is_done_in_a_directory_does_not_change_its_time(store: NodeStore, target: Path) -> None:
    restore(store, target)
    for leave in (OVERWRITE, PLAIN):
        (target / "etc/sub/b").write_bytes(b"other")
        if leave == PLAIN:
            (target / "etc/sub/b").unlink()
            os.utime(target / "etc/sub", ns=(PAST, PAST))
        restore(store, target, leave)
        assert times(target) == {PAST}


def test_without_leave_nothing_that_differs_is_touched(store: NodeStore, target: Path) -> None:
    (target / "etc").mkdir(mode=0o711)
    (target / "etc/a").write_bytes(b"mine")
    with pytest.raises(KaizenError, match=r"differ; nothing was restored .*\n  .*/target/etc/a$"):
        restore(store, target)
    assert [path.name for path in target.rglob("*")] == ["etc", "a"]
    (target / "etc/a").unlink()
    plan, _ = restore(store, target)
    assert plan.as_they_are == [b"etc"]
    assert (target / "etc").stat().st_mode & 0o777 == 0o711
    assert (target / "etc/a").read_bytes() == b"one\n"


def test_what_appears_after_the_plan_is_not_overwritten(store: NodeStore, target: Path) -> None:
    async def raced() -> None:
        work, place = restoring(store), LocalPlace(os.fsencode(target))
        plan = await work.plan(place, PLAIN)
        (target / "etc").mkdir()
        (target / "etc/a").write_bytes(b"mine")
        with pytest.raises(DataError, match="/target/etc/a is not what was saved"):
            await work.carry_out(plan, place, PLAIN)

    asyncio.run(raced())
    assert (target / "etc/a").read_bytes() == b"mine"
    assert (target / "etc/sub/b").read_bytes() == b"two\n"


def test_a_symlink_that_appears_after_the_plan_leads_nowhere(store: NodeStore, target: Path, tmp_path: Path) -> None:
    async def raced() -> None:
        work, place = restoring(store), LocalPlace(os.fsencode(target))
        plan = await work.plan(place, OVERWRITE)
        (target / "etc").mkdir()
        (target / "etc/sub").symlink_to(tmp_path / "outside")
        await work.carry_out(plan, place, OVERWRITE)

    (tmp_path / "outside").mkdir()
    asyncio.run(raced())
    assert list((tmp_path / "outside").iterdir()) == []
    assert (target / "etc/sub").is_dir()


def test_a_file_is_replaced_and_never_written_into(store: NodeStore, target: Path, tmp_path: Path) -> None:
    (target / "etc").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"mine")
    os.link(tmp_path / "elsewhere", target / "etc/a")
    (target / "etc/linked").symlink_to(tmp_path / "elsewhere")
    restore(store, target, OVERWRITE)
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert (target / "etc/a").read_bytes() == (target / "etc/linked").read_bytes() == b"one\n"
    assert not (target / "etc/linked").is_symlink()


def test_a_missing_hard_link_is_linked_to_the_one_that_is_there(store: NodeStore, target: Path) -> None:
    restore(store, target)
    (target / "etc/linked").unlink()
    restore(store, target, OVERWRITE)
    assert (target / "etc/a").stat().st_ino == (target / "etc/linked").stat().st_ino


def test_exact_deletes_a_tree_whole_and_follows_nothing_out(store: NodeStore, target: Path, tmp_path: Path) -> None:
    restore(store, target)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"mine")
    (target / "etc/sub/more/deep").mkdir(parents=True)
    (target / "etc/sub/more/out").symlink_to(tmp_path / "outside")
    (target / "etc/out too").symlink_to(tmp_path / "outside")
    (target / "etc/odd\nname").write_bytes(b"")
    (target / "other").write_bytes(b"mine")
    plan, _ = restore(store, target, EXACT)
    assert plan.delete == [b"etc/odd\nname", b"etc/out too", b"etc/sub/more"]
    assert sorted(path.name for path in target.rglob("*")) == ["a", "b", "etc", "linked", "other", "out", "sub"]
    assert (tmp_path / "outside/file").read_bytes() == b"mine"


def test_what_leads_to_a_path_is_no_place_where_exact_deletes(store: NodeStore, target: Path) -> None:
    restore(store, target)
    (target / "etc/mine").write_bytes(b"")
    (target / "etc/sub/more").write_bytes(b"")
    plan, _ = restore(store, target, EXACT, b"etc/sub")
    assert plan.delete == [b"etc/sub/more"]
    assert (target / "etc/mine").exists()


def test_what_a_killed_restore_left_is_named(store: NodeStore, target: Path) -> None:
    restore(store, target)
    for name in (".a.Xy12Zz", ".other.Xy12Zz", ".a.short", "sub/.b.abcdef"):
        (target / "etc" / name).write_bytes(b"")
    plan, _ = restore(store, target)
    assert plan.leftovers == [b"etc/.a.Xy12Zz", b"etc/sub/.b.abcdef"]


def test_a_snapshot_that_is_pruned_meanwhile_is_said_to_be(store: NodeStore, target: Path) -> None:
    class Slow(LocalPlace):
        async def rsync(self, *arguments: object, **_: object) -> Result:
            shutil.move(store.directory / "2026-11-24", store.directory / ".expired-x")
            return Result(24, "", "file has vanished")

    async def pruned() -> None:
        work, place = restoring(store), Slow(os.fsencode(target))
        plan = await work.plan(place, PLAIN)
        with pytest.raises(KaizenError, match="went out of the store while it was restored"):
            await work.carry_out(plan, place, PLAIN)

    asyncio.run(pruned())


def test_what_was_written_is_read_back(store: NodeStore, target: Path) -> None:
    class Lying(LocalPlace):
        async def rsync(self, *arguments: object, **_: object) -> Result:
            (target / "etc/sub").mkdir(parents=True)
            (target / "etc/a").write_bytes(b"torn")
            (target / "etc/linked").write_bytes(b"one\n")
            return Result(0, "", "")

    async def lied_to() -> None:
        work, place = restoring(store), Lying(os.fsencode(target))
        with pytest.raises(DataError, match=r"etc/a is not what was saved\n.*etc/sub/b is not what was saved"):
            await work.carry_out(await work.plan(place, PLAIN), place, PLAIN)

    asyncio.run(lied_to())


def test_free_room_is_compared_with_what_it_takes(store: NodeStore, target: Path) -> None:
    class Small(LocalPlace):
        async def ask(self, mode: str, records: Iterable[bytes]) -> list[Answer]:
            found = await super().ask(mode, records)
            return [Answer("free", b"", "5") if answer.what == "free" else answer for answer in found]

    place = Small(os.fsencode(target))
    plan = asyncio.run(restoring(store).plan(place, PLAIN))
    assert plan.warnings == ["this takes 8 B, and only 5 B are free there"]
    assert asyncio.run(restoring(store, b"etc/a").plan(place, PLAIN)).warnings == []


def test_system_files_go_to_the_root_of_their_own_host_alone(store: NodeStore) -> None:
    root = LocalPlace(b"/")
    for names in ([b"etc/sub"], [b""]):
        with pytest.raises(KaizenError, match="files of n's system: --other-host"):
            asyncio.run(restoring(store, *names).plan(root, PLAIN))
    asyncio.run(restoring(store, b"etc/sub/b").plan(root, Leave(other_host=True)))


def test_a_directory_here_is_taken_by_its_real_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "store"
    assert local_directory("x/../real/a:b", store) == os.fsencode(tmp_path / "real/a:b")
    assert local_directory("link/x", store) == os.fsencode(tmp_path / "real/x")
    assert local_directory("link", store) == os.fsencode(tmp_path / "link")
    for root in ("/", "//", "/.", "//.", "/tmp/..", "../" * 20):
        assert local_directory(root, store) == b"/"
    for inside in ("store", "store/n/x", "real/../store"):
        with pytest.raises(KaizenError, match="never written to"):
            local_directory(inside, store)


def test_what_would_come_into_the_store_or_delete_it_is_refused(tmp_path: Path) -> None:
    place: Place = LocalPlace(os.fsencode(tmp_path))
    (tmp_path / "srv/store").mkdir(parents=True)
    with pytest.raises(KaizenError, match="never written to"):
        require_apart(place, [b"srv/store/n"], tmp_path / "srv/store", exact=False)
    with pytest.raises(KaizenError, match="never written to"):
        require_apart(place, [b"srv"], tmp_path / "srv/store", exact=True)
    require_apart(place, [b"srv"], tmp_path / "srv/store", exact=False)


def test_a_full_disk_is_told_from_other_trouble(store: NodeStore, target: Path) -> None:
    class Full(LocalPlace):
        async def rsync(self, *arguments: object, **_: object) -> Result:
            return Result(11, "", "rsync: write failed: No space left on device (28)")

    async def full() -> None:
        work, place = restoring(store), Full(os.fsencode(target))
        with pytest.raises(NoRoomError, match="there is no room left"):
            await work.carry_out(await work.plan(place, PLAIN), place, PLAIN)

    asyncio.run(full())
