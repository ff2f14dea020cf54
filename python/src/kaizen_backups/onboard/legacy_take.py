"""Taking an old file into a snapshot, just as it was when it was looked at: who may write there may also swap it."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.errors import DataError, printable
from kaizen_backups.run import TooMuchOutputError, run


def state(path: Path) -> os.stat_result:
    """Return how a file is before it is looked at; no link is followed. Raises DataError."""
    try:
        return path.lstat()
    except OSError as error:
        raise DataError(f"{printable(str(path))}: it cannot be read: {error.strerror}") from error


async def unpack(tarball: Path, before: os.stat_result, into: Path) -> None:
    """Unpack a tarball. Raises DataError where it can't be, or is not what it was."""
    shown = printable(str(tarball))
    with _unchanged(tarball, before) as descriptor:
        try:
            # By the descriptor: its name may be another file's by now.
            done = await run(unpack_command(Path(f"/proc/{os.getpid()}/fd/{descriptor}"), into))
        except TooMuchOutputError:
            raise DataError(f"{shown}: tar complains without end") from None
    if done.code != 0:
        raise DataError(f"{shown}: tar: {printable(done.last_words)}")


def unpack_command(tarball: Path, into: Path) -> list[str]:
    """Return the argument list that unpacks a tarball with owners and modes as they were, owners by number."""
    options = ["--extract", "--force-local", "--numeric-owner", "--same-owner", "--preserve-permissions"]
    # It has a warning for each file that is dated in the future.
    return ["tar", *options, "--warning=none", f"--directory={into}", f"--file={tarball}"]


def copy(old: Path, before: os.stat_result, new: Path) -> None:
    """Copy a file, for root alone, as the agent keeps dumps. Raises DataError where it is not what it was."""
    new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _unchanged(old, before) as descriptor, new.open("xb") as copied, open(descriptor, "rb", closefd=False) as file:
        os.fchmod(copied.fileno(), 0o600)
        shutil.copyfileobj(file, copied)
        copied.flush()
        os.utime(copied.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))


@contextmanager
def _unchanged(path: Path, before: os.stat_result) -> Iterator[int]:
    """Yield a descriptor of a file that is, and stays meanwhile, what it was. Raises DataError."""
    shown = printable(str(path))
    try:
        # Who swapped it for a pipe is not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DataError(f"{shown}: it has changed meanwhile: {error.strerror}") from error
    try:
        _check(descriptor, before, shown)
        yield descriptor
        _check(descriptor, before, shown)
    finally:
        os.close(descriptor)


def _check(descriptor: int, before: os.stat_result, shown: str) -> None:
    now = os.fstat(descriptor)
    if not stat.S_ISREG(now.st_mode) or _facts(now) != _facts(before):
        raise DataError(f"{shown}: it has changed meanwhile")


def _facts(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
