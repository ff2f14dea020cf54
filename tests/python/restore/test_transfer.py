"""What rsync is told, and what it says; what it then does is tried in test_work.py and on the fleet."""

import pytest

from kaizen_backups.errors import KaizenError, NoRoomError, UnavailableError
from kaizen_backups.restore.transfer import (
    Change,
    compare_arguments,
    copied_bytes,
    copy_arguments,
    failed_copy,
    over_ssh,
    parse_changes,
)
from kaizen_backups.run import Result


def test_nothing_is_ever_written_in_place_or_deleted_by_rsync() -> None:
    for arguments in (copy_arguments(overwrite=True), copy_arguments(overwrite=False), compare_arguments()):
        assert not [word for word in arguments if word.startswith(("--inplace", "--append", "--del", "--force", "-K"))]
        assert "--recursive" not in arguments  # exactly the names that were planned
        assert "--no-implied-dirs" in arguments


def test_what_is_there_is_safe_unless_it_may_be_overwritten() -> None:
    assert "--ignore-existing" in copy_arguments(overwrite=False)
    assert "--ignore-existing" not in copy_arguments(overwrite=True)


def test_a_comparison_changes_nothing() -> None:
    assert "--dry-run" in compare_arguments()


def test_sudo_is_used_on_a_host_only_where_it_is_needed() -> None:
    assert "--rsync-path=sudo -n rsync" in over_ssh(sudo=True)
    assert not [word for word in over_ssh(sudo=False) if "sudo" in word]


def test_every_kind_of_change_and_any_name_is_understood() -> None:
    said = b"""\
cd+++++++++ etc/nova/
>f+++++++++ etc/nova/o\\dd\\#012\\#377*\\#134#012
hf+++++++++ etc/hard
>fc.t...... etc/a b
cLc.t...... etc/link
.f...p..... etc/mode
.d..t...... etc/
hf          etc/relinked
hfc........ etc/other
hf...p..... etc/linked and changed
.f.......a. etc/acl
not a line
"""
    assert dict(parse_changes(said)) == {
        b"etc/nova": Change.CREATE,
        b"etc/nova/o\\dd\n\xff*\\#012": Change.CREATE,
        b"etc/hard": Change.CREATE,
        b"etc/a b": Change.OVERWRITE,
        b"etc/link": Change.OVERWRITE,
        b"etc/mode": Change.ATTRIBUTES,
        b"etc": Change.ATTRIBUTES,
        b"etc/relinked": Change.OVERWRITE,
        b"etc/other": Change.OVERWRITE,
        b"etc/linked and changed": Change.ATTRIBUTES,
        b"etc/acl": Change.ATTRIBUTES,
    }


def test_progress_is_the_last_number_that_was_said() -> None:
    assert copied_bytes(b"\r              2   9%    0.00kB/s    0:00:00  \r        4096  90%") == 4096
    assert copied_bytes(b"kB/s    0:00:00") is None


@pytest.mark.parametrize(
    ("code", "err", "kind"),
    [
        (11, "rsync: write failed: No space left on device (28)\nrsync error: x", NoRoomError),
        (12, "rsync: connection unexpectedly closed", UnavailableError),
        (255, "", UnavailableError),
        (23, 'rsync: chown "/target/x" failed: Operation not permitted (1)', KaizenError),
    ],
)
def test_a_failure_says_what_it_was_and_that_nothing_is_lost(code: int, err: str, kind: type[KaizenError]) -> None:
    error = failed_copy("host:/", Result(code, "", err))
    assert type(error) is kind
    assert "every file there is whole" in str(error)
    assert err.partition("\n")[0] in str(error)
