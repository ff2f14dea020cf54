"""One run at a time."""

from pathlib import Path

import pytest

from kaizen_backups.errors import LockedError
from kaizen_backups.lock import only_run


def test_a_second_run_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with only_run(tmp_path / "lock"), pytest.raises(LockedError, match="lock"), only_run(tmp_path / "lock"):
        pass
    with only_run(tmp_path / "lock"):
        pass
