"""Of which day an old backup is: the shapes that people's scripts give dates, and what is none or not one."""

from datetime import date
from pathlib import PurePosixPath

import pytest

from kaizen_backups.onboard.legacy_names import Dated, UndatedError, dated


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("haas-2026-09-01.sql", "haas.sql"),
        ("haas_20260901.sql.gz", "haas.sql.gz"),
        ("haas.2026_09_01.dump", "haas.dump"),
        ("haas-2026.09.01.tar.gz", "haas.tar.gz"),
        ("haas-20260901-0100.sql", "haas.sql"),
        ("haas-20260901010000.sql", "haas.sql"),
        ("haas-2026-09-01T01:00:00Z.sql", "haas.sql"),
        ("haas-2026-09-01_01-00.sql", "haas.sql"),
        ("2026-09-01-haas.sql", "haas.sql"),
        ("haas-01Sep2026.sql", "haas.sql"),
        ("haas-1-sep-2026.sql", "haas.sql"),
        ("haas_September-01-2026.sql", "haas.sql"),
        ("2026-09-01/haas.sql", "haas.sql"),
        ("daily/20260901/etc/hil.cfg", "daily/etc/hil.cfg"),
        ("2026/09/01/haas.sql", "haas.sql"),
        ("daily/2026/09/01/haas.sql", "daily/haas.sql"),
        ("2026-09/haas-2026-09-01.sql", "2026-09/haas.sql"),
        # The file's own date counts, not its directory's.
        ("2026-09-30/haas-2026-09-01.sql", "2026-09-30/haas.sql"),
        # The same date twice is one.
        ("2026-09-01-haas-20260901.sql", "haas-20260901.sql"),
    ],
)
def test_a_date_is_found_and_taken_out_of_the_name(path: str, name: str) -> None:
    assert dated(PurePosixPath(path)) == Dated(date(2026, 9, 1), name)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("latest.sql", "its name has no date"),
        ("haas-2026-13-01.sql", "its name has no date"),
        ("haas-2026-02-30.sql", "its name has no date"),
        ("haas-12026090112.sql", "its name has no date"),
        ("haas-1788220800.sql", "its name has no date"),
        ("2026-09/haas.sql", "its name has no date"),
        ("haas-09-01-2026.sql", "09-01-2026 can be read in two ways"),
        ("haas-2026-09-01_2026-09-07.sql", "it has several dates: 2026-09-01 and 2026-09-07"),
    ],
)
def test_what_has_no_one_date_is_named_with_the_reason(path: str, why: str) -> None:
    with pytest.raises(UndatedError, match=why):
        dated(PurePosixPath(path))
