"""What the commands of `kaizen offsite` share."""

from collections.abc import Iterator
from contextlib import contextmanager

from kaizen_backups.history import History, open_history
from kaizen_backups.lock import only_run
from kaizen_backups.settings import Settings


@contextmanager
def at_work(settings: Settings) -> Iterator[History]:
    """Hold the lock on what is done with the repositories, and the history. Raises LockedError, KaizenError."""
    with only_run(settings.offsite_directory / "lock"), open_history(settings.history_file) as history:
        yield history
