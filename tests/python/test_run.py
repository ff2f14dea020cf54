"""The runner: a program is never left behind, and can't fill our memory."""

import asyncio
import time
from pathlib import Path

import pytest

from kaizen_backups.run import TooMuchOutputError, run


def test_code_output_and_last_words() -> None:
    result = asyncio.run(run(["sh", "-c", "echo out; echo one >&2; echo two >&2; exit 3"]))
    assert (result.code, result.out, result.last_words) == (3, "out\n", "two")


@pytest.mark.parametrize("limit", [1000, 100_000, 1_000_000])
def test_a_program_that_writes_without_end_is_ended(limit: int) -> None:
    for _ in range(3):
        with pytest.raises(TooMuchOutputError):
            asyncio.run(run(["yes"], limit=limit))
    with pytest.raises(TooMuchOutputError):
        asyncio.run(run(["sh", "-c", "yes >&2"], limit=limit))


def test_a_cancelled_program_is_killed(tmp_path: Path) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(run(["sh", "-c", f"echo $$ >{tmp_path}/pid; exec yes"], limit=1 << 40))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began = time.monotonic()
    asyncio.run(cancel())
    assert time.monotonic() - began < 30
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_the_callers_environment_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    assert "LD_PRELOAD" not in asyncio.run(run(["env"])).out


def test_what_a_reader_raises_ends_the_program_and_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(chunk: bytes) -> None:
        raise ValueError(len(chunk))

    with pytest.raises(ValueError, match=r"\d+"):
        asyncio.run(run(["yes"], reader=refuse))
    with pytest.raises(ValueError, match="2"):
        asyncio.run(run(["echo", "x"], reader=refuse))
    assert capfd.readouterr().err == ""


def test_a_program_reads_the_descriptor_that_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"given\0\n")
    with (tmp_path / "file").open("rb") as file:
        assert asyncio.run(run(["cat"], stdin=file.fileno())).out == "given\0\n"
    assert asyncio.run(run(["cat"])).out == ""


def test_what_a_program_writes_can_go_to_a_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        result = asyncio.run(run(["sh", "-c", "seq 100000"], limit=10, stdout=file.fileno()))
    assert (result.code, result.out) == (0, "")
    assert (tmp_path / "out").read_bytes().endswith(b"\n100000\n")
