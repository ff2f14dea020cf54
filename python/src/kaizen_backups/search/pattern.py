"""Patterns of names: globs as find, locate and the shell have them, and regular expressions."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

_STAR, _DEEP, _DEEP_DIRECTORIES = "*", "**", "**/"
_CLASS_SPECIAL = re.compile(r"([\\\[&~|])")


class PatternError(ValueError):
    """A pattern that means nothing; the message shows where, in lines of its own."""

    def __init__(self, text: str, place: int, complaint: str) -> None:
        shown = "".join(c if c.isprintable() else "?" for c in text)
        super().__init__(f"{complaint}\n  {shown}\n  {' ' * place}^")


@dataclass(frozen=True)
class Pattern:
    """What names are looked for: `matches` is asked with a whole path, such as `/etc/hosts`."""

    matches: Callable[[str], object]
    literal: bytes = b""
    """Bytes that every path that matches has in it: most others need not be asked about."""
    directories: bool = False
    """Whether only directories are meant."""


def name_pattern(text: str, *, regex: bool = False, ignore_case: bool = False) -> Pattern:
    """Return the pattern that a user wrote. Raises PatternError.

    A glob without a slash is held against the last part of a path; one with a slash against the whole path, and where
    it begins with none, it may begin in any directory. `*` and `?` stop at a slash, `**` does not; `[a-z]`, `[!a-z]`;
    a backslash takes the meaning of what follows it. With a slash at its end it means directories. A regular
    expression is Python's, searched in the whole path.
    """
    if not text:
        raise PatternError(text, 0, "the pattern is empty")
    if regex:
        return Pattern(compile_regex(text, ignore_case=ignore_case).search)
    glob = text.rstrip("/")
    if not glob:
        raise PatternError(text, 0, "the pattern names nothing")
    pieces = list(_pieces(glob))
    try:
        compiled = re.compile(_regex(pieces), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
    except re.error as error:
        raise PatternError(text, glob.find("["), str(error.msg)) from None
    matches: Callable[[str], object] = compiled.fullmatch
    if "/" not in glob:
        matches = lambda path: compiled.fullmatch(path, path.rfind("/") + 1)  # noqa: E731
    elif not glob.startswith("/"):
        anywhere = re.compile(f"(?s:.*/){compiled.pattern}", compiled.flags)
        matches = anywhere.fullmatch
    literal = b"" if ignore_case else _literal(pieces)
    return Pattern(matches, literal, glob != text)


def compile_regex(text: str, *, ignore_case: bool) -> re.Pattern[str]:
    """Return a regular expression of Python's. Raises PatternError."""
    try:
        return re.compile(text, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise PatternError(text, error.pos or 0, error.msg) from None
    except (RecursionError, OverflowError) as error:
        raise PatternError(text, 0, str(error)) from None


@dataclass(frozen=True)
class _One:
    """What stands for one character: a regular expression, and the character where there is but one."""

    regex: str
    character: str = ""


def _pieces(glob: str) -> Iterator[str | _One]:
    """Yield a glob's wildcards, and what stands for one character each. Raises PatternError."""
    place = 0
    while place < len(glob):
        character = glob[place]
        if character == "*":
            deep = glob[place : place + 2] == "**"
            beginning = place == 0 or glob[place - 1] == "/"
            end = place + len(glob[place:]) - len(glob[place:].lstrip("*"))
            if deep and beginning and glob[end : end + 1] == "/":
                end += 1
                yield _DEEP_DIRECTORIES
            else:
                yield _DEEP if deep else _STAR
            place = end
        elif character == "?":
            yield _One("[^/]")
            place += 1
        elif character == "[":
            end = _class_end(glob, place)
            yield _One(_class(glob[place + 1 : end]))
            place = end + 1
        else:
            if character == "\\":
                place += 1
                if place == len(glob):
                    raise PatternError(glob, place - 1, r"a backslash at the end; \\ stands for one")
            yield _One(re.escape(glob[place]), glob[place])
            place += 1


def _class_end(glob: str, begin: int) -> int:
    first = begin + 1 + (glob[begin + 1 : begin + 2] in ("!", "^"))
    end = glob.find("]", first + 1)
    if end < 0:
        raise PatternError(glob, begin, "[ without ]; [[] stands for a bracket")
    return end


def _class(inside: str) -> str:
    negated = inside[0] in "!^"
    body = _CLASS_SPECIAL.sub(r"\\\1", inside[1:] if negated else inside)
    body = body.replace("]", r"\]").replace("^", r"\^")
    return f"(?!/)[{'^' if negated else ''}{body}]"


def _regex(pieces: list[str | _One]) -> str:
    """Return a regular expression for a glob.

    The first place where what stands between two stars fits is as good as any later one, so no other need be tried:
    names that a node chose to be slow cost no more than others.
    """
    begin = {_STAR: "[^/]*", _DEEP: ".*", _DEEP_DIRECTORIES: "(?:.*/)?"}
    wild = [number for number, piece in enumerate(pieces) if isinstance(piece, str)]
    regex = _text(pieces[: wild[0]] if wild else pieces)
    for number, following in zip_longest(wild, wild[1:]):
        piece, text = str(pieces[number]), _text(pieces[number + 1 : following])
        atomic = piece == _STAR and following is not None
        regex += f"(?>[^/]*?{text})" if atomic else begin[piece] + text
    return regex


def _text(pieces: list[str | _One]) -> str:
    return "".join(piece.regex for piece in pieces if isinstance(piece, _One))


def _literal(pieces: list[str | _One]) -> bytes:
    """Return the longest run of characters that stand for themselves."""
    runs = "".join(piece.character or "\0" if isinstance(piece, _One) else "\0" for piece in pieces).split("\0")
    return max(runs, key=len).encode("utf-8", "surrogateescape")
