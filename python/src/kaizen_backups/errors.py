"""Errors that a user sees: each owns its message and its exit code."""

from typing import ClassVar

from kaizen_backups.exit_codes import ExitCode


class KaizenError(Exception):
    """Something went wrong that a user can do something about: the message says what, where, and what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class ConfigError(KaizenError):
    """A file of settings cannot be used."""

    exit_code = ExitCode.CONFIG


class DataError(KaizenError):
    """What was received or stored is not what it should be."""

    exit_code = ExitCode.DATA


class UnavailableError(KaizenError):
    """A host or service cannot be reached, or refuses us."""

    exit_code = ExitCode.UNAVAILABLE


class RefusedError(UnavailableError):
    """A host refuses us, or is not the one we know: asking again changes nothing."""


class NoRoomError(KaizenError):
    """The store has not the room that is needed."""


class NoRoomYetError(NoRoomError):
    """Others that are at work hold the room that is needed: it may be there in a moment."""


class LockedError(KaizenError):
    """Another run is at work."""

    exit_code = ExitCode.LOCKED


def printable(text: str) -> str:
    """Make text from outside safe for a terminal and a log: one line, control characters spelt out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
