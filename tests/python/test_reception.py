"""What a reception may bring, announced or not."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from kaizen_backups.errors import DataError
from kaizen_backups.reception import OUT_FORMAT, Brought, Reception, guarded
from kaizen_backups.run import run
from kaizen_backups.settings import Limits

LIMITS = Limits(files=100, bytes=1 << 20)


def reception(limits: Limits = LIMITS, may_go_on: list[bool] | None = None) -> Reception:
    return Reception(limits, lambda _: may_go_on.pop(0) if may_go_on else True)


def test_rsync_announces_every_entry_before_it_comes(tmp_path: Path) -> None:
    """What is linked to the last snapshot is counted as an entry, and brings nothing."""
    for name in ("old", "new"):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "d" / "same").write_bytes(b"x" * 300)
    subprocess.run(["touch", "-r", tmp_path / "old/d/same", tmp_path / "new/d/same"], check=True)
    (tmp_path / "new" / "two\nlines").write_bytes(b"x" * 20)
    (tmp_path / "new" / "link").symlink_to("two")
    options = ["-a", "-ii", f"--out-format={OUT_FORMAT}", f"--link-dest={tmp_path}/old"]
    done = subprocess.run(["rsync", *options, f"{tmp_path}/new/", f"{tmp_path}/got/"], capture_output=True, check=True)
    found = reception(Limits(files=6, bytes=20))
    for byte in done.stdout:
        found.read(bytes([byte]))
    found.finish()
    assert found.announced == 20
    few = reception(Limits(files=4, bytes=20))
    few.read(done.stdout)
    with pytest.raises(DataError, match=r"more than 4 files \(limits\.files\)"):
        few.finish()


@pytest.mark.parametrize("size", [(1 << 20) + 1, 1 << 60, 10**18])
def test_an_announced_size_is_enough_to_refuse(size: int) -> None:
    found = reception()
    found.read(b"%d >f+++++++++\n" % size)
    with pytest.raises(DataError, match=r"more than 1\.0 MiB \(limits\.bytes\)"):
        found.watch(0)


def test_what_is_written_is_counted_whatever_was_announced(tmp_path: Path) -> None:
    found = reception()
    script = f"head -c 2M /dev/zero >{tmp_path}/file; sleep 60 & wait"
    with pytest.raises(DataError, match=r"limits\.bytes"):
        asyncio.run(run(["sh", "-c", f"sh -c '{script}'"], reader=found.read, watch=found.watch))


def test_lines_that_are_none_of_ours_are_no_bytes() -> None:
    found = reception()
    found.read(b"\n99999999999 hf\nhello >f\n-1 >f\n>f\n")
    found.finish()
    assert found.announced == 0


def test_a_receiver_rests_while_the_rate_is_used_up_and_goes_on_after(tmp_path: Path) -> None:
    states: list[str] = []

    def watch(pid: int) -> None:
        found.watch(pid)
        with suppress(OSError):  # one has just ended
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                states.append(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0])

    found = reception(may_go_on=[True, *[False] * 5])
    result = asyncio.run(run(["sh", "-c", "sleep 1.2; true"], reader=found.read, watch=watch))
    assert result.code == 0
    assert states[0] != "T"
    assert "T" in states[1:6]


def test_the_kernel_itself_limits_a_file_and_the_memory(tmp_path: Path) -> None:
    big = guarded(["sh", "-c", f"exec head -c 2M /dev/zero >{tmp_path}/file"], LIMITS)
    assert subprocess.run(big, capture_output=True, check=False).returncode != 0
    assert (tmp_path / "file").stat().st_size <= LIMITS.bytes
    greedy = guarded([sys.executable, "-S", "-c", "bytearray(1 << 30)"], LIMITS)
    assert subprocess.run(greedy, capture_output=True, check=False).returncode != 0
    assert subprocess.run(guarded(["true"], LIMITS), check=False).returncode == 0


def test_words_without_end_take_no_memory_and_absurd_numbers_are_none() -> None:
    found = reception()
    for _ in range(200):
        found.read(b"x" * (1 << 16))
    assert len(vars(found)["_rest"]) <= 100
    found.read(b"\n" + b"9" * 5000 + b" >f+++++++++\n")
    assert found.announced == 0


def brought_by(lines: bytes, limits: Limits, before: Brought) -> Brought:
    found = Reception(limits, lambda _: True, before=before)
    found.read(lines)
    found.finish()
    return found.brought()


def test_the_limits_hold_for_all_that_came_of_a_node() -> None:
    limits, brought = Limits(files=100, bytes=1000), Brought()
    for _ in range(4):
        brought = brought_by(b"250 >f+++++++++\n", limits, brought)
    with pytest.raises(DataError, match=r"limits\.bytes"):
        brought_by(b"1 >f+++++++++\n", limits, brought)


def test_what_was_broken_off_has_not_come() -> None:
    """A line that breaks again and again must not look like a node that sends too much."""
    before = Brought(bytes=100)
    for _ in range(5):
        found = Reception(Limits(files=100, bytes=1000), lambda _: True, before=before)
        found.read(b"800 >f+++++++++\n")
        found.watch(0)


def test_what_is_linked_to_the_last_night_is_new_on_none() -> None:
    limits, brought = Limits(files=60, bytes=1000), Brought()
    for _ in range(5):
        brought = brought_by(b"9 hf          \n" * 50 + b"0 cd+++++++++\n" * 10, limits, brought)
    with pytest.raises(DataError, match=r"limits\.files"):
        brought_by(b"0 cd+++++++++\n" * 11, limits, brought)
