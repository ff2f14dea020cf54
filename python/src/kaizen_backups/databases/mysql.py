"""MySQL and MariaDB: how a database comes into a server that has others."""

from pathlib import Path

from kaizen_backups.confine import reading
from kaizen_backups.databases.dump import require_program
from kaizen_backups.databases.engine import CREDENTIALS, SOCKET, Engine, with_home
from kaizen_backups.databases.url import Server
from kaizen_backups.errors import UnavailableError

_GLOBAL_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf")
_BATCH = ["--batch", "--skip-column-names"]
# Only an administrator may name somebody else as the definer of a view, trigger, routine or event. So that is left out
# where mysqldump writes it, and it is the account that loads: one that can do nothing elsewhere. Where it stands
# otherwise the server refuses it.
_WHO = r"DEFINER=(`([^`]|``)*`)@(`([^`]|``)*`)"
_NO_DEFINER = [
    rf"s,^(/\*!50003 CREATE\*/ )/\*!50017 {_WHO}\*/,\1,",
    rf"s,^(/\*!50106 CREATE\*/ )/\*!50117 {_WHO}\*/,\1,",
    rf"s,^/\*!50013 {_WHO} SQL SECURITY DEFINER \*/$,/*!50013 SQL SECURITY DEFINER */,",
    rf"s,^/\*!50013 {_WHO} SQL SECURITY INVOKER \*/$,/*!50013 SQL SECURITY INVOKER */,",
    rf"s,^CREATE {_WHO} (PROCEDURE|FUNCTION|PACKAGE),CREATE \5,",
    rf"s,^(/\*!50003 CREATE\*/ )/\*!50020 {_WHO}\*/,\1,",
]
_HINTS = {
    "ERROR 1419": "; this server has a binary log: SET GLOBAL log_bin_trust_function_creators = 1 for as long",
    "ERROR 1227": "; the dump does what only an administrator may",
    "ERROR 1044": "; the dump reaches for another database",
    "ERROR 1142": "; the dump reaches for another database",
}


class MySQL(Engine):
    """A MySQL or MariaDB server."""

    def __init__(self, server: Server, private: Path) -> None:
        super().__init__(server, private)
        self._client = require_program("mariadb", "mysql")
        self._socket = server.socket

    @property
    def _account(self) -> str:
        return f"'{self.account.name}'@'{'%' if self.server.host else 'localhost'}'"

    def _admin(self) -> list[str]:
        """The operator's own settings count; a password of the URL's stands in a file, and goes before theirs."""
        command = [self._client]
        if self.server.password is not None:
            files = _GLOBAL_FILES if self.server.host else ()  # for what they say of TLS
            included = "".join(f"!include {path}\n" for path in files if Path(path).exists())
            content = f"{included}[client]\npassword={quoted(self.server.password)}\n"
            command.append(f"--defaults-file={self._write('admin.cnf', content)}")
        command += [*_BATCH, *self._where(self.server.socket)]
        if self.server.user:
            command.append(f"--user={self.server.user}")
        return with_home(command)

    def _where(self, socket: str | None) -> list[str]:
        if self.server.host:
            return ["--protocol=tcp", f"--host={self.server.host}", f"--port={self.server.usual_port}"]
        return ["--protocol=socket", *([f"--socket={socket}"] if socket else [])]

    async def prepare(self) -> None:
        """Log in. Raises UnavailableError."""
        ((socket,),) = await self._ask(self._admin(), "SELECT @@socket;")
        self._socket = self.server.socket or socket

    async def is_empty(self, name: str) -> bool | None:
        """Tell whether a database has neither table nor view, routine or event; None when there is none of it."""
        places = ("tables WHERE table_schema", "routines WHERE routine_schema", "events WHERE event_schema")
        counts = "+".join(f"(SELECT COUNT(*) FROM information_schema.{place} = '{name}')" for place in places)  # noqa: S608
        sql = f"SELECT {counts} FROM information_schema.schemata WHERE schema_name = '{name}';"  # noqa: S608
        rows = await self._ask(self._admin(), sql)
        return rows[0][0] == "0" if rows else None

    async def begin(self, name: str, *, create: bool) -> None:
        """Make the account, with rights on that database alone, and the database."""
        pattern = name.replace("_", r"\_")  # GRANT takes a pattern
        await self._ask(
            self._admin(),
            f"CREATE USER {self._account} IDENTIFIED BY '{self.account.password}';\n"
            + (f"CREATE DATABASE `{name}`;\n" if create else "")
            + f"GRANT ALL ON `{pattern}`.* TO {self._account};\n",
        )
        content = f"[client]\nuser={self.account.name}\npassword={quoted(self.account.password)}\n"
        self._write("account.cnf", content)

    async def lock(self, name: str) -> None:
        """Turn the database's events off, which would run beside those of the original; lock the account."""
        client = self._caged([f"--database={name}"])
        sql = f"SELECT HEX(event_name) FROM information_schema.events WHERE event_schema = '{name}';"  # noqa: S608
        events = [bytes.fromhex(row[0]).decode() for row in await self._ask(client, sql)]
        off = "".join(f"ALTER EVENT {_identifier(event)} DISABLE;\n" for event in events)
        await self._ask(client, f"SET NAMES utf8mb4;\n{off}")
        await self._ask(self._admin(), f"ALTER USER {self._account} ACCOUNT LOCK;\n")

    async def give_up(self, name: str, *, drop: bool) -> None:
        """Remove the account and, where we created it, the database."""
        # What a client that was killed had begun may go on at the server, and hold locks.
        sessions = f"SELECT id FROM information_schema.processlist WHERE user = '{self.account.name}';"  # noqa: S608
        for (number,) in await self._ask(self._admin(), sessions):
            await self._tell(self._admin(), f"KILL {number};\n")  # it may have ended by itself
        sql = f"DROP USER IF EXISTS {self._account};\n"
        await self._ask(self._admin(), sql + (f"DROP DATABASE IF EXISTS `{name}`;\n" if drop else ""))

    def loading(self, name: str) -> list[list[str]]:
        """Return the programs that load a dump: one that leaves out who defined what, and the client.

        `--binary-mode` turns all of the client's own commands off but DELIMITER; `--sandbox` too, where it is known.
        """
        sed = ["env", "LC_ALL=C", "sed", "--sandbox", "-E", *(word for rule in _NO_DEFINER for word in ("-e", rule))]
        safely = ["--binary-mode", "--loose-sandbox", "--local-infile=0", "--max-allowed-packet=1G"]
        client = self._caged([*safely, "--default-character-set=utf8mb4", f"--database={name}"])
        return [reading(sed, view={}), client]

    def _caged(self, arguments: list[str]) -> list[str]:
        """Return the client with the account's password, and nothing else to see."""
        view = {self._private / "account.cnf": CREDENTIALS}
        if not self.server.host:
            view[Path(self._socket or "")] = SOCKET
        command = [self._client, f"--defaults-file={CREDENTIALS}", *_BATCH, *self._where(SOCKET), *arguments]
        return reading(command, view=view, network=self.server.host is not None)

    async def count(self, name: str) -> dict[str, int]:
        """Return the rows of every table."""
        client = self._caged(["--skip-reconnect", f"--database={name}"])
        tables = await self._ask(
            client,
            f"SELECT HEX(table_name) FROM information_schema.tables WHERE table_schema = '{name}'"  # noqa: S608
            " AND table_type NOT LIKE '%VIEW' AND table_type <> 'SEQUENCE';",
        )
        names = [bytes.fromhex(row[0]).decode() for row in tables]
        asked = "".join(f"SELECT COUNT(*) FROM {_identifier(table)};\n" for table in names)  # noqa: S608
        rows = await self._ask(client, f"SET NAMES utf8mb4;\n{asked}")
        if len(rows) != len(names):
            raise UnavailableError(f"{self.server}: the rows could not be counted")
        return dict(sorted((table, int(row[0])) for table, row in zip(names, rows, strict=True)))

    def hint(self, complaint: str) -> str:
        """Return what to do about a complaint of the server's."""
        return next((hint for code, hint in _HINTS.items() if complaint.startswith(code)), "")


def _identifier(name: str) -> str:
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def quoted(value: str) -> str:
    """Return a value as MySQL's files of settings have it."""
    escaped = value.replace("\\", "\\\\")
    return f'"{escaped}"'
