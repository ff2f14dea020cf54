"""One run at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.errors import LockedError


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Hold the kernel's lock on `path`; it goes with the process, however that ends. Raises LockedError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"another run holds {path}") from None
        yield
