"""What a command says of itself, whichever language it is written in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import cleandoc


@dataclass(frozen=True)
class Command:
    """A command: its whole name, its arguments, the paragraphs of its help, its examples and its options."""

    name: str
    arguments: str
    paragraphs: list[str]
    examples: list[str] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)


def blocks(text: str) -> Iterator[list[str]]:
    """Yield what blank lines part, as lists of lines."""
    for block in re.split(r"\n\s*\n", cleandoc(text)):
        yield block.splitlines()


def is_examples(block: list[str]) -> bool:
    """Is that a block of examples?"""
    return block[0] in ("Example:", "Examples:")


def exit_codes(text: str) -> list[tuple[str, str]]:
    """Return each code and its meaning, of `Exit codes: 0 good; 1 ...` or of a table with some in a line."""
    found = re.split(r";\s|\s{2,}", text.partition(":")[2].strip().removesuffix("."))
    return [(code, meaning) for code, _, meaning in (one.partition(" ") for one in found)]
