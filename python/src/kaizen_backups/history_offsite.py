"""The history's record of what is offsite: the copies that each repository listed last; how pushes and checks went."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kaizen_backups.errors import KaizenError


@dataclass(frozen=True)
class Copy:
    """A snapshot that is in a repository; `received` is when it came to the collector (UTC)."""

    id: str
    node: str
    snapshot: str
    received: str
    sums_sha256: str


@dataclass(frozen=True)
class RepositoryState:
    """How a repository's last push and check went: when one last ended well (UTC), and how the last one failed."""

    pushed: str | None = None
    push_problem: str | None = None
    checked: str | None = None
    check_problem: str | None = None
    part: int = 0
    """Which share of the data the last check read; 0 before the first."""


class OffsiteHistory:
    """The part of the history that is about offsite copies."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Commit what is done within, or take it back. Raises KaizenError: a full disk is one node's trouble."""
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            raise KaizenError(f"the history cannot be written: {error}") from error

    def set_copies(self, repository: str, copies: Iterable[Copy]) -> None:
        """Note what a repository holds now; what it held before is forgotten."""
        with self._change():
            self._db.execute("DELETE FROM offsite WHERE repository = ?", (repository,))
            self._add(repository, copies)

    def add_copy(self, repository: str, copy: Copy) -> None:
        """Note a copy that was made now."""
        with self._change():
            self._add(repository, [copy])

    def _add(self, repository: str, copies: Iterable[Copy]) -> None:
        rows = [(repository, one.id, one.node, one.snapshot, one.received, one.sums_sha256) for one in copies]
        self._db.executemany("INSERT OR REPLACE INTO offsite VALUES (?, ?, ?, ?, ?, ?)", rows)

    def add_part(self, repository: str, copy: str) -> None:
        """Note the id, or its beginning, of a copy that lacks something."""
        with self._change():
            self._db.execute("INSERT OR REPLACE INTO offsite_parts VALUES (?, ?)", (repository, copy))

    def copies(self, repository: str) -> list[Copy]:
        """Return the copies that a repository holds, those left out that are known to lack something."""
        rows = self._db.execute(
            "SELECT id, node, snapshot, received, sums_sha256 FROM offsite WHERE repository = ? AND NOT EXISTS"
            " (SELECT 1 FROM offsite_parts AS part WHERE part.repository = offsite.repository"
            " AND substr(offsite.id, 1, length(part.id)) = part.id) ORDER BY received, id",
            (repository,),
        )
        return [Copy(*row) for row in rows]

    def newest_copies(self, repository: str) -> dict[str, str]:
        """Return, by node, when the newest snapshot of which a repository has a copy came to the collector."""
        return {one.node: one.received for one in self.copies(repository)}

    def offsite_state(self, repository: str) -> RepositoryState:
        """Return how a repository's last push and check went."""
        row = self._db.execute(
            "SELECT pushed, push_problem, checked, check_problem, part FROM offsite_repositories WHERE repository = ?",
            (repository,),
        ).fetchone()
        return RepositoryState(*row) if row else RepositoryState()

    def note_push(self, repository: str, problem: str | None, at: str) -> None:
        """Note that a push ended then, and what went wrong."""
        with self._change():
            self._add_repository(repository)
            self._db.execute(
                "UPDATE offsite_repositories SET push_problem = ?1, pushed = iif(?1 IS NULL, ?2, pushed)"
                " WHERE repository = ?3",
                (problem, at, repository),
            )

    def note_check(self, repository: str, problem: str | None, part: int, at: str) -> None:
        """Note that a check ended then, what it found wrong, and which share of the data it read."""
        with self._change():
            self._add_repository(repository)
            self._db.execute(
                "UPDATE offsite_repositories SET check_problem = ?1, checked = iif(?1 IS NULL, ?2, checked), part = ?3"
                " WHERE repository = ?4",
                (problem, at, part, repository),
            )

    def _add_repository(self, repository: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO offsite_repositories (repository) VALUES (?)", (repository,))
