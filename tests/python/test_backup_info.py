"""backup.info, as a node may send it."""

from pathlib import Path

import pytest

from kaizen_backups.backup_info import read_info
from kaizen_backups.errors import DataError


def test_repeated_keys_are_all_there(tmp_path: Path) -> None:
    (tmp_path / "backup.info").write_text("host = a\nstatus = complete\nwarning = x = y\nwarning = z\n")
    assert read_info(tmp_path) == {"host": ["a"], "status": ["complete"], "warning": ["x = y", "z"]}


@pytest.mark.parametrize("content", [b"", b"status = partial\n", b"\xff\x00", b"x" * (1 << 20)])
def test_what_no_agent_wrote_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "backup.info").write_bytes(content)
    with pytest.raises(DataError, match=r"backup\.info"):
        read_info(tmp_path)


def test_a_symlink_or_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("status = complete\n")
    (tmp_path / "backup.info").symlink_to("real")
    with pytest.raises(DataError, match=r"backup\.info"):
        read_info(tmp_path)
    (tmp_path / "backup.info").unlink()
    (tmp_path / "backup.info").mkdir()
    with pytest.raises(DataError, match=r"backup\.info"):
        read_info(tmp_path)
