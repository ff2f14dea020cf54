"""What has not changed since the snapshot before takes its room once: hard links to that."""

import os
from pathlib import Path

from kaizen_backups.tree import File, open_file, regular_files

_PIECE = 1 << 20


def link_unchanged(root: Path, last: Path) -> None:
    """Make every file of the tree at `root` that `last` has, too, a hard link to the one there. Raises OSError.

    A link has all in common: so bytes, mode, owner, time and attributes must be equal. `last` may have come from a
    node: no symlink in it is followed.
    """
    used: set[int] = set()
    for file in regular_files(root):
        # Links among the files of one tree are its own matter: none is lost here, and none is made.
        if file.status.st_nlink > 1:
            continue
        try:
            twin = open_file(last, file.name)
        except OSError:
            continue  # it is new
        try:
            inode = os.fstat(twin).st_ino
            if inode not in used and _is_same(file, twin):
                _link(file, twin)
                used.add(inode)
        finally:
            os.close(twin)


def _is_same(file: File, twin: int) -> bool:
    if _facts(file.status) != _facts(os.fstat(twin)):
        return False
    with os.fdopen(file.open(), "rb", buffering=0) as one, os.fdopen(os.dup(twin), "rb", buffering=0) as other:
        if _attributes(one.fileno()) != _attributes(twin):
            return False
        while data := one.read(_PIECE):
            if other.read(_PIECE) != data:
                return False
        return True


def _facts(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_size, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns


def _attributes(descriptor: int) -> dict[str, bytes]:
    try:
        return {name: os.getxattr(descriptor, name) for name in os.listxattr(descriptor)}
    except OSError:
        return {}  # there are none on this file system


def _link(file: File, twin: int) -> None:
    """Put a link to an open file in the place of another; the directory keeps its times."""
    name, status = file.name.rpartition(b"/")[2], os.fstat(file.directory)
    os.unlink(name, dir_fd=file.directory)
    # By the descriptor: what was compared is what is linked, whatever its name is now.
    os.link(f"/proc/self/fd/{twin}", name, dst_dir_fd=file.directory, follow_symlinks=True)
    os.utime(file.directory, ns=(status.st_atime_ns, status.st_mtime_ns))
