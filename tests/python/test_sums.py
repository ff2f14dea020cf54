"""SHA256SUMS and the tree it describes: what does not agree is found, and nothing outside the tree is read."""

import hashlib
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.errors import DataError
from kaizen_backups.settings import Limits
from kaizen_backups.sums import Abandoned, check_tree, parse_sums, pick_sums
from kaizen_backups.tree import File

Make = Callable[..., Path]
SUM = "0" * 64


def test_a_whole_snapshot_is_counted(make_snapshot: Make) -> None:
    root = make_snapshot()
    checked = check_tree(root)
    assert (checked.files, checked.new_files) == (3, 3)
    assert checked.bytes == checked.new_bytes == 4 + 4 + 18
    assert checked.sums_sha256 == hashlib.sha256((root / "SHA256SUMS").read_bytes()).hexdigest()


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda n: not {0, 47} & set(n)), unique=True, max_size=5))
def test_names_of_any_bytes_are_read_as_sha256sum_writes_them(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes]
) -> None:
    root = tmp_path_factory.mktemp("names")
    names = [name for name in names if name not in (b".", b"..", b"SHA256SUMS")]
    for name in names:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).touch()
    written = subprocess.run(["sha256sum", "--", *names], cwd=root, capture_output=True, check=True) if names else None
    sums = written.stdout if written else b""
    assert set(parse_sums(io.BytesIO(sums))) == set(names)
    assert pick_sums(sums, names) == parse_sums(io.BytesIO(sums))
    assert pick_sums(sums, names[:1]).keys() == set(names[:1])
    (root / "SHA256SUMS").write_bytes(sums)
    assert check_tree(root).files == len(names)


@pytest.mark.parametrize(
    "line",
    [
        f"{SUM}  /etc/passwd",
        f"{SUM}  ../other",
        f"{SUM}  a/../../b",
        f"{SUM}  a//b",
        f"{SUM}  ./a",
        f"{SUM}  a/",
        f"{SUM} a",
        f"{SUM[1:]}  a",
        f"{SUM.replace('0', 'G')}  a",
        f"\\{SUM}  a\\x",
        f"\\{SUM}  ..\\/a",
        "",
        f"{SUM}  a\n{SUM}  a",
    ],
)
def test_a_line_that_sha256sum_would_not_write_is_refused(line: str) -> None:
    with pytest.raises(DataError, match=r"SHA256SUMS:\d"):
        parse_sums([*(part + b"\n" for part in line.encode().split(b"\n"))])


def test_a_changed_file_is_named(make_snapshot: Make) -> None:
    root = make_snapshot()
    (root / "etc/a").write_bytes(b"One\n")
    with pytest.raises(DataError, match="etc/a does not have the sum"):
        check_tree(root)


def test_a_missing_file_is_named(make_snapshot: Make) -> None:
    root = make_snapshot()
    (root / "etc/sub/b").unlink()
    with pytest.raises(DataError, match="etc/sub/b is in SHA256SUMS and not in the snapshot"):
        check_tree(root)


def test_a_file_too_many_is_named_with_its_control_characters_spelt_out(make_snapshot: Make) -> None:
    root = make_snapshot()
    (root / "etc" / "\x1b[2Jx").touch()
    with pytest.raises(DataError, match=r"^etc/\\x1b\[2Jx is not in SHA256SUMS"):
        check_tree(root)


def test_a_symlink_in_a_files_place_is_not_followed(make_snapshot: Make, tmp_path: Path) -> None:
    root = make_snapshot()
    (tmp_path / "elsewhere").write_bytes(b"one\n")
    (root / "etc/a").unlink()
    (root / "etc/a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="etc/a is in SHA256SUMS and not in the snapshot"):
        check_tree(root)


def test_a_symlink_in_a_directorys_place_is_not_followed(make_snapshot: Make, tmp_path: Path) -> None:
    root = make_snapshot()
    (root / "etc/sub").rename(tmp_path / "moved")
    (root / "etc/sub").symlink_to(tmp_path / "moved")
    with pytest.raises(DataError, match="etc/sub/b is in SHA256SUMS and not in the snapshot"):
        check_tree(root)


def test_a_symlink_in_the_place_of_the_sums_is_not_followed(make_snapshot: Make, tmp_path: Path) -> None:
    root = make_snapshot()
    (root / "SHA256SUMS").rename(tmp_path / "sums")
    (root / "SHA256SUMS").symlink_to(tmp_path / "sums")
    with pytest.raises(DataError, match="SHA256SUMS: "):
        check_tree(root)


def linked(make_snapshot: Make, **files: bytes) -> tuple[Path, Path]:
    """Return two snapshots, the second's files linked to the first's where they are the same."""
    first, second = make_snapshot("first"), make_snapshot("second", **files)
    for name in ("etc/a", "etc/sub/b", "backup.info"):
        if (first / name).read_bytes() == (second / name).read_bytes():
            (second / name).unlink()
            os.link(first / name, second / name)
    return first, second


def test_only_what_is_new_is_read_again(make_snapshot: Make) -> None:
    first, second = linked(make_snapshot, **{"etc/a": b"changed\n"})
    checked = check_tree(second, first)
    assert (checked.files, checked.new_files, checked.new_bytes) == (3, 1, 8)


def test_a_link_is_read_again_when_the_two_lists_differ(make_snapshot: Make) -> None:
    """A node may say that a file has new content under its old size and time: then the link is the wrong file."""
    first, second = linked(make_snapshot)
    sums = (second / "SHA256SUMS").read_text().splitlines(keepends=True)
    (second / "SHA256SUMS").write_text("".join(SUM + line[64:] if line.endswith("etc/a\n") else line for line in sums))
    with pytest.raises(DataError, match="etc/a does not have the sum"):
        check_tree(second, first)


def test_a_copy_is_read_even_where_the_lists_agree(make_snapshot: Make) -> None:
    first, second = linked(make_snapshot)
    (second / "etc/a").unlink()
    (second / "etc/a").write_bytes(b"uno\n")
    with pytest.raises(DataError, match="etc/a does not have the sum"):
        check_tree(second, first)


def test_a_tree_may_be_as_deep_as_a_path_may_be_long(make_snapshot: Make) -> None:
    root = make_snapshot()
    deep = "/".join(["d"] * 1900)
    subprocess.run(["mkdir", "-p", deep], cwd=root, check=True)
    subprocess.run(["cp", "etc/a", f"{deep}/file"], cwd=root, check=True)
    with (root / "SHA256SUMS").open("a") as sums:
        sums.write(f"{hashlib.sha256(b'one' + bytes([10])).hexdigest()}  {deep}/file\n")
    try:
        assert check_tree(root).files == 4
    finally:
        subprocess.run(["rm", "-rf", "d"], cwd=root, check=True)  # pytest's own removal is not up to it


def test_an_immense_list_is_refused_unread(make_snapshot: Make) -> None:
    root = make_snapshot()
    os.truncate(root / "SHA256SUMS", 1 << 40)
    with pytest.raises(DataError, match="larger than"):
        check_tree(root)


def test_a_file_of_many_names_is_read_once_and_new_once(make_snapshot: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_snapshot(**{f"name{number}": b"the same" for number in range(50)})
    for number in range(1, 50):
        (root / f"name{number}").unlink()
        (root / f"name{number}").hardlink_to(root / "name0")
    read = []
    hashed = File.sha256

    def noted(file: File, go_on: Callable[[], object]) -> bytes:
        read.append(file.name)
        return hashed(file, go_on)

    monkeypatch.setattr(File, "sha256", noted)
    checked = check_tree(root)
    assert len([name for name in read if name.startswith(b"name")]) == 1
    assert (checked.files, checked.new_files) == (53, 4)
    assert checked.bytes - checked.new_bytes == 49 * len(b"the same")


def test_a_hole_takes_no_room(make_snapshot: Make) -> None:
    root = make_snapshot()
    with (root / "sparse").open("wb") as file:
        file.truncate(64 << 20)
    digest = hashlib.sha256((root / "sparse").read_bytes()).hexdigest()
    with (root / "SHA256SUMS").open("a") as sums:
        sums.write(f"{digest}  sparse\n")
    checked = check_tree(root)
    assert checked.bytes > 64 << 20
    assert checked.new_bytes < 1 << 20


def test_a_damaged_list_of_the_last_snapshot_is_no_fault_of_the_next(make_snapshot: Make) -> None:
    last, root = make_snapshot("last"), make_snapshot("next")
    (root / "etc/a").unlink()
    (root / "etc/a").hardlink_to(last / "etc/a")
    (last / "SHA256SUMS").write_bytes(b"\0" + (last / "SHA256SUMS").read_bytes())
    assert check_tree(root, last).files == 3
    (last / "SHA256SUMS").unlink()
    assert check_tree(root, last).files == 3


def test_what_the_last_snapshot_vouches_for_is_read_where_it_is_not_trusted(make_snapshot: Make) -> None:
    last, root = make_snapshot("last"), make_snapshot("next")
    (root / "etc/a").unlink()
    (root / "etc/a").hardlink_to(last / "etc/a")
    (last / "etc/a").write_bytes(b"rot\n")
    assert check_tree(root, last).new_files == 2
    with pytest.raises(DataError, match="etc/a does not have the sum"):
        check_tree(root, last, trust=False)


def test_a_check_that_nobody_waits_for_ends(make_snapshot: Make) -> None:
    with pytest.raises(Abandoned):
        check_tree(make_snapshot(), abandoned=lambda: True)


def test_a_list_has_no_more_lines_than_a_snapshot_may_have_names(make_snapshot: Make) -> None:
    root = make_snapshot()
    assert check_tree(root, limits=Limits(files=3)).files == 3
    with pytest.raises(DataError, match=r"more than 2 lines \(limits\.files\)"):
        check_tree(root, limits=Limits(files=2))


def test_a_line_that_is_none_hides_no_other() -> None:
    data = f"{SUM}  a\nnonsense\n\\{SUM}  b\\nb\n{'x' * 64}  c\n{SUM}  d".encode()
    assert pick_sums(data, {b"a", b"b\nb", b"c", b"d", b"e"}).keys() == {b"a", b"b\nb", b"d"}
