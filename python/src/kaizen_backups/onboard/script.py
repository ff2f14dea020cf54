"""The script that a host is given: host.sh as it is, and behind it the data that it reads.

The same text goes over ssh and into a bundle that somebody runs by hand.
"""

import unicodedata
from collections.abc import Iterable
from importlib.resources import files

_MARK = "KAIZEN_DATA"
_BREAKING = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of one, and what ends a line


def data_line(keyword: str, *words: str) -> str:
    """Return a line of data. What could be taken for another line never gets that far."""
    line = " ".join([keyword, *words])
    if any(unicodedata.category(character) in _BREAKING for character in line):
        raise ValueError(f"{line!r} can't stand in a line of data")
    return line


def content_lines(content: str) -> list[str]:
    """Return a file's content as lines of data."""
    if content and not content.endswith("\n"):
        raise ValueError("a file ends with the end of a line")
    return [f"|{line}" for line in content.split("\n")[:-1]]


def script(mode: str, data: Iterable[str]) -> str:
    """Return the script that does `mode` (describe, apply, by_hand) with that data."""
    host = (files("kaizen_backups.onboard") / "host.sh").read_text()
    return "\n".join([f"{host}", f"main {mode} <<'{_MARK}'", *data, "end of data", _MARK, ""])
