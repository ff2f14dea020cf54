"""What a switch answered, as it is stored; or why that is no whole configuration."""

import re
from collections.abc import Callable, Iterable

from kaizen_backups.errors import DataError, printable
from kaizen_backups.switches.families import Family
from kaizen_backups.switches.redact import redact_line

_FEWEST = 3
_HEAD = 15
# What a switch says instead of a configuration, or after a part of it.
_ERROR = re.compile(
    r"\s*(%\s*\S.*|.*\b(invalid (input|command|keyword)|unrecognized command|unknown command|syntax error"
    r"|command not found|permission denied|not authorized|authorization (failed|denied)|incomplete command)\b.*"
    r"|[\w.]*error:.*|error\b.*|traceback \(most recent call last\).*|invalid input ->.*)",
    re.IGNORECASE,
)
_PAGER = re.compile(r"-- ?more ?--|press any key|lines \d+-\d+", re.IGNORECASE)


def configuration(answer: str, family: Family, scrub: Callable[[str], str] = str) -> str:
    """Return the configuration, without what changes by itself. Raises DataError when it is not a whole one.

    `scrub` takes passwords out of what is said of it.
    """
    lines = [line.rstrip() for line in re.sub(r"\r+\n|\n\r|\r", "\n", answer).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    _require_whole(lines, family, scrub)
    volatile = [re.compile(pattern) for pattern in family.volatile]
    kept = [line for line in lines if not any(pattern.fullmatch(line) for pattern in volatile)]
    return "\n".join(kept) + "\n"


def same(one: str, other: str, family: Family) -> bool:
    """Tell whether two configurations differ at most in what the switch shows anew each time."""
    if one == other:
        return True
    return bool(family.unstable) and _masked(one, family.unstable) == _masked(other, family.unstable)


def _masked(text: str, patterns: Iterable[str]) -> str:
    for pattern in patterns:
        text = re.sub(pattern, "", text)
    return text


def _require_whole(lines: list[str], family: Family, scrub: Callable[[str], str]) -> None:
    def shown(line: str) -> str:
        # First what is secret, then the rest: of a password that is cut or escaped, a part would stay.
        return printable(redact_line(scrub(line.strip())))[:100]

    if not lines:
        raise DataError(f"it answered nothing to '{family.command}'")
    for line in (*lines[:3], *lines[-3:]):
        if _ERROR.fullmatch(line):
            raise DataError(f"it answered '{family.command}' with: {shown(line)}")
    if any(_PAGER.search(line) for line in lines[-2:]):
        raise DataError(f"it waits for a key after a page ('{shown(lines[-1])}'): its paging could not be turned off")
    if family.begins and not any(re.fullmatch(family.begins, line) for line in lines[:_HEAD]):
        raise DataError(f"what it sent does not begin as a configuration does, but with: {shown(lines[0])}")
    if family.ends and not re.fullmatch(family.ends, lines[-1]):
        raise DataError(f"the configuration is cut short: after {len(lines)} lines it ends with: {shown(lines[-1])}")
    if len(lines) < _FEWEST:
        raise DataError(f"it is no configuration, it has only {len(lines)} lines: {shown(lines[0])}")
