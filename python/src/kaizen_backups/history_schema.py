"""The history's tables, and how those of an earlier release become today's."""

import sqlite3

_STEPS = (
    # 1: the first
    """
    CREATE TABLE snapshots (
        node TEXT NOT NULL, snapshot TEXT NOT NULL,
        received TEXT NOT NULL,                 -- by the collector's clock, UTC
        files INTEGER NOT NULL, bytes INTEGER NOT NULL,
        new_files INTEGER NOT NULL, new_bytes INTEGER NOT NULL,
        sums_sha256 TEXT NOT NULL,              -- of SHA256SUMS itself
        PRIMARY KEY (node, snapshot)
    ) STRICT;
    CREATE TABLE attempts (                     -- how a node that was asked answered
        node TEXT NOT NULL, at TEXT NOT NULL, seconds REAL NOT NULL,
        received INTEGER NOT NULL,              -- snapshots
        problem TEXT                            -- NULL when all went well
    ) STRICT;
    CREATE INDEX attempts_by_node ON attempts (node, at);
    """,
    # 2: verdicts and runs; what is on record was checked when it came
    """
    ALTER TABLE snapshots ADD COLUMN verified TEXT;             -- when all of it was last read
    ALTER TABLE snapshots ADD COLUMN rotten INTEGER NOT NULL DEFAULT 0;
    UPDATE snapshots SET verified = received;
    ALTER TABLE attempts ADD COLUMN new_bytes INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE runs (                         -- collections; one that was killed has no end
        run INTEGER PRIMARY KEY, began TEXT NOT NULL, ended TEXT,
        nodes INTEGER NOT NULL, failed INTEGER, received INTEGER, new_bytes INTEGER
    ) STRICT;
    CREATE TABLE nodes (
        node TEXT PRIMARY KEY, verified TEXT NOT NULL      -- when all that is stored of it was last read
    ) STRICT;
    """,
    # 3: drills
    """
    CREATE TABLE drills (                       -- a node's newest snapshot, brought back as a trial
        node TEXT NOT NULL, at TEXT NOT NULL, seconds REAL NOT NULL,
        snapshot TEXT NOT NULL,
        problems TEXT NOT NULL,                 -- a JSON list; an empty one when all was good
        tables TEXT NOT NULL                    -- JSON: of each dump that was loaded the rows of every table
    ) STRICT;
    CREATE INDEX drills_by_node ON drills (node, at);
    """,
    # 4: every night, also when its snapshot has expired; the store's room
    """
    CREATE TABLE nights (
        node TEXT NOT NULL, snapshot TEXT NOT NULL, received TEXT NOT NULL,
        files INTEGER NOT NULL, bytes INTEGER NOT NULL,
        new_files INTEGER NOT NULL, new_bytes INTEGER NOT NULL,
        dumps TEXT NOT NULL,                    -- JSON: the bytes of each file below dumps/
        warnings TEXT NOT NULL,                 -- a JSON list: the agent's
        unusual TEXT NOT NULL,                  -- a JSON list: what is unlike the nights before
        PRIMARY KEY (node, snapshot)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO nights SELECT node, snapshot, received, files, bytes, new_files, new_bytes, '{}', '[]', '[]'
        FROM snapshots WHERE sums_sha256 <> '';
    CREATE TABLE room (                         -- of the store's file system, after a collection
        at TEXT PRIMARY KEY, free INTEGER NOT NULL, total INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    DROP INDEX attempts_by_node;
    CREATE INDEX attempts_by_node ON attempts (node);
    """,
    # 5: what is offsite
    """
    CREATE TABLE offsite (                      -- copies, as the repository listed them last
        repository TEXT NOT NULL, id TEXT NOT NULL,
        node TEXT NOT NULL, snapshot TEXT NOT NULL,
        received TEXT NOT NULL,                 -- when the snapshot came to the collector, UTC
        sums_sha256 TEXT NOT NULL,
        PRIMARY KEY (repository, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE offsite_parts (                -- copies that were made while files could not be read
        repository TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (repository, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE offsite_repositories (
        repository TEXT PRIMARY KEY,
        pushed TEXT, push_problem TEXT,         -- when a push last ended well; how the last one failed
        checked TEXT, check_problem TEXT,       -- the same of checks
        part INTEGER NOT NULL DEFAULT 0         -- which share of the data was read last
    ) STRICT, WITHOUT ROWID;
    """,
    # 6: encrypted dumps, of which a drill proves nothing
    """
    ALTER TABLE drills ADD COLUMN unchecked TEXT NOT NULL DEFAULT '[]';     -- a JSON list of dumps
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database, an empty one too, to today's tables, each step whole or not at all. Raises sqlite3.Error."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_STEPS):
        raise sqlite3.DatabaseError(f"it was written by a later release (schema {version})")
    for number, step in enumerate(_STEPS[version:], version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            # Another program may have been quicker.
            if connection.execute("PRAGMA user_version").fetchone()[0] < number:
                raise
