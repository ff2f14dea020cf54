"""How a version of a file is shown in a table."""

from datetime import UTC, datetime

from kaizen_backups.errors import printable
from kaizen_backups.search.versions import Version
from kaizen_backups.units import size


def show_name(name: bytes) -> str:
    """Return a name in one harmless line, whole."""
    return printable(name.decode("utf-8", "backslashreplace"))


def show_path(path: bytes, version: Version | None = None) -> str:
    """Return a path as show_name does; a directory's has a slash at its end."""
    return show_name(path) + ("/" if version and version.kind == "directory" else "")


def show_span(version: Version) -> str:
    """Return from which to which snapshot it is the same."""
    return version.first if version.first == version.last else f"{version.first} .. {version.last}"


def show_content(version: Version) -> str:
    """Return the beginning of a file's sum, a symlink's target, or that it is a directory."""
    if version.target is not None:
        return f"-> {show_name(version.target)}"
    return "directory" if version.kind == "directory" else (version.sha256 or "unknown")[:12]


def show_size(version: Version) -> str:
    """Return a file's size."""
    return size(version.size) if version.kind == "file" else "-"


def show_time(version: Version) -> str:
    """Return when a file or symlink was last modified, in UTC."""
    if version.mtime_ns is None:
        return "-"
    try:
        return datetime.fromtimestamp(version.mtime_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"@{version.mtime_ns // 10**9}"


def show_text(line: str) -> str:
    """Return a line of a file's as it may be shown; what is no UTF-8 in it was decoded with surrogateescape."""
    return printable(line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
