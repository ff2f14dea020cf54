"""JSON in which one value may be absurd: for Python too large a number, or nested too deeply. The rest is still told.

What PuppetDB answers has facts of every node in it, and each node chooses its own: one of them must not be able to make
the answer about all the others unreadable.
"""

import json
import re
from typing import Any

DEEPEST = 20
"""Lists and mappings within each other that are read, where there are too many for Python; what is deeper is null."""
_LONGEST = 100
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{\]}]')


def loads(data: bytes) -> Any:
    """Return what `data` holds. Raises json.JSONDecodeError and UnicodeDecodeError when it is no JSON.

    Only where Python can't read it, a number of more than 100 digits is a string of them, and what is nested deeper
    than DEEPEST is None.
    """
    text = data.decode()
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):  # int() takes 4,300 digits, and the parser some 1,000 levels
        return json.loads(_pruned(text), parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST else digits


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
