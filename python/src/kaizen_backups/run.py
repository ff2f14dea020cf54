"""The one runner of other programs."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Result:
    """How a program ended: its exit code (negative: the signal), and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The last line on stderr that says something."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


class TooMuchOutputError(Exception):
    """A program wrote more than it was allowed to."""


async def run(argv: Sequence[str], *, limit: int = 1 << 20) -> Result:
    """Run a program to its end, with nothing on stdin and a clean environment.

    It is killed when this task is cancelled, and when it writes more than `limit` bytes (TooMuchOutputError). What it
    writes goes to files, not pipes: a daemon that it leaves behind would hold a pipe open, and asyncio does not see a
    program's end while a pipe of it is unread.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=err, env=_ENVIRONMENT
        )
        try:
            while process.returncode is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await process.wait()
                if max(_size(out), _size(err)) > limit:
                    raise TooMuchOutputError
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return Result(process.returncode, _text(out), _text(err))


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _text(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), _size(file), 0).decode(errors="replace")
