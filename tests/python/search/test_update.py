"""Each version is there from the snapshot that first has it to the last: in whatever order snapshots come and go."""

import os
import random
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from doors import write_sums
from kaizen_backups import tree
from kaizen_backups.search.index import open_index
from kaizen_backups.search.versions import versions_of
from kaizen_backups.settings import Settings
from stored import Nights

Ask = Callable[..., dict[str, list[tuple[str, str]]]]
DAYS = [f"2026-11-{day}" for day in range(10, 30)]


def test_a_file_that_stays_the_same_is_one_version(nights: Nights, ask: Ask) -> None:
    for day in DAYS[:3]:
        nights.add(day, {"etc/a": b"a", "log": day.encode()})
    assert ask("a") == {"/etc/a": [(DAYS[0], DAYS[2])]}
    assert ask("etc") == {"/etc": [(DAYS[0], DAYS[2])]}
    assert ask("log") == {"/log": [(day, day) for day in reversed(DAYS[:3])]}


def test_a_file_that_goes_and_comes_back_has_two_spans(nights: Nights, ask: Ask) -> None:
    for day, files in zip(DAYS, ({"a": b"a"}, {}, {"a": b"a"}, {"a": b"b"}), strict=False):
        nights.add(day, files)
    assert ask("a") == {"/a": [(DAYS[3], DAYS[3]), (DAYS[2], DAYS[2]), (DAYS[0], DAYS[0])]}


def test_a_copy_that_shares_no_inode_is_the_same_version(nights: Nights, settings: Settings, ask: Ask) -> None:
    """A reception without a basis, say. It costs nothing in the index either."""
    first = nights.add(DAYS[0], {"etc/a": b"a"})
    shutil.copytree(first, nights.directory / DAYS[1])
    shutil.copytree(first, nights.directory / DAYS[2])
    assert ask("a") == {"/etc/a": [(DAYS[0], DAYS[2])]}
    (rows,) = open_index(settings, nights.node).db.execute("SELECT count(*) FROM versions").fetchone()
    assert rows == len(["etc", "etc/a", "SHA256SUMS"])


@pytest.mark.parametrize("change", ["mode", "time", "owner", "content"])
def test_whatever_changes_makes_a_version(nights: Nights, ask: Ask, change: str) -> None:
    first = nights.add(DAYS[0], {"a": b"a"})
    ask("a")
    shutil.copytree(first, nights.directory / DAYS[1])
    path = nights.directory / DAYS[1] / "a"
    status = path.stat()
    match change:
        case "mode":
            path.chmod(0o600)
        case "time":
            os.utime(path, (1, 1))
        case "owner":
            os.chown(path, 7, 7)
        case "content":
            path.write_bytes(b"b")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            write_sums(path.parent)
    assert ask("a") == {"/a": [(DAYS[1], DAYS[1]), (DAYS[0], DAYS[0])]}


def test_a_name_that_turns_from_one_kind_into_another(nights: Nights, ask: Ask) -> None:
    nights.add(DAYS[0], {"d/a": b"a"})
    ask()
    (nights.add(DAYS[1], {}) / "d").symlink_to("/etc")
    ask()
    nights.add(DAYS[2], {"d": b"file"})
    ask()
    os.mkfifo(nights.add(DAYS[3], {}) / "d")
    assert ask("d") == {"/d": [(day, day) for day in reversed(DAYS[:3])]}
    assert ask("a") == {"/d/a": [(DAYS[0], DAYS[0])]}


def test_a_symlink_is_found_and_not_followed(nights: Nights, settings: Settings, ask: Ask) -> None:
    for day, target in zip(DAYS, (b"/etc", b"\xff\n"), strict=False):
        (nights.add(day, {}) / "link").symlink_to(os.fsdecode(target))
    assert ask("passwd") == {}
    new, old = versions_of(open_index(settings, nights.node), b"/link")
    assert (old.kind, old.target, new.target, old.sha256) == ("symlink", b"/etc", b"\xff\n", None)


def test_pruned_snapshots_are_gone_wherever_they_were(nights: Nights, index_file: Path, ask: Ask) -> None:
    for day, data in zip(DAYS, (b"1", b"2", b"2", b"3", b"2"), strict=False):
        nights.add(day, {"a": data, f"only-{day}": b""})
    ask()
    nights.remove(DAYS[1])
    assert ask("a") == {"/a": [(DAYS[4],) * 2, (DAYS[3],) * 2, (DAYS[2],) * 2, (DAYS[0],) * 2]}
    assert f"/only-{DAYS[1]}" not in ask()
    assert f"/only-{DAYS[1]}".encode() not in index_file.read_bytes()
    nights.remove(DAYS[3])
    assert ask("a") == {"/a": [(DAYS[2], DAYS[4]), (DAYS[0], DAYS[0])]}
    nights.remove(DAYS[4])
    nights.remove(DAYS[0])
    assert ask("a") == {"/a": [(DAYS[2], DAYS[2])]}
    nights.remove(DAYS[2])
    assert ask() == {}
    nights.add(DAYS[5], {"a": b"2"})
    assert ask("a") == {"/a": [(DAYS[5], DAYS[5])]}


def test_a_snapshot_that_comes_late_takes_its_place(nights: Nights, ask: Ask) -> None:
    nights.add(DAYS[0], {"a": b"1"})
    nights.add(DAYS[2], {"a": b"1"})
    nights.add(DAYS[3], {"a": b"4"})
    ask()
    nights.add(DAYS[1], {"b": b""})
    assert ask("a") == {"/a": [(DAYS[3],) * 2, (DAYS[2],) * 2, (DAYS[0],) * 2]}
    assert ask("b") == {"/b": [(DAYS[1], DAYS[1])]}


def test_a_snapshot_that_was_replaced_is_read_again(nights: Nights, ask: Ask) -> None:
    for day in DAYS[:3]:
        nights.add(day, {"a": b"1"})
    ask()
    (nights.directory / DAYS[1]).rename(nights.directory / ".old")
    nights.add(DAYS[1], {"a": b"2"})
    assert ask("a") == {"/a": [(DAYS[2],) * 2, (DAYS[1],) * 2, (DAYS[0],) * 2]}


def test_a_snapshot_whose_list_of_sums_changed_is_read_again(nights: Nights, settings: Settings, ask: Ask) -> None:
    root = nights.add(DAYS[0], {"a": b"1"})
    ask()
    (root / "a").write_bytes(b"2")
    write_sums(root)
    (version,) = versions_of(open_index(settings, nights.node), b"/a")
    assert version.sha256 == "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"


def test_a_node_may_have_any_names(nights: Nights, settings: Settings, ask: Ask) -> None:
    root = nights.add(DAYS[0], {})
    deep = os.fsencode(root) + b"/d" * 1000
    subprocess.run(["mkdir", "-p", deep], check=True)
    names = [b"new\nline", b"\xff\xfe", b"\x1b[2J", b"back\\slash", "é".encode(), b" ", b"-rf", b"a" * 255]
    for name in names:
        Path(os.fsdecode(deep + b"/" + name)).touch()
    lines = b"".join(sums_line(b"d/" * 1000 + name) for name in names)
    (root / "SHA256SUMS").write_bytes(lines)
    index = open_index(settings, nights.node)
    for name in names:
        (version,) = versions_of(index, b"/d" * 1000 + b"/" + name)
        assert version.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", name
    assert len(ask("d")) == 1000
    # pytest's own cleaning ends at such a depth.
    subprocess.run(["rm", "-rf", root / "d"], check=True)


def sums_line(name: bytes) -> bytes:
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    digest = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return (b"\\" if escaped != name else b"") + digest + b"  " + escaped + b"\n"


def test_a_list_of_sums_that_is_no_list_leaves_names_without_sums(nights: Nights, settings: Settings) -> None:
    root = nights.add(DAYS[0], {"a": b"1"})
    (root / "SHA256SUMS").unlink()
    index = open_index(settings, nights.node)
    assert index.problems == [
        f"n.example: {DAYS[0]}: SHA256SUMS: No such file or directory; sums of what is new there are not known"
    ]
    assert [v.sha256 for v in versions_of(index, b"/a")] == [None]


def test_what_cannot_be_read_is_named_and_the_rest_is_found(
    nights: Nights, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, data in zip(DAYS, (b"1", b"2", b"1", b"1"), strict=False):
        nights.add(day, {"a": data})
    walk = tree.directories

    def broken(root: Path) -> object:
        yield from walk(root)
        if root.name == DAYS[1]:
            raise OSError(5, "Input/output error", "etc\n")

    monkeypatch.setattr("kaizen_backups.search.update.directories", broken)
    index = open_index(settings, nights.node)
    complaint = rf"n.example: {DAYS[1]}: cannot be read: etc\n: Input/output error; it is left out"
    assert index.problems == [complaint]
    assert [(v.first, v.last) for v in versions_of(index, b"/a")] == [(DAYS[0], DAYS[3])]
    assert open_index(settings, nights.node).problems == [complaint]
    monkeypatch.undo()
    index = open_index(settings, nights.node)
    assert index.problems == []
    assert len(versions_of(index, b"/a")) == 3


def test_a_snapshot_that_is_pruned_while_it_is_read_is_left_out(
    nights: Nights, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in DAYS[:3]:
        nights.add(day, {"a": b"1", "b": day.encode()})
    walk = tree.directories

    def pruned(root: Path) -> object:
        if root.name == DAYS[1] and root.exists():
            (root / "b").unlink()
            root.rename(root.with_name(".expired"))
            root = root.with_name(".expired")
        yield from walk(root)

    monkeypatch.setattr("kaizen_backups.search.update.directories", pruned)
    index = open_index(settings, nights.node)
    assert index.problems == []
    assert list(index.snapshots.values()) == [DAYS[0], DAYS[2]]
    assert [v.first for v in versions_of(index, b"/b")] == [DAYS[2], DAYS[0]]
    assert [(v.first, v.last) for v in versions_of(index, b"/a")] == [(DAYS[0], DAYS[2])]


def test_whatever_happens_the_index_says_what_a_new_one_would(nights: Nights, settings: Settings) -> None:
    """Two hundred nights in which files change, snapshots are pruned, replaced, and come late."""
    some = random.Random(8)
    for step in range(200):
        days = some.sample(DAYS, some.randint(1, 2))
        for day in days:
            if (nights.directory / day).exists():
                nights.remove(day)
            if some.random() < 0.7:
                nights.add(day, {name: some.choice([b"1", b"2"]) for name in "abcd" if some.random() < 0.7})
        if step % 5 == 0:
            kept = everything(settings, nights)
            shutil.rmtree(settings.index_directory)
            assert kept == everything(settings, nights)
        elif some.random() < 0.8:
            open_index(settings, nights.node)


def everything(settings: Settings, nights: Nights) -> object:
    index = open_index(settings, nights.node)
    found = {name: versions_of(index, f"/{name}".encode()) for name in ("a", "b", "c", "d")}
    for name, versions in found.items():
        # And that is what is there.
        for day in index.snapshots.values():
            there = [v for v in versions if v.first <= day <= v.last]
            path = nights.directory / day / name
            assert len(there) == path.is_file()
            assert [v.size for v in there] == [path.stat().st_size for _ in there]
            assert all(stat.S_ISREG(v.mode) for v in there)
    return found
