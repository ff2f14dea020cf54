"""Which server a database is to be loaded into: mysql://USER:PASSWORD@HOST:PORT/ or mysql:///path/to/socket."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:_-]*")


class Kind(StrEnum):
    """Of which kind a server is; MariaDB counts as MySQL."""

    MYSQL = "mysql"
    POSTGRESQL = "postgresql"


_PORTS = {Kind.MYSQL: 3306, Kind.POSTGRESQL: 5432}


@dataclass(frozen=True)
class Server:
    """A server, and who logs in there. Without a host it is one of this machine, reached by its socket.

    `socket` is MySQL's socket, or the directory that PostgreSQL has its own in; None is the usual one. Without `user`
    the operator's own settings say who logs in.
    """

    kind: Kind
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Name it, without the password."""
        who = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host or ""
        return f"{self.kind}://{who}{host}{f':{self.port}' if self.port else ''}{self.socket or '/'}"

    @property
    def usual_port(self) -> int:
        """The port that is meant."""
        return self.port or _PORTS[self.kind]


def parse_url(url: str) -> Server:
    """Return the server that a URL means. Raises ValueError, whose message has no password in it."""
    try:
        parts = urlsplit(url)
        kind = Kind({"mariadb": "mysql", "postgres": "postgresql"}.get(parts.scheme, parts.scheme))
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(
            "must be mysql://[USER[:PASSWORD]@]HOST[:PORT]/, mysql:///path/to/socket, or postgresql:// likewise"
        ) from None
    path, user = unquote(parts.path), unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password is not None else None
    if parts.query or parts.fragment:
        raise ValueError("must end after the host or the socket")
    if host and (path not in ("", "/") or not _HOST.fullmatch(host)):
        raise ValueError("names a host and then only /: the database's new name goes with --as")
    if any(not part.isprintable() for part in (path, user or "", password or "")):
        raise ValueError("has control characters in it")
    if not host and port:
        raise ValueError("has a port and no host")
    return Server(kind, host or None, port, None if path in ("", "/") else path, user, password)
