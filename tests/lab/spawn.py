"""How the first processes of a fleet and of its nodes are started, and how they are ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import process
from lab.result import LabError


def start_anchor(directory: Path, lock: int) -> tuple[subprocess.Popen[str], int]:
    """Start the anchor; returns the process that waits for it, and the anchor's own id."""
    owner = os.pidfd_open(os.getpid())
    namespaces = ["--net", "--mount", "--pid", "--propagation=private"]
    python = [sys.executable, "-I", "-S", str(Path(__file__).with_name("anchor.py")), str(directory), str(owner)]
    started = subprocess.Popen(
        ["unshare", *namespaces, "--fork", "--kill-child", *python],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(owner, lock),
        start_new_session=True,  # Ctrl-C is for the owner; the fleet follows when it ends
        env={"PATH": process.PATH, "LANG": "C.UTF-8"},
    )
    os.close(owner)
    line = first_line(started)
    if not line.isdigit():
        started.kill()
        started.wait()
        raise LabError(f"the fleet's anchor did not start:\n{line}")
    return started, int(line)


def first_line(started: subprocess.Popen[str], seconds: float = 60) -> str:
    """What a process says when it is ready, or "failed" and its complaint.

    It lives on without our pipes.
    """
    out, err = started.stdout, started.stderr
    assert out is not None
    assert err is not None
    with out, err:
        ready, _, _ = select.select([out], [], [], seconds)
        if not ready:
            return f"failed nothing was heard of it for {seconds:g} s"
        return out.readline().strip() or f"failed {err.read().strip()}"


def kill(pid: int) -> None:
    """Kill the first process of a pid namespace; returns when all of it is gone.

    Its parent, the unshare that waits for it, holds the other namespaces, so its end is waited for as well.
    """
    with suppress(FileNotFoundError, ProcessLookupError):
        status = Path(f"/proc/{pid}/status").read_text()
        parent = int(status.partition("\nPPid:")[2].split()[0])
        with _pidfd(pid) as first, _pidfd(parent) as waiting:
            signal.pidfd_send_signal(first, signal.SIGKILL)
            for handle in (first, waiting):
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                poll.poll(10_000)


@contextmanager
def _pidfd(pid: int) -> Iterator[int]:
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)
