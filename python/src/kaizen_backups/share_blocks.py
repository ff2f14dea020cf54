"""Where the file system shares blocks between files (XFS, btrfs), a large file that changed in part takes what changed.

A received file is whole, and its own. The kernel is asked to let it share those pieces in which it is like the last
snapshot's file of that name: it compares them itself, under its own locks, and changes neither file's content (ioctl
FIDEDUPERANGE, `man 2 ioctl_fideduperange`). A file that has another name is left alone: it may be one that is stored.
"""

import array
import fcntl
import os
import stat
import struct
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from kaizen_backups.tree import File, open_file

LARGE = 1_000_000
"""Bytes from which on a file is worth it; the agent's number, too."""

_FIDEDUPERANGE = 0xC0189436  # linux/fs.h: _IOWR(0x94, 54, struct file_dedupe_range)
_REQUEST = struct.Struct("=QQHHI qQQiI")  # struct file_dedupe_range with one struct file_dedupe_range_info
_PIECE = 1 << 17  # bytes; one that differs anywhere is not shared at all
_BLOCK = 1 << 12
_CAPABILITIES = "security.capability"


def share_blocks(file: File, last: Path, go_on: Callable[[], object] = lambda: None) -> int:
    """Let a file that is not published yet share blocks with `last`'s of its name; return how many bytes are shared.

    What can't be shared, for whatever reason, stays as it is. `go_on` is called now and then, and ends it by raising.
    """
    # With another name it may be, or share its inode with, what is stored already: that is never written to.
    if file.linked or file.status.st_nlink > 1 or file.status.st_size < LARGE:
        return 0
    with suppress(OSError), ExitStack() as opened:
        old = open_file(last, file.name)
        opened.callback(os.close, old)
        new = file.open(writable=True)
        opened.callback(os.close, new)
        return _share(old, new, go_on)
    return 0


def _share(old: int, new: int, go_on: Callable[[], object]) -> int:
    size, common = os.fstat(new).st_size, min(os.fstat(old).st_size, os.fstat(new).st_size)
    shared, own = 0, []
    for start in range(0, size, _PIECE):
        go_on()
        if start + _PIECE <= common and _share_piece(old, new, start):
            shared += _PIECE
        else:
            own.append(start)
    if shared > size // 4:
        _write_anew(new, own, go_on)
    return shared


def _share_piece(old: int, new: int, start: int) -> bool:
    """Tell whether the piece is shared now. Raises OSError where this file system, or this file, shares nothing."""
    request = array.array("B", _REQUEST.pack(start, _PIECE, 1, 0, 0, new, start, 0, 0, 0))
    fcntl.ioctl(old, _FIDEDUPERANGE, request, True)
    *_, count, status, _ = _REQUEST.unpack(request)
    if status < 0:
        raise OSError(-status, os.strerror(-status))
    return bool(status == 0 and count == _PIECE)


def _write_anew(file: int, starts: Iterable[int], go_on: Callable[[], object]) -> None:
    """Write the same bytes once more to where they are: btrfs frees an extent when no part of it is used any more."""
    status = os.fstat(file)
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID) or _CAPABILITIES in os.listxattr(file):
        return  # writing may take these away
    try:
        for start in starts:
            go_on()
            for offset in range(start, start + _PIECE, _BLOCK):
                block = os.pread(file, _BLOCK, offset)
                if block.strip(b"\0"):  # a hole stays one
                    os.pwrite(file, block, offset)
    finally:
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
