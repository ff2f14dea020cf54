"""A copy to show: what may be a secret is taken out. It rather takes too much, so nothing can be restored from it."""

import re

HIDDEN = "***"
_LONGEST = 4096  # characters

_WORDS = (
    r"password|passwd|passphrase|pass|secret|community|key-string|shared-key|pre-?shared|psk|ekey|keys?|md5|sha\d*|hash(?:ed)?"
    r"|auth|authentication|priv|encrypted|localized|token|credentials?"
)
# One of these words, be it the end or a part of a longer one, and all that follows it.
_AFTER_WORD = re.compile(rf"(?i)^(.*?(?:{_WORDS})(?![a-z])[\w-]*[\"']?[\s:=]+)(\S.*)$")
# One of these words as a key of YAML, which has its value in the deeper lines that follow.
_KEY_ALONE = re.compile(rf"(?i)^(\s*(?:-\s+)*)\S*?(?:{_WORDS})(?![a-z])[\w-]*[\"']?\s*:\s*(?:[|>]\S*)?\s*(?:#.*)?$")
# The community stands at the end of this one, without a word before it.
_SNMP = re.compile(r"(?i)^(.*\bsnmp-server\s+(?:host|user|engineid|trap-host)\s+\S+\s+)(\S.*)$")
_HASH = re.compile(r"\$[A-Za-z0-9]{1,3}\$\S+")
_URL = re.compile(r"(?<=://)[^/\s@]+@")
_PEM_BEGIN, _PEM_END = re.compile(r"-----BEGIN [A-Z ]+-----"), re.compile(r"-----END [A-Z ]+-----")


def redact(text: str) -> str:
    """Return a configuration without its secrets; its lines stay where they are, those of keys and certificates go."""
    lines, inside, key = [], False, -1
    for line in text.split("\n"):
        if inside:
            inside = not _PEM_END.search(line)
            continue
        inside = bool(_PEM_BEGIN.search(line)) and not _PEM_END.search(line)
        if _is_below(line, key):
            lines.append(_indent(line) + HIDDEN if line.strip() else line)
            continue
        key = len(found[1]) if len(line) <= _LONGEST and (found := _KEY_ALONE.match(line)) else -1
        lines.append(_PEM_BEGIN.split(line)[0] + HIDDEN if _PEM_BEGIN.search(line) else redact_line(line))
    return "\n".join(lines)


def _is_below(line: str, key: int) -> bool:
    """Tell whether a line belongs to a key that stands in that column; -1 is none."""
    column = len(_indent(line))
    return key >= 0 and (not line.strip() or column > key or (column == key and line[column:].startswith("- ")))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def redact_line(line: str) -> str:
    """Return a line without what may be a secret; one that is absurdly long has nothing else."""
    if len(line) > _LONGEST:
        return HIDDEN
    for pattern in (_SNMP, _AFTER_WORD):
        line = pattern.sub(rf"\g<1>{HIDDEN}", line)
    return _URL.sub(f"{HIDDEN}@", _HASH.sub(HIDDEN, line))
