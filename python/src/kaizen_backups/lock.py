"""One run at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.errors import LockedError

_PAUSE = 0.05


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


@contextmanager
def in_turn(directory: Path, patience: float) -> Iterator[None]:
    """Hold the kernel's lock on a directory, made when it is missing, as soon as nobody else does.

    Raises LockedError when that takes longer than `patience`, in seconds.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    end = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise LockedError(f"another run has held {directory} for {patience:.0f} s") from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)
