"""rsync's arguments for a restore, and what it says."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

from kaizen_backups.confine import SOCKET
from kaizen_backups.errors import KaizenError, NoRoomError, UnavailableError, printable
from kaizen_backups.run import Result

_ESCAPED = re.compile(rb"\\#([0-7]{3})")
# rsync's exit codes for a connection that broke, see rsync(1); the last is ssh's.
_BROKE = frozenset({10, 12, 30, 35, 255})
_MOST_SAID = 5  # lines


class Change(StrEnum):
    """What happens to one name at the target."""

    CREATE = "create"
    OVERWRITE = "overwrite"
    ATTRIBUTES = "attributes"


def copy_arguments(*, overwrite: bool) -> list[str]:
    """Return rsync's arguments for exactly the names on its stdin, each with a NUL behind it.

    A directory that is not among them is neither changed nor made. Contents are compared, since what is to be replaced
    may have any time. Each file is replaced by one rename; without `overwrite` nothing that is there is touched,
    however it came there. Of the extended attributes those count that the store has.
    """
    # Unlike the order of the names, that of the arguments matters: -a brings devices, which a store never has.
    arguments = ["-aHAXS", "--no-D", "--numeric-ids", "--checksum", "--modify-window=-1"]
    arguments += ["--no-implied-dirs", "--from0", "--files-from=-"]
    arguments += [f"--filter={rule}" for rule in ("+x user.*", "+x security.capability", "-x *")]
    return arguments if overwrite else [*arguments, "--ignore-existing"]


def compare_arguments() -> list[str]:
    """Return rsync's arguments for saying what would be done with the names on its stdin."""
    return [*copy_arguments(overwrite=True), "--dry-run", "--out-format=%i %n"]


def progress_arguments() -> list[str]:
    """Return rsync's arguments for saying how far it is; `copied_bytes` reads that."""
    return ["--info=progress2", "--no-human-readable"]


def over_ssh(*, sudo: bool) -> list[str]:
    """Return rsync's arguments for a host, from within the cage: an ssh outside has logged in already.

    No shell there gets to see a name (-s, by the name that older versions know too).
    """
    shell = f"ssh -F /dev/null -o ControlPath={SOCKET} -o ControlMaster=no -o BatchMode=yes"
    return ["-s", "-e", shell, *(["--rsync-path=sudo -n rsync"] if sudo else [])]


def parse_changes(said: bytes) -> Iterator[tuple[bytes, Change]]:
    """Yield each name that rsync said would be changed, and how."""
    for line in said.split(b"\n"):
        # Spaces stand for what is the same, in a hard link that is to be made.
        item, name = line[:11], line[12:]
        if line[11:12] != b" " or not name:
            continue
        name = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), name)
        yield name.removesuffix(b"/"), _change(item)


def _change(item: bytes) -> Change:
    if item[2:] == b"+++++++++":
        return Change.CREATE
    linked_with_others = item[:1] == b"h" and item[2:3] == b"." and set(item[2:]) != {ord(".")}
    return Change.ATTRIBUTES if item[:1] == b"." or linked_with_others else Change.OVERWRITE


def copied_bytes(said: bytes) -> int | None:
    """Return how many bytes rsync has copied by what it said last; None where it said no number."""
    found = re.findall(rb"(?:^|\r)\s*(\d+) ", said)
    return int(found[-1]) if found else None


def null_separated(names: Iterable[bytes]) -> bytes:
    """Return names as --from0 reads them."""
    return b"".join(name + b"\0" for name in names)


def failed_copy(where: str, result: Result) -> KaizenError:
    """Return what it means that rsync ended so."""
    lines = [line.strip() for line in result.err.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("rsync error:")] or lines or [f"code {result.code}"]
    shown = "\n".join(printable(line)[:300] for line in said[:_MOST_SAID])
    end = "every file there is whole, either as it was or as it is restored"
    if "No space left on device" in result.err:
        return NoRoomError(f"{where}: there is no room left; {end}\n{shown}")
    kind = UnavailableError if result.code in _BROKE else KaizenError
    return kind(f"{where}: rsync ended with code {result.code}; {end}\n{shown}")
