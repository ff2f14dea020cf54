"""Where a drill brings things back to: a directory for root alone, which is removed, also after a kill by the next."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.errors import KaizenError, NoRoomError, printable
from kaizen_backups.room import free_bytes
from kaizen_backups.units import size

_PREFIX = ".drill-"
_TRIES, _PAUSE = 20, 0.1  # seconds


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """Yield a fresh directory below `parent`, with nothing left there of a drill that was killed.

    The caller holds the lock that there is one drill at a time by. Raises KaizenError and OSError.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in parent.glob(f"{_PREFIX}*"):
        status = path.lstat()
        if path.is_dir() and not path.is_symlink() and status.st_uid == os.geteuid():
            _remove(path)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        yield place
    finally:
        _remove(place)


def _remove(path: Path) -> None:
    # rm copes with trees of any depth, and follows no symlink.
    command = ["rm", "-rf", "--one-file-system", "--", str(path)]
    for _ in range(_TRIES):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode == 0:
            return
        time.sleep(_PAUSE)  # a server that was killed may have its last file to make
    raise KaizenError(f"cannot remove {path}: {printable(done.stderr.strip())[:300]}")


def require_room(place: Path, need: int, floor: int) -> None:
    """Raise NoRoomError where so many bytes would leave less than `floor` bytes free."""
    free = free_bytes(place)
    if free - need < floor:
        raise NoRoomError(
            f"it is expected to need {size(need)}, and {place.parent} has {size(max(0, free - floor))}"
            f" above the floor of {size(floor)}: give another place with --scratch"
        )


def room_watch(place: Path, floor: int) -> Callable[[int], None]:
    """Return what raises NoRoomError as soon as less than `floor` bytes are free."""

    def watch(_process: int) -> None:
        if free_bytes(place) < floor:
            raise NoRoomError(f"broken off: {place.parent} has less than the floor of {size(floor)} free")

    return watch
