"""Show how two versions of one name differ."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.search.contents import LARGEST, read_version
from kaizen_backups.search.versions import Version
from kaizen_backups.store import NodeStore
from kaizen_backups.units import size


def compare(store: NodeStore, path: bytes, old: Version, new: Version) -> Iterator[bytes]:
    """Yield the lines of a unified diff, without their ends; before them what else differs.

    Files that are no text, or too large, are said to differ, with sizes and sums. Raises KaizenError, OSError.
    """
    for name, before, after in zip(("kind", "mode", "owner"), _attributes(old), _attributes(new), strict=True):
        if before != after:
            yield f"{name} {before} -> {after}".encode()
    contents = [_content(store, path, version) for version in (old, new)]
    if any(content is None for content in contents):
        if old.content != new.content or old.content is None:
            yield b"the contents differ, and are no text that could be compared:"
            yield from (f"  {v.last}: {size(v.size)}, SHA-256 {v.sha256 or 'unknown'}".encode() for v in (old, new))
        return
    labels = [f"{printable(os.fsdecode(path))}\t{version.last}" for version in (old, new)]
    yield from unified_diff(labels, [content or b"" for content in contents])


def _attributes(version: Version) -> tuple[str, str, str]:
    return version.kind, f"{stat.S_IMODE(version.mode):04o}", f"{version.uid}:{version.gid}"


def _content(store: NodeStore, path: bytes, version: Version) -> bytes | None:
    """Return what is compared line by line; None when it is no text."""
    if version.kind == "directory":
        return b""
    if version.target is not None:
        return b"-> " + version.target + b"\n"
    if (version.size or 0) > LARGEST:
        return None
    data = read_version(store, path, version)
    return None if b"\0" in data else data


def unified_diff(labels: list[str], contents: list[bytes]) -> Iterator[bytes]:
    """Yield the lines of a unified diff, without their ends. Raises KaizenError.

    diff(1) compares: what a node chose to be slow would keep Python's for hours.
    """
    with tempfile.TemporaryFile() as old, tempfile.TemporaryFile() as new:
        for file, content in zip((old, new), contents, strict=True):
            file.write(content)
            file.flush()
        names = [f"/dev/fd/{file.fileno()}" for file in (old, new)]
        command = ["diff", "--text", "-u", "--label", labels[0], "--label", labels[1], "--", *names]
        try:
            done = subprocess.run(command, capture_output=True, check=False, pass_fds=[old.fileno(), new.fileno()])
        except FileNotFoundError:
            raise KaizenError("the program diff is missing: install diffutils") from None
    if done.returncode > 1:
        raise KaizenError(f"diff: {printable(done.stderr.decode(errors='replace').strip())}")
    yield from done.stdout.split(b"\n")[:-1]
