"""What live.sh says of files of this machine, and how it is asked; over ssh it is tried on the fleet."""

import asyncio
import hashlib
import os
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from kaizen_backups.drill.live import Live, ask, way_to
from kaizen_backups.drill.sample import Sampled, judge, records
from kaizen_backups.errors import DataError, KaizenError, UnavailableError
from kaizen_backups.node import Node
from kaizen_backups.onboard.administrator import Administrator
from kaizen_backups.restore.transfer import null_separated

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5qUoO4c8mYw0l2s9yT7oZb1r6fQeXnVtKd0aLp"
NODE = Node(name="one.example", address="192.0.2.7", port=2222, origin="onboarded", host_keys=(KEY,))
SCRIPT = (files("kaizen_backups.drill") / "live.sh").read_bytes() + b"main\n"
ODD = [
    b"-rf",
    b"--",
    b"new\nline",
    b"end\n",
    b"end \n\n",
    b" ",
    b"a b",
    b"*",
    b"$(id)",
    b"'\"",
    b"\\n",
    b"\xff",
    b"[a]?",
]


def saved(path: Path) -> Sampled:
    """Return a file as a snapshot has it that was just made."""
    status = path.stat()
    return Sampled(
        os.fsencode(path).lstrip(b"/"),
        status.st_size,
        status.st_mtime_ns,
        hashlib.sha256(path.read_bytes()).digest(),
    )


def said_of(*sample: Sampled) -> list[str]:
    said = asyncio.run(ask("n", ["bash", "-s"], SCRIPT + null_separated(records(sample))))
    judge(sample, said)
    return [line.partition(" ")[2] for line in said.splitlines()[:-1]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dir" / "file"
    path.parent.mkdir()
    path.write_bytes(b"content")
    return path


def test_a_file_that_nobody_touched_has_its_sum(file: Path) -> None:
    empty = file.with_name("empty")
    empty.touch()
    assert said_of(saved(file), saved(empty)) == [saved(path).digest.hex() for path in (file, empty)]


@pytest.mark.parametrize("time", [0, 1, -1_500_000_000, -1, 1_600_000_000_123_456_789, 4_000_000_000_999_999_999])
def test_a_file_of_any_time_is_unchanged(file: Path, time: int) -> None:
    os.utime(file, ns=(0, time))
    assert said_of(saved(file)) == [saved(file).digest.hex()]


@pytest.mark.parametrize("name", ODD)
def test_a_file_of_any_name_is_found(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name) / os.fsdecode(name)
    path.parent.mkdir()
    path.write_bytes(name)
    assert said_of(saved(path)) == [hashlib.sha256(name).hexdigest()]
    path.unlink()
    path.touch()
    assert said_of(saved(path)._replace(size=1)) == ["changed"]


def test_a_file_that_has_another_content_and_the_same_size_and_time_has_another_sum(file: Path) -> None:
    before = saved(file)
    file.write_bytes(b"cOntent")
    os.utime(file, ns=(0, before.mtime))
    assert said_of(before) == [saved(file).digest.hex()]
    assert saved(file).digest != before.digest


def test_a_changed_file_is_not_read(file: Path) -> None:
    before = saved(file)
    assert said_of(before._replace(mtime=before.mtime + 1), before._replace(size=6)) == ["changed", "changed"]


@pytest.mark.parametrize("command", ["ln -s kept file", "ln -s nowhere file", "mkfifo file", "mkdir file"])
def test_what_is_no_regular_file_any_more_is_changed(file: Path, command: str) -> None:
    before = saved(file)
    file.rename(file.with_name("kept"))
    subprocess.run(command.split(), cwd=file.parent, check=True)
    assert said_of(before) == ["changed"]


def test_a_device_is_no_regular_file() -> None:
    status = Path("/dev/null").stat()
    empty = Sampled(b"dev/null", status.st_size, status.st_mtime_ns, hashlib.sha256().digest())
    assert said_of(empty) == ["changed"]


def test_no_symlink_on_the_way_is_followed(file: Path) -> None:
    before = saved(file)
    file.parent.rename(file.parent.with_name("other"))
    file.parent.symlink_to("other")
    assert file.read_bytes() == b"content"
    assert said_of(before) == ["changed"]


def test_what_is_gone_is_gone(file: Path) -> None:
    before = saved(file)
    below = before._replace(name=before.name + b"/below")
    assert said_of(below) == ["gone"]
    file.unlink()
    assert said_of(before) == ["gone"]
    file.parent.rmdir()
    assert said_of(before) == ["gone"]


def test_data_that_are_cut_short_are_not_answered(file: Path) -> None:
    with pytest.raises(KaizenError, match="the data were cut short"):
        asyncio.run(ask("n", ["bash", "-s"], SCRIPT + null_separated([*records([saved(file)])][:-1])))


@pytest.mark.parametrize("command", [["yes"], ["cat", "/dev/zero"], ["sh", "-c", "yes >&2"]])
def test_an_endless_answer_is_broken_off(command: list[str]) -> None:
    with pytest.raises(DataError, match="endless"):
        asyncio.run(ask("n", command, b""))


def test_who_does_not_answer_is_not_waited_for_without_end() -> None:
    with pytest.raises(UnavailableError, match="no answer within"):
        asyncio.run(ask("n", ["sleep", "infinity"], b"", patience=0.2))


def test_a_host_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(UnavailableError, match=r"one\.example cannot be reached by ssh: no route"):
        asyncio.run(ask("one.example", ["sh", "-c", "echo no route >&2; exit 255"], b""))


def test_with_no_file_to_compare_nobody_is_asked() -> None:
    nobody = Live(Administrator("nobody", "/nonexistent"), [], Path("/nonexistent"))
    assert asyncio.run(nobody.compare("one.example", [])).told() == (
        "compared 0 of 0 files with the live node: none is as it was"
    )


def test_the_list_says_the_way_where_the_administrators_settings_do_not() -> None:
    alias = ["-o", "HostKeyAlias=one.example"]
    assert way_to(NODE, "one.example", 22) == [*alias, "-o", "HostName=192.0.2.7", "-o", "Port=2222"]
    assert way_to(NODE, "jump-me", 22) == [*alias, "-o", "Port=2222"]
    assert way_to(NODE, "one.example", 4444) == [*alias, "-o", "HostName=192.0.2.7"]


def test_a_file_that_only_takes_too_long_disproves_nothing(file: Path) -> None:
    slow = SCRIPT.replace(b"PATIENCE=300", b"PATIENCE=1").replace(b'head -c "$2" -- "$1"', b"sleep 60")
    with pytest.raises(KaizenError, match="a file could not be read within 1 s"):
        asyncio.run(ask("n", ["bash", "-s"], slow + null_separated(records([saved(file)]))))
