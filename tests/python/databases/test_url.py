"""Which server a URL means."""

import pytest

from kaizen_backups.databases.url import Kind, Server, parse_url

MYSQL, POSTGRESQL = Kind.MYSQL, Kind.POSTGRESQL


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("mysql:///", Server(MYSQL)),
        ("mysql:///run/mysqld/mysqld.sock", Server(MYSQL, socket="/run/mysqld/mysqld.sock")),
        ("mysql://db.example/", Server(MYSQL, "db.example")),
        ("mariadb://root@db.example:3307", Server(MYSQL, "db.example", 3307, None, "root")),
        ("mysql://a%40b:p%2Fw%3A@10.0.0.1/", Server(MYSQL, "10.0.0.1", None, None, "a@b", "p/w:")),
        ("mysql://u@/run/x", Server(MYSQL, None, None, "/run/x", "u")),
        ("postgresql://admin:@[fd00::1]:5433/", Server(POSTGRESQL, "fd00::1", 5433, None, "admin", "")),
        ("postgres:///var/run/postgresql", Server(POSTGRESQL, socket="/var/run/postgresql")),
    ],
)
def test_a_url_means_a_server(url: str, server: Server) -> None:
    assert parse_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        *("db.example", "sqlite:///x", "mysql://secret:secret@h:port/", "mysql://u:secret@host/database", ""),
        *(
            "mysql://u:secret@-oProxy/",
            "mysql://u:secret%0a@host/",
            "mysql://u:secret@host/?x=1",
            "mysql://u:secret@:3306/",
        ),
    ],
)
def test_what_means_none_is_refused_and_no_password_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|names|has)") as refused:
        parse_url(url)
    assert "secret" not in str(refused.value)


def test_a_password_is_never_shown() -> None:
    server = parse_url("mysql://root:secret@db.example/")
    assert str(server) == "mysql://root@db.example/"
    assert "secret" not in repr(server)
