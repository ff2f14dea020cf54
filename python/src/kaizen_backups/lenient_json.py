"""JSON in which one value may be absurd: for Python too large a number, or nested too deeply. The rest is still told.

What PuppetDB answers has facts of every node in it, and each node chooses its own: one of them must not be able to make
the answer about all the others unreadable.
"""

import json
import re
from typing import Any

DEEPEST = 20
"""Lists and mappings within each other that are read; what is deeper is null."""
_LONGEST = 100
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_STRINGS = re.compile(_STRING.encode(), re.DOTALL)
_TOKEN = re.compile(rf"{_STRING}|[\[{{\]}}]", re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_MARKS = bytes(set(range(256)) - set(b"[]{}:,"))
_INNER = (b":{", b":[", b"[[", b",[", b"[{")
"""What begins a value within another; in a list at least every second level of it does so, without ',{'."""
_FEW = 5


def loads(data: bytes) -> Any:
    """Return what `data` holds. Raises json.JSONDecodeError and UnicodeDecodeError when it is no JSON.

    What is nested deeper than DEEPEST is None. Where there is a number that is too large for Python, each of more than
    100 digits is a string of them.
    """
    text = data.decode(json.detect_encoding(data))
    if _is_deep(data):
        # Python's parser would give up by itself, but so would what happens to run at that depth, such as finalizers.
        text = _pruned(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # of int(), which takes 4,300 digits
        return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST else digits


def _is_deep(data: bytes) -> bool:
    """Say whether anything is nested too deeply: if brackets are left when the innermost went that many times."""
    # Nearly all answers are a list of mappings and nothing else, which shows at once, though the strings are in it yet.
    marks = data.translate(None, _NO_MARKS)
    if sum(marks.count(inner) for inner in _INNER) <= _FEW:
        return False
    brackets = _STRINGS.sub(b"", data).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(DEEPEST):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _pruned(text: str) -> str:
    """Return the text with null for what is nested too deeply."""
    parts = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == DEEPEST + 1:
                parts.append(text[start : token.start()])
        elif token[0] in ("]", "}"):
            if depth == DEEPEST + 1:
                parts.append("null")
                start = token.end()
            depth -= 1
    return "".join(parts) + (text[start:] if depth <= DEEPEST else "")
