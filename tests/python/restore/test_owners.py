"""Numbers that mean somebody else at the place are named."""

from pathlib import Path

from kaizen_backups.restore.contents import Contents, opened
from kaizen_backups.restore.owners import differing, records
from kaizen_backups.restore.place import Answer


def warnings(root: Path, *answers: Answer) -> list[str]:
    with opened(root) as descriptor:
        return differing(descriptor, answers)


def test_every_owner_but_root_is_asked_for() -> None:
    assert list(records(Contents(users={0, 42, 7}, groups={0, 8}))) == [b"u7", b"u42", b"g8"]


def test_a_number_with_another_name_is_named_and_one_with_the_same_or_none_is_not(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("nova:x:64060:64060::/:/bin/sh\nglance:x:64061:1::/:/bin/sh\nodd\n")
    (tmp_path / "etc/group").write_text("nova:x:64060:\n")
    same = Answer("owner", b"u64061", "glance")
    unknown = Answer("owner", b"u9", "whoever")
    other = Answer("owner", b"u64060", "cinder")
    none = Answer("owner", b"g64060", "")
    assert warnings(tmp_path, same, unknown, other, none) == [
        "user 64060 was nova, and is cinder there: owners go by number",
        "group 64060 was nova, and is nobody's there: owners go by number",
    ]


def test_a_snapshot_whose_account_files_lead_elsewhere_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/passwd").write_text("nova:x:64060:64060::/:/bin/sh\n")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot/etc").symlink_to(tmp_path / "outside")
    assert warnings(tmp_path / "snapshot", Answer("owner", b"u64060", "cinder")) == []
