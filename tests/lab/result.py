"""What a command in a node came to, and the one exception that the lab raises."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


class LabError(Exception):
    """Something in the lab failed; the message says what, where, and what to do."""


@dataclass(frozen=True)
class Result:
    """A command that has ended.

    `out` and `err` are text; bytes that are not UTF-8 survive as surrogates.
    """

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    def describe(self) -> str:
        """The command, its exit code and everything it printed, for a failed test's output."""
        parts = [f"$ {shlex.join(self.argv)}", f"exit code {self.code}"]
        for label, text in (("stdout", self.out), ("stderr", self.err)):
            if text:
                parts.append(f"--- {label}\n{text.rstrip()}")
        return printable("\n".join(parts))

    def require(self, where: str, good: tuple[int, ...] = (0,)) -> Result:
        """This result, or LabError if its exit code is not one of the good ones."""
        if self.code not in good:
            raise LabError(f"{where}: command failed\n{self.describe()}")
        return self


def decode(data: bytes) -> str:
    """Bytes of a command as text that can be turned back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str | bytes) -> bytes:
    """The other way round; bytes pass as they are."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Text without lone surrogates: a message must never fail to print."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
