"""Owners are restored by number: does a number mean the same account at the place?"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kaizen_backups.errors import printable
from kaizen_backups.restore.contents import Contents, LeadsThroughSymlinkError, lookup
from kaizen_backups.restore.place import Answer

_MOST = 1 << 20  # bytes of an account file that are read
_NAMED = 5
_FILES = {b"u": b"etc/passwd", b"g": b"etc/group"}
_WORDS = {b"u": "user", b"g": "group"}


def records(contents: Contents) -> Iterator[bytes]:
    """Yield what target.sh is asked for: the name of every number that owns something, but root's."""
    for letter, numbers in ((b"u", contents.users), (b"g", contents.groups)):
        for number in sorted(numbers - {0}):
            yield letter + b"%d" % number


def differing(root: int, answers: Sequence[Answer]) -> list[str]:
    """Return a warning for every number that the snapshot at `root` and the place have different names for.

    A snapshot without account files says nothing.
    """
    found = []
    for letter, file in _FILES.items():
        names = _accounts(_read(root, file))
        for answer in answers:
            number = answer.name[1:]
            if answer.what == "owner" and answer.name[:1] == letter and names.get(number, answer.more) != answer.more:
                was, here = printable(names[number]), printable(answer.more) or "nobody's"
                found.append(f"{_WORDS[letter]} {number.decode()} was {was}, and is {here} there: owners go by number")
    more = [f"and {len(found) - _NAMED} more owners that have other names there"] if len(found) > _NAMED else []
    return [*found[:_NAMED], *more]


def _accounts(lines: Iterable[bytes]) -> Mapping[bytes, str]:
    fields = (line.split(b":") for line in lines)
    return {part[2]: part[0].decode("utf-8", "backslashreplace") for part in fields if len(part) > 3}


def _read(root: int, name: bytes) -> list[bytes]:
    """Return the lines of a file of the snapshot, [] when it has none of that name."""
    try:
        status = lookup(root, name)
        if status is None or not stat.S_ISREG(status.st_mode):
            return []
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root), "rb") as file:
            return file.read(_MOST).splitlines()
    except (OSError, LeadsThroughSymlinkError):
        return []
