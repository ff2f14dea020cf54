"""Search the contents of files: each distinct content is read once, whatever bears it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kaizen_backups.search.pattern import compile_regex
from kaizen_backups.search.versions import Found, Version
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.tree import open_file

LARGEST = 8 << 20
"""Bytes that a file may have whose content is looked at."""
_MOST_LINES = 100
_LONGEST = 1000


@dataclass(frozen=True)
class Lines:
    """The lines of a content that match, by number, from 1; `more` have been left out."""

    found: list[tuple[int, str]]
    more: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return them as `kaizen find --json` prints them."""
        return {"lines": [{"number": n, "text": t} for n, t in self.found], "more_lines": self.more}


@dataclass(frozen=True)
class Hit:
    """A file whose content matches; `lines` are those of each of its versions, all of which match."""

    file: Found
    lines: list[Lines]

    def as_json(self) -> dict[str, Any]:
        """Return it as `kaizen find --json` prints it."""
        data = self.file.as_json()
        for version, lines in zip(data["versions"], self.lines, strict=True):
            version.update(lines.as_json())
        return data


class Contents:
    """Looks for a text, or a regular expression, in each line. What cannot be read is put into `problems`."""

    def __init__(self, text: str, *, regex: bool, ignore_case: bool) -> None:
        """Take what is looked for. Raises PatternError."""
        self.problems: list[str] = []
        self._line = compile_regex(text if regex else re.escape(text), ignore_case=ignore_case)
        self._needle = b"" if regex or ignore_case else text.encode("utf-8", "surrogateescape")
        self._read: dict[bytes, Lines | None] = {}

    def search(self, store: NodeStore, files: Iterator[Found]) -> Iterator[Hit]:
        """Yield those of a node's files of which a version matches, with these versions."""
        for file in files:
            lines = [self._look(store, file, version) for version in file.versions]
            matching = [(v, found) for v, found in zip(file.versions, lines, strict=True) if found]
            if matching:
                yield Hit(replace(file, versions=[v for v, _ in matching]), [found for _, found in matching])

    def _look(self, store: NodeStore, file: Found, version: Version) -> Lines | None:
        if version.kind != "file" or not version.size or version.size > LARGEST:
            return None
        if version.content in self._read:
            return self._read[version.content]
        try:
            data = read_version(store, file.path, version)
        except OSError as error:
            where = f"{file.node}: {version.last}: {os.fsdecode(file.path)}"
            self.problems.append(f"{where}: cannot be read: {error.strerror}")
            return None
        found = self._lines(data)
        if version.content:
            self._read[version.content] = found
        return found

    def _lines(self, data: bytes) -> Lines | None:
        # Text has no NUL in it; that is how grep tells, too.
        if self._needle not in data or b"\0" in data:
            return None
        text = data.decode("utf-8", "surrogateescape")
        found: list[tuple[int, str]] = []
        more = 0
        for number, line in enumerate(text.split("\n"), 1):
            if match := self._line.search(line):
                if len(found) < _MOST_LINES:
                    begin = max(0, match.start() - _LONGEST // 2)
                    found.append((number, line[begin : begin + _LONGEST]))
                else:
                    more += 1
        return Lines(found, more) if found else None


def read_version(store: NodeStore, path: bytes, version: Version) -> bytes:
    """Return the content of a version of a file, as the newest snapshot has it. Raises OSError."""
    snapshot = Snapshot.parse(version.last)
    assert snapshot
    with os.fdopen(open_file(store.path(snapshot), path[1:]), "rb") as file:
        return file.read(LARGEST + 1)
