"""PostgreSQL: how a database comes into a server that has others."""

import os
import pwd
from collections.abc import Sequence
from pathlib import Path

from kaizen_backups.confine import reading
from kaizen_backups.databases.dump import require_program
from kaizen_backups.databases.engine import CREDENTIALS, SOCKET, Engine, with_home
from kaizen_backups.databases.url import Server
from kaizen_backups.errors import RefusedError, UnavailableError

_ADMINISTRATOR = "postgres"
_HERE = "127.0.0.1"
# No name in a query may mean something of the dump's, and no value of ours is interpolated.
_PLAIN = "SET search_path = pg_catalog;\n"
_SYSTEM = "nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_toast%'"


class PostgreSQL(Engine):
    """A PostgreSQL server."""

    def __init__(self, server: Server, private: Path) -> None:
        super().__init__(server, private)
        for program in ("psql", "pg_restore"):
            require_program(program)
        self._socket = server.socket or "/run/postgresql"
        self._port = server.usual_port
        self._by_tcp = server.host

    def _admin(self, database: str = _ADMINISTRATOR) -> list[str]:
        """The operator's own settings count; a password of the URL's stands in a file.

        Over a socket PostgreSQL takes an account of the system's for what it is, so root becomes that account.
        """
        server = self.server
        variables, become = {"PGCONNECT_TIMEOUT": "15"}, []
        user = server.user
        if server.password is not None:
            content = f"*:*:*:*:{escaped(server.password)}\n"
            variables["PGPASSFILE"] = str(self._write("admin.pgpass", content))
        elif not server.host and os.geteuid() == 0:
            user = user or _ADMINISTRATOR
            become = _become(user)
        where = _connection(server.host or server.socket, server.port, user, database)
        return with_home([*become, *_psql(where)], variables)

    def _account_arguments(self, database: str, by_tcp: str | None) -> str:
        host = by_tcp or SOCKET
        return _connection(host, self._port, self.account.name, database)

    def _caged(self, command: Sequence[str]) -> list[str]:
        view = {self._private / "account.pgpass": CREDENTIALS}
        if not self._by_tcp:
            view[Path(self._socket)] = SOCKET
        environment = ["env", f"PGPASSFILE={CREDENTIALS}", "PGCONNECT_TIMEOUT=15", "HOME=/nowhere"]
        return reading([*environment, *command], view=view, network=self._by_tcp is not None)

    async def prepare(self) -> None:
        """Log in, and learn by which socket and port. Raises UnavailableError."""
        ((port, sockets),) = await self._ask(
            self._admin(), "SELECT current_setting('port'), current_setting('unix_socket_directories');"
        )
        if not self.server.host:
            self._port = self.server.port or int(port)
            self._socket = self.server.socket or sockets.partition(",")[0].strip() or self._socket

    async def is_empty(self, name: str) -> bool | None:
        """Tell whether a database has no table, view, function or the like; None when there is none of it."""
        sql = f"SELECT 1 FROM pg_catalog.pg_database WHERE datname = '{name}';"  # noqa: S608
        if not await self._ask(self._admin(), sql):
            return None
        rows = await self._ask(
            self._admin(name),
            f"{_PLAIN}SELECT"  # noqa: S608
            f" (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE {_SYSTEM})"
            f" + (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE {_SYSTEM});",
        )
        return rows[0][0] == "0"

    async def begin(self, name: str, *, create: bool) -> None:
        """Make the account, which may do nothing elsewhere, and the database, which is its own."""
        role = self.account.name
        sql = f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{self.account.password}';\n"
        if create:
            sql += f'CREATE DATABASE "{name}" OWNER {role} TEMPLATE template0;\n'
            sql += f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC;\n'
        else:
            sql += f'GRANT ALL ON DATABASE "{name}" TO {role};\n'
        await self._ask(self._admin(), sql)
        if not create:
            await self._ask(self._admin(name), f"GRANT ALL ON SCHEMA public TO {role};\n")
        self._write("account.pgpass", f"*:*:*:{role}:{escaped(self.account.password)}\n")
        await self._find_way(name)

    async def _find_way(self, name: str) -> None:
        """Settle how the account logs in: over the socket it may have to be one of the system's accounts."""
        ways = [self.server.host] if self.server.host else [None, _HERE]
        complaint = ""
        for way in ways:
            self._by_tcp = way
            where = self._account_arguments(name, way)
            answer = await self._tell(self._caged(_psql(where)), "SELECT 1;")
            if answer.code == 0:
                return
            complaint = answer.last_words
        raise RefusedError(
            f"{self.server}: it lets an account with a password log in neither by socket nor at {self._by_tcp}:"
            f" see pg_hba.conf ({complaint[:200]})"
        )

    async def lock(self, name: str) -> None:  # noqa: ARG002 (nothing begins by itself there)
        """Let nobody log in by the account any more."""
        await self._ask(self._admin(), f"ALTER ROLE {self.account.name} NOLOGIN PASSWORD NULL;\n")

    async def give_up(self, name: str, *, drop: bool) -> None:
        """Remove the account and, where we created it, the database."""
        role = self.account.name
        if not drop:
            # What it owns in a database that was there is somebody else's to look at.
            await self._ask(self._admin(), f"ALTER ROLE {role} NOLOGIN PASSWORD NULL;\n")
            return
        await self._ask(self._admin(), f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);\nDROP ROLE IF EXISTS {role};\n')

    def loading(self, name: str) -> list[list[str]]:
        """Return the program that loads a dump; whose its objects were, and who had rights on them, is left out."""
        where = self._account_arguments(name, self._by_tcp)
        command = ["pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={where}"]
        return [self._caged(command)]

    async def count(self, name: str) -> dict[str, int]:
        """Return the rows of every table; one that is not in the schema public goes by its full name."""
        client = self._caged(_psql(self._account_arguments(name, self._by_tcp)))
        tables = await self._ask(
            client,
            f"{_PLAIN}SELECT encode(convert_to(nspname, 'UTF8'), 'hex'), encode(convert_to(relname, 'UTF8'), 'hex')"  # noqa: S608
            f" FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p') AND {_SYSTEM};",
        )
        names = [tuple(bytes.fromhex(part).decode() for part in row) for row in tables]
        asked = "".join(f"SELECT count(*) FROM {_identifier(s)}.{_identifier(t)};\n" for s, t in names)  # noqa: S608
        rows = await self._ask(client, f"SET client_encoding = 'UTF8';\n{_PLAIN}{asked}")
        if len(rows) != len(names):
            raise UnavailableError(f"{self.server}: the rows could not be counted")
        shown = (table if schema == "public" else f"{schema}.{table}" for schema, table in names)
        return dict(sorted((table, int(row[0])) for table, row in zip(shown, rows, strict=True)))

    def hint(self, complaint: str) -> str:
        """Return what to do about a complaint of the server's."""
        if "permission denied to create extension" in complaint:
            return "; only an administrator may create that one, and what a dump brings is loaded without such rights"
        if "permission denied" in complaint or "must be" in complaint:
            return "; the dump does what only an administrator may"
        return ""


def _psql(where: str) -> list[str]:
    options = ["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]
    return ["psql", *options, "--field-separator=\t", f"--dbname={where}"]


def _connection(host: str | None, port: int | None, user: str | None, database: str) -> str:
    """Return what libpq connects by."""
    stated = {"host": host, "port": str(port) if port else None, "user": user, "dbname": database}
    values = ((key, value) for key, value in stated.items() if value)
    return " ".join("{}='{}'".format(key, value.replace("\\", "\\\\").replace("'", "\\'")) for key, value in values)


def _become(user: str) -> list[str]:
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return []  # the server may ask for a password, and ~/.pgpass have it
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--"]


def _identifier(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def escaped(password: str) -> str:
    """Return a password as a .pgpass has it."""
    return password.replace("\\", "\\\\").replace(":", "\\:")
