"""Commands inside a node: how they get in, and how they are ended together with their children."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACES = ("--mount", "--net", "--uts", "--ipc", "--pid")


def enter(pid: int, argv: Sequence[str], env: dict[str, str], cwd: str) -> list[str]:
    """The command line that runs `argv` in the node with that first process, in `env` alone."""
    settings = [f"{name}={value}" for name, value in env.items()]
    inside = ["env", "-i", f"--chdir={cwd}", *settings, *argv]
    return ["nsenter", f"--target={pid}", *NAMESPACES, "--", *inside]


class Process(subprocess.Popen[bytes]):
    """A command in the background of a node. Signals go to it and its children, not to the nsenter
    in front of it.

    Children that made themselves a session of their own (daemons) are left alone; they end with the
    node.
    """

    def __init__(self, argv: Sequence[str], **streams: int | None) -> None:
        # setsid, so that the node's side is a process group that can be signalled as one. It does
        # not fork: nsenter's child leads no group.
        separator = argv.index("--") + 1
        line = [*argv[:separator], "setsid", *argv[separator:]]
        super().__init__(
            line,
            stdin=streams.get("stdin"),
            stdout=streams.get("stdout"),
            stderr=streams.get("stderr"),
            start_new_session=True,
        )

    def send_signal(self, sig: int) -> None:
        """Signal the command and its children."""
        for _ in range(200):
            if self.poll() is not None:
                return
            group = self._inner()
            if group is not None and os.getpgid(group) == group:
                os.killpg(group, sig)
                return
            time.sleep(0.002)  # nsenter has not come to start it yet
        super().send_signal(sig)

    def end(self) -> None:
        """Kill it, if need be, and wait."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def _inner(self) -> int | None:
        """The process id, outside, of the command that nsenter waits for."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(children[0]) if children else None
