"""A real systemd in a node, beside what the lab runs there."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.node import Node
from lab.puppet import ENVIRONMENT
from lab.result import LabError, Result

_SCRIPT = f"{ENVIRONMENT}/modules/quickstack/tests/lab/systemd.sh"
_NAMESPACES = ("--mount", "--pid", "--ipc", "--uts", "--cgroup")


@contextmanager
def systemd(node: Node, seconds: float = 120) -> Iterator[None]:
    """Have systemd run in the node: it is up when this begins, and gone when it ends.

    Raises LabError when it is not up within that time, and at once when it ends before.
    """
    process = node.popen([_SCRIPT, "/"], stdout=subprocess.DEVNULL, stderr=None)
    try:
        end = time.monotonic() + seconds
        up = node.path("/run/systemd/private")
        while not up.exists():
            if process.poll() is not None:
                raise LabError(f"{node.name}: systemd ended with {process.returncode} before it was up")
            if time.monotonic() > end:
                raise LabError(f"{node.name}: waited {seconds:.0f} s in vain for systemd")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def beside_systemd(node: Node, *argv: str | Path, **options: Any) -> Result:
    """Run a command among systemd's processes; `options` are Node.run's."""
    enter = f"--target={node.read('/run/systemd.pid').strip()}"
    return node.run(["nsenter", enter, *_NAMESPACES, "--", *argv], **options)
