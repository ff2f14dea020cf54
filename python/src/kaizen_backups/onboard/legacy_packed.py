"""What unpacks an old backup: for a tarball its first bytes tell, for any other file its name."""

import re
from pathlib import Path, PurePosixPath

_TARBALL = re.compile(r"\.(tar|tgz|tbz2?|txz|tzst|tar\.(gz|bz2|xz|zst))$")
_BY_NAME = {
    **dict.fromkeys((".gz", ".tgz"), "gzip"),
    **dict.fromkeys((".bz2", ".tbz", ".tbz2"), "bzip2"),
    **dict.fromkeys((".xz", ".txz"), "xz"),
    **dict.fromkeys((".zst", ".tzst"), "zstd"),
}
_BY_BYTES = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_TAR, _TAR_AT = b"ustar", 257
"""What stands in the head of each file of a tarball, and where."""


def is_tarball(path: Path) -> bool:
    """Tell whether a file is called what tarballs are called."""
    return _TARBALL.search(path.name) is not None


def unpacker(path: Path, name: str) -> str | None:
    """Return the program that unpacks a file, called `name` without its date; None where it is not packed.

    Tarballs with the wrong ending are common, and tar itself does not go by it. Raises OSError.
    """
    if is_tarball(path):
        with path.open("rb") as file:
            head = file.read(_TAR_AT + len(_TAR))
        for magic, program in _BY_BYTES.items():
            if head.startswith(magic):
                return program
        if head[_TAR_AT:] == _TAR:
            return None
    # haas.sql.gz-20260901: the date may stand behind.
    return _BY_NAME.get(path.suffix) or _BY_NAME.get(PurePosixPath(name).suffix)
