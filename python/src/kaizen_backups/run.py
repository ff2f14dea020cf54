"""The one runner of other programs."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
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
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Result:
    """Run a program to its end in a clean environment, with nothing on stdin unless a descriptor is given.

    `environment` is added to the clean one; `directory` is where it runs.

    It is killed when this task is cancelled, and when it writes more than `limit` bytes (TooMuchOutputError). What it
    writes to stdout goes to `reader` or to the descriptor `stdout`, if there is one, and is then not limited; `watch`
    gets its process id ten times a second, and the program is killed when that raises. A daemon that it leaves behind
    may keep its pipes open: what counts is the end of the program. What `reader` and `watch` raise is raised.
    """
    enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with _Pipe(limit, enough, reader) as out, _Pipe(limit, enough) as err:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=stdin,
            stdout=out.write_end if stdout is None else stdout,
            stderr=err.write_end,
            env={**ENVIRONMENT, **(environment or {})},
            cwd=directory,
        )
        ended = asyncio.create_task(process.wait())
        either: set[asyncio.Future[Any]] = {ended, enough}
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
            enough.cancel()
        for pipe in (out, err):
            pipe.drain()
            if pipe.error:
                raise pipe.error
        return Result(await ended, out.text(), err.text())


class _Pipe:
    """A pipe that is read as it fills. asyncio's own sees a program's end only when all it wrote has been read."""

    def __init__(self, limit: int, enough: asyncio.Future[None], reader: Callable[[bytes], None] | None = None) -> None:
        self.error: Exception | None = None
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._enough = enough
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
        try:
            self._take(chunk)
        except Exception as error:  # raised where the program is waited for; here it would be asyncio's to print
            self.error = error
            self._loop.remove_reader(self._read_end)
            if not self._enough.done():
                self._enough.set_result(None)
        return bool(chunk)

    def _take(self, chunk: bytes) -> None:
        if self._reader:
            self._reader(chunk)
            return
        self._data += chunk
        if len(self._data) > self._limit:
            raise TooMuchOutputError

    def drain(self) -> None:
        """Take what is still in the pipe."""
        while not self.error and self._read():
            pass

    def text(self) -> str:
        return self._data.decode(errors="replace")
