"""Programs one behind the other, each in a cage of its own."""

import asyncio
import os
from collections.abc import Callable, Sequence

from kaizen_backups.run import Result, TooMuchOutputError, run

_LIMIT = 1 << 26  # bytes; MariaDB's client repeats a statement that fails


async def pipe(
    commands: Sequence[Sequence[str]],
    stdin: int,
    watch: Callable[[int], None] | None = None,
    reader: Callable[[bytes], None] = lambda _: None,
) -> list[Result]:
    """Run programs, what each writes going to the next, to the end of all; return how each ended.

    What the last one writes is given to `reader`. `watch` is called now and then, and ends them all by raising.
    """
    tasks: list[asyncio.Task[Result]] = []
    source, own = stdin, False
    for command in commands[:-1]:
        read_end, write_end = os.pipe()
        ours = [write_end, *([source] if own else [])]
        tasks.append(asyncio.create_task(_one(command, source, write_end, ours)))
        source, own = read_end, True
    tasks.append(asyncio.create_task(_one(commands[-1], source, None, [source] if own else [], watch, reader=reader)))
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(
    command: Sequence[str],
    stdin: int,
    stdout: int | None,
    ours: Sequence[int],
    watch: Callable[[int], None] | None = None,
    *,
    reader: Callable[[bytes], None] | None = None,
) -> Result:
    """Run one; its ends of the pipes are closed with it, so that its neighbours hear of its end."""
    try:
        return await run(command, stdin=stdin, stdout=stdout, reader=reader, limit=_LIMIT, watch=watch)
    except TooMuchOutputError:
        return Result(1, "", "ERROR: it complained without end")
    finally:
        for descriptor in ours:
            os.close(descriptor)
