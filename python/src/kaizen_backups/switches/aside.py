"""What blocks, in a thread that nobody waits for when the run ends: a session may have minutes to go."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def aside(function: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> asyncio.Future[_Result]:
    """Return what a function that blocks will return, or raise."""
    future: Future[_Result] = Future()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    # A pool's threads are waited for at the program's end.
    Thread(target=work, name="switch", daemon=True).start()
    return asyncio.wrap_future(future)
