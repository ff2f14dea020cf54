"""The one runner of other programs."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_WATCH_SECONDS = 0.1


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


async def run(
    argv: Sequence[str],
    *,
    limit: int = 1 << 20,
    reader: Callable[[bytes], None] | None = None,
    watch: Callable[[int], None] | None = None,
) -> Result:
    """Run a program to its end, with nothing on stdin and a clean environment.

    It is killed when this task is cancelled, and when it writes more than `limit` bytes (TooMuchOutputError). What it
    writes to stdout goes to `reader`, if there is one, and is then not limited; `watch` gets its process id ten times
    a second, and the program is killed when that raises. A daemon that it leaves behind may keep its pipes open: what
    counts is the end of the program.
    """
    too_much: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with _Pipe(limit, too_much, reader) as out, _Pipe(limit, too_much) as err:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=out.write_end, stderr=err.write_end, env=ENVIRONMENT
        )
        ended = asyncio.create_task(process.wait())
        either: set[asyncio.Future[Any]] = {ended, too_much}
        try:
            wait = _WATCH_SECONDS if watch else None
            while not (await asyncio.wait(either, timeout=wait, return_when=asyncio.FIRST_COMPLETED))[0]:
                if watch:
                    watch(process.pid)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await ended
            too_much.cancel()
        if not too_much.cancelled() or max(out.drain(), err.drain()) > limit:
            raise TooMuchOutputError
        return Result(await ended, out.text(), err.text())


class _Pipe:
    """A pipe that is read as it fills. asyncio's own sees a program's end only when all it wrote has been read."""

    def __init__(
        self, limit: int, too_much: asyncio.Future[None], reader: Callable[[bytes], None] | None = None
    ) -> None:
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._too_much = too_much
        self._data = bytearray()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def __enter__(self) -> Self:
        self._loop.add_reader(self._read_end, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        os.close(self.write_end)

    def _read(self) -> bool:
        try:
            chunk = os.read(self._read_end, 1 << 16)
        except BlockingIOError:
            return False
        if self._reader:
            self._reader(chunk)
            return bool(chunk)
        self._data += chunk
        if len(self._data) > self._limit:
            self._loop.remove_reader(self._read_end)
            if not self._too_much.done():
                self._too_much.set_result(None)
        return bool(chunk)

    def drain(self) -> int:
        """Take what is still in the pipe; return how many bytes there were in all."""
        while len(self._data) <= self._limit and self._read():
            pass
        return len(self._data)

    def text(self) -> str:
        return self._data.decode(errors="replace")
