"""Somebody at a terminal of a node, who runs commands and answers what they ask."""

import os
import select
import subprocess
from collections.abc import Mapping

from lab import LabError, Node

# Who waits that long is asked something; pytest's own patience ends later.
_SILENCE = 200


def run_at_terminal(node: Node, script: str, answers: Mapping[str, str], *, code: int = 0) -> str:
    """Run a bash script, which ends at its first failure, and return what it shows.

    `answers` has the end of each question, and the line that is typed then. Raises LabError with all that it has shown
    when it does not end with `code`, or asks something else.
    """
    node.write("/run/typed", script)
    shell = "bash -euo pipefail /run/typed"
    process = node.popen(
        ["script", "-qec", shell, "/dev/null"], stdin=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/root"
    )
    assert process.stdin is not None
    assert process.stdout is not None
    shown = answered = ""
    with process.stdin, process.stdout:
        while True:
            if not select.select([process.stdout], [], [], _SILENCE)[0]:
                process.end()
                raise LabError(f"{node.name}: nothing came of this for {_SILENCE} s:\n{script}--- shown\n{shown}")
            chunk = os.read(process.stdout.fileno(), 4096)
            if not chunk:
                break
            shown += chunk.decode("utf-8", "replace")
            unanswered = shown.removeprefix(answered)
            for question, answer in answers.items():
                if unanswered.rstrip().endswith(question):
                    process.stdin.write(f"{answer}\n".encode())
                    process.stdin.flush()
                    answered = shown
    if process.wait() != code:
        raise LabError(f"{node.name}: this ended with {process.returncode}:\n{script}--- shown\n{shown}")
    return shown
