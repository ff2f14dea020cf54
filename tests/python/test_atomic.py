"""Files that are whole or not there."""

from pathlib import Path

import pytest

from kaizen_backups.atomic import write_atomically


def test_content_and_mode(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "sub" / "file", "x\n", 0o600)
    assert (tmp_path / "sub" / "file").read_text() == "x\n"
    assert (tmp_path / "sub" / "file").stat().st_mode & 0o777 == 0o600


def test_an_equal_file_is_left_alone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", "x\n")
    before = (tmp_path / "file").stat()
    assert not write_atomically(tmp_path / "file", "x\n")
    after = (tmp_path / "file").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "file", "old")

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "file", b"\xff\r\n", 0o600)
    assert (tmp_path / "file").read_bytes() == b"\xff\r\n"
    assert not write_atomically(tmp_path / "file", b"\xff\r\n", 0o600)
