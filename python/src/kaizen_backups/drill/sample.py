"""A sample of the files that were restored, and what a node's answers say of it. Nothing that it says is trusted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, NamedTuple

from kaizen_backups.errors import DataError
from kaizen_backups.restore.check import Whole
from kaizen_backups.restore.contents import Kind, lookup
from kaizen_backups.tree import show_name
from kaizen_backups.units import many

MOST_FILES = 200
MOST_BYTES = 256 << 20
"""Bytes that the files of a sample have together, at most: the node has to read them."""

_END = b"end of data"
_NAMED = 10
_ANSWER = re.compile(r"(0|[1-9][0-9]{0,5}) (gone|changed|unread|[0-9a-f]{64})", re.ASCII)
_SECOND = 10**9  # ns


class Sampled(NamedTuple):
    """A file that was restored: its size in bytes, its time in nanoseconds, its SHA-256."""

    name: bytes
    size: int
    mtime: int
    digest: bytes


@dataclass
class Compared:
    """What came of the comparison: files asked for, and how many of them are the same, changed, gone.

    `not_done` says why there was none.
    """

    files: int
    same: int = 0
    changed: int = 0
    gone: int = 0
    problems: list[str] = field(default_factory=list)
    not_done: str | None = None

    @property
    def unchanged(self) -> int:
        """How many have their size and time still: those were compared."""
        return self.files - self.changed - self.gone

    def told(self) -> str:
        """Return it for people."""
        same = "all the same" if self.same == self.unchanged else f"{self.unchanged - self.same} not the same"
        verdict = same if self.unchanged else "none is as it was"
        since = [f"{count} {what}" for count, what in ((self.changed, "changed"), (self.gone, "gone")) if count]
        compared = f"compared {self.unchanged} of {many(self.files, 'file')} with the live node: {verdict}"
        return f"{compared}; {' and '.join(since)} since" if since else compared

    def as_json(self) -> dict[str, Any]:
        """Return it as `kaizen drill --json` prints it; the problems stand among the drill's."""
        stated = asdict(self)
        del stated["problems"]
        return stated


def take_sample(root: int, whole: Whole, chance: Random) -> list[Sampled]:
    """Return a few of the files that were restored below `root`."""
    files = [entry for entry in whole.contents.entries.values() if entry.kind == Kind.FILE]
    sample: list[Sampled] = []
    room = MOST_BYTES
    for entry in chance.sample(files, len(files)):
        if len(sample) == MOST_FILES:
            break
        status = lookup(root, entry.name) if entry.size <= room else None
        if status:
            sample.append(Sampled(entry.name, status.st_size, status.st_mtime_ns, whole.sums[entry.name]))
            room -= status.st_size
    return sample


def records(sample: Sequence[Sampled]) -> Iterator[bytes]:
    """Yield what live.sh reads."""
    for file in sample:
        yield b"%d %b /%b" % (file.size, stamp(file.mtime).encode(), file.name)
    yield _END


def stamp(time: int) -> str:
    """Return a time in nanoseconds as stat(1) says it in seconds."""
    seconds, rest = divmod(abs(time), _SECOND)
    return f"{'-' if time < 0 else ''}{seconds}.{rest:09}"


def judge(sample: Sequence[Sampled], said: str) -> Compared:
    """Return what live.sh's answers mean. Raises DataError for anything that it would not say."""
    *lines, done, end = said.split("\n") if said.endswith("\n") else ["", ""]
    answers = [match for line in lines if (match := _ANSWER.fullmatch(line))]
    asked = list(range(len(sample)))
    if (done, end) != ("done", "") or len(lines) != len(asked) or [int(answer[1]) for answer in answers] != asked:
        raise DataError("what it says is no answer to what it was asked")
    found = Compared(len(sample))
    for file, answer in zip(sample, answers, strict=True):
        _count(found, file, answer[2])
    more = len(found.problems) - _NAMED
    if more > 0:
        found.problems[_NAMED:] = [f"and {more} more are not the same on the live node"]
    return found


def _count(found: Compared, file: Sampled, what: str) -> None:
    if what == "gone":
        found.gone += 1
    elif what == "changed":
        found.changed += 1
    elif what == file.digest.hex():
        found.same += 1
    elif what == "unread":
        found.problems.append(f"/{show_name(file.name)} cannot be read on the live node any more")
    else:
        found.problems.append(
            f"/{show_name(file.name)} has another content on the live node, and the same size and time:"
            " one of the two is damaged"
        )
