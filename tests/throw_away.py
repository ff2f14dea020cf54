"""Real database servers for tests, and dumps made of them as the agent makes them."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.databases.url import Kind, Server
from kaizen_backups.drill.servers import throw_away

NOVA = """
CREATE TABLE instances (id INT PRIMARY KEY, name VARCHAR(99), data BLOB);
INSERT INTO instances VALUES (1, 'grün', 0x00FF), (2, 'DEFINER=`root`@`localhost`', NULL), (3, 'it''s\\n\\\\! x', NULL);
CREATE TABLE `odd ``name\twith tab` (i INT);
CREATE TRIGGER tr BEFORE INSERT ON instances FOR EACH ROW SET NEW.name = COALESCE(NEW.name, 'none');
CREATE VIEW names AS SELECT name FROM instances;
CREATE PROCEDURE p() SELECT 1;
CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM instances WHERE id > 1000;
"""
SHOP = """
CREATE TABLE goods (id serial PRIMARY KEY, name text NOT NULL);
INSERT INTO goods (name) VALUES ('grün'), ('it''s'), (E'\\\\! x');
CREATE SCHEMA inner_part; CREATE TABLE inner_part."odd ""name" (i int);
CREATE VIEW names AS SELECT name FROM goods;
CREATE ROLE seller; ALTER TABLE goods OWNER TO seller; GRANT SELECT ON names TO PUBLIC;
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION pgcrypto;
"""


@contextmanager
def running(kind: Kind, place: Path) -> Iterator[Server]:
    """Yield a server that runs until the end, on a loop of its own."""
    place.parent.chmod(0o711)
    ready: Future[Server] = Future()
    over = threading.Event()

    async def serve() -> None:
        async with throw_away(kind, place) as server:
            ready.set_result(server)
            while not over.is_set():
                await asyncio.sleep(0.05)

    def serve_and_tell() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)

    thread = threading.Thread(target=serve_and_tell)
    thread.start()
    try:
        yield ready.result()
    finally:
        over.set()
        thread.join()


def ask(server: Server, sql: str, database: str = "") -> str:
    """Return what a server answers its administrator."""
    if server.kind == Kind.MYSQL:
        line = ["mariadb", "--no-defaults", "-N", f"--socket={server.socket}", "-uroot", database or "mysql"]
    else:
        where = f"host={server.socket} user=postgres dbname={database or 'postgres'}"
        line = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", where]
    return subprocess.run(line, input=sql, capture_output=True, text=True, check=True).stdout


def dump(server: Server, database: str) -> bytes:
    """Dump a database as the agent does, before it is compressed."""
    if server.kind == Kind.MYSQL:
        line = ["mariadb-dump", "--no-defaults", f"--socket={server.socket}", "-uroot", "--single-transaction"]
        line += ["--quick", "--routines", "--events", "--triggers", "--hex-blob", "--skip-dump-date", "--", database]
    else:
        line = ["pg_dump", "-Fc", "-Z0", "-d", f"host={server.socket} user=postgres dbname={database}"]
    return subprocess.run(line, capture_output=True, check=True).stdout


def compress(data: bytes) -> bytes:
    """Compress as the agent does."""
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
