"""The name of a fact, as Puppet and PuppetDB write it: `networking.ip`, `networking.interfaces."eth0.100".ip`."""

import re
from typing import Any

# It goes into a query's text, so nothing that could end a quoted part may be in one.
_PART = r'[A-Za-z0-9_-]+|"[A-Za-z0-9_.:@-]+"'
_PATH = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


def check_fact_path(path: str) -> str:
    """Return the path. Raises ValueError when it is none."""
    if len(path) > 200 or not _PATH.fullmatch(path):
        raise ValueError("must be a fact's name such as networking.ip, with quotes around a part that has a dot in it")
    return path


def dig(facts: Any, path: str) -> Any:
    """Return the value at the path; None when there is none."""
    value = facts
    for part in re.findall(_PART, path):
        value = value.get(part.strip('"')) if isinstance(value, dict) else None
    return value
