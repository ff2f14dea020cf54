"""A man page in the macros that groff, mandoc and all others know."""

import re
import textwrap
from collections.abc import Iterable

_ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
_OPTION = r"(?P<option>(?<![\w-])-{1,2}[A-Za-z][\w-]*)"
_PLACEHOLDER = r"(?P<placeholder>(?<![\w-])[A-Z][A-Z-]*(?![\w-]))"


def escape(text: str) -> str:
    """Return text that is printed as it is: a dash stays one that can be copied, a quote stays straight."""
    escaped = "".join(_ESCAPES.get(c, c if c.isascii() else rf"\[u{ord(c):04X}]") for c in text)
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def usage(text: str) -> str:
    """Return a term or a usage: options in bold, what stands for something else in italics."""

    def marked(found: re.Match[str]) -> str:
        return f"\0{'B' if found['option'] else 'I'}{found[0]}\0R"

    return escape(re.sub(f"{_OPTION}|{_PLACEHOLDER}", marked, text)).replace("\0", r"\f")


def prose(text: str) -> list[str]:
    """Return a paragraph's lines; what stands between backquotes is in bold."""
    lines = textwrap.wrap(" ".join(text.split()), 100, break_long_words=False, break_on_hyphens=False)
    marked = re.sub(r"`([^`]*)`", "\0B\\1\0R", "\n".join(lines))
    return [escape(line).replace("\0", r"\f") for line in marked.split("\n")]


class Page:
    """A page, from its title line on."""

    def __init__(self, name: str, section: int, *, source: str) -> None:
        """Begin with the title line. It has no date: the page is the same whenever it is made."""
        self._lines = [
            r".\" Made by tests/tools/man: change what the program says of itself, then run: make man",
            f'.TH "{escape(name.upper())}" {section} "" "{escape(source)}" "Kaizen backups"',
            # No word is cut: it may be a path.
            ".nh",
            ".ad l",
        ]

    def heading(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f".SH {title}")

    def subheading(self, title: str) -> None:
        """Begin a part of a section."""
        self._lines.append(f".SS {escape(title)}")

    def paragraph(self, text: str) -> None:
        """Add a paragraph of prose."""
        self._lines += [".PP", *prose(text)]

    def usage(self, program: str, arguments: str) -> None:
        """Add how something is called."""
        self._lines += [".PP", rf"\fB{escape(program)}\fR {usage(arguments)}".rstrip()]

    def verbatim(self, lines: Iterable[str]) -> None:
        """Add lines that stay as they are."""
        self._lines += [".PP", ".nf", *map(escape, lines), ".fi"]

    def item(self, term: str, text: str) -> None:
        """Add a term, marked up already, and what it means."""
        self._lines += [".TP", term, *prose(text)]

    def __str__(self) -> str:
        """Return the file's text."""
        # A paragraph behind a heading begins of itself.
        return re.sub(r"(?m)^(\.S[HS] .*)\n\.PP$", r"\1", "\n".join(self._lines)) + "\n"
