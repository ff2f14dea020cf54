"""The one runner of other programs."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

_LAST_WORDS_SECONDS = 10
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


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


async def run(argv: Sequence[str], *, limit: int = 1 << 20, stderr: IO[bytes] | None = None) -> Result:
    """Run a program to its end, with nothing on stdin and a clean environment.

    It is killed when this task is cancelled, and when it writes more than `limit` bytes (TooMuchOutputError).
    With `stderr`, a file, its stderr goes there: for a program that leaves a daemon behind, which would hold a
    pipe open.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL if stderr else asyncio.subprocess.PIPE,
        stderr=stderr or asyncio.subprocess.PIPE,
        env=_ENVIRONMENT,
    )
    readers = [asyncio.create_task(_read(stream, limit)) for stream in (process.stdout, process.stderr)]
    try:
        out, err = await asyncio.gather(*readers)
        code = await process.wait()
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        if process.returncode is None:
            await _end(process)
    if stderr:
        err = os.pread(stderr.fileno(), limit, 0)
    return Result(code, out.decode(errors="replace"), err.decode(errors="replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a program and wait for it; asyncio sees its end only when what it wrote has been read."""
    with suppress(ProcessLookupError):
        process.kill()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            for stream in (process.stdout, process.stderr):
                while stream and await stream.read(1 << 16):
                    pass
            await process.wait()


async def _read(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    if stream is None:
        return b""
    data = bytearray()
    while chunk := await stream.read(1 << 16):
        data += chunk
        if len(data) > limit:
            raise TooMuchOutputError
    return bytes(data)
