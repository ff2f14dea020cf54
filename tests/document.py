"""The commands of a document, by section, each block with the place where its reader runs it.

A block begins with ```sh PLACE. Since a viewer hides that, the paragraph above must say it, too: "On PLACE", or "On the
new PLACE". A block of another kind, or in no section, is an error: nobody would run it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = "```"
_SECTION = "## "
_KIND = "sh "


@dataclass(frozen=True)
class Block:
    """Some lines of shell, where they run, and the line of the document that they begin at."""

    place: str
    commands: str
    line: int


def read_document(path: Path) -> dict[str, list[Block]]:
    """Return the blocks of every section, also of one without any. Raises ValueError, which names the line."""
    sections: dict[str, list[Block]] = {}
    section, above, new_paragraph = "", "", True
    lines = iter(enumerate(path.read_text().splitlines(), 1))
    for number, line in lines:
        if line.startswith(_SECTION):
            section, above = line.removeprefix(_SECTION), ""
            sections[section] = []
        elif line.startswith(_FENCE):
            where = f"{path.name}:{number}"
            kind = line.removeprefix(_FENCE)
            if not section or not kind.startswith(_KIND):
                raise ValueError(f"{where}: a block must be in a section, and say '{_KIND}PLACE'")
            block = Block(kind.removeprefix(_KIND), _until_end(lines, where), number + 1)
            _require_said(block.place, above, where)
            sections[section].append(block)
            above = ""
        elif line:
            above = line if new_paragraph else f"{above} {line}"
        new_paragraph = not line
    return sections


def _until_end(lines: Iterator[tuple[int, str]], where: str) -> str:
    inside: list[str] = []
    for _, line in lines:
        if line.startswith(_FENCE):
            return "".join(inside)
        inside.append(line + "\n")
    raise ValueError(f"{where}: this block has no end")


def _require_said(place: str, above: str, where: str) -> None:
    if not re.search(rf"\bOn (the )?(new )?{re.escape(place)}\b", above, re.IGNORECASE):
        raise ValueError(f"{where}: the text above must say that this runs on {place}")
