"""Whole dumps of a real server, for what imports old backups."""

import io
import subprocess
import tarfile

import pytest

from kaizen_backups.databases.url import Kind
from throw_away import SHOP, running

MARIADB = """/*M!999999\\- enable the sandbox mode */
-- MariaDB dump 10.19  Distrib 10.11.6
--
INSERT INTO `t` VALUES (1);
-- Dump completed on 2026-09-01  1:00:00
"""


@pytest.fixture(scope="session")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return whole dumps in each form, most of a real server, by a name that tells the form."""
    with running(Kind.POSTGRESQL, tmp_path_factory.mktemp("server") / "postgresql") as server:
        where = f"host={server.socket} user=postgres"

        def call(*command: str, text: str = "") -> bytes:
            return subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout

        call("psql", "-q", "-d", f"{where} dbname=postgres", text=f"CREATE DATABASE shop;\n\\c shop\n{SHOP}")
        plain = call("pg_dump", "-d", f"{where} dbname=shop")
        archive = call("pg_dump", "-Fc", "-d", f"{where} dbname=shop")
        everything = call("pg_dumpall", "-d", where)
    found = {"shop.sql": plain, "shop.dump": archive, "all.sql": everything, "nova.sql": MARIADB.encode()}
    found["etc.tar"] = tar_of(b"x" * 3000)
    for ending, program in ((".gz", "gzip"), (".bz2", "bzip2"), (".xz", "xz"), (".zst", "zstd")):
        for name in ("shop.sql", "shop.dump", "etc.tar"):
            found[name + ending] = subprocess.run(
                [program, "-c"], input=found[name], capture_output=True, check=True
            ).stdout
    return found


def tar_of(data: bytes) -> bytes:
    """Return a tarball of two files."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name in ("etc/a", "etc/b"):
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return whole.getvalue()
