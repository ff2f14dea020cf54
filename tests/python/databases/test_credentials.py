"""Credentials go by files: no argument list, no message and no log has them."""

import asyncio
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.databases.engine import Engine
from kaizen_backups.databases.load import engine_for
from kaizen_backups.databases.mysql import MySQL, quoted
from kaizen_backups.databases.postgresql import PostgreSQL, escaped
from kaizen_backups.databases.url import Kind, Server
from kaizen_backups.errors import KaizenError

URL = {"host": "127.0.0.1", "port": 1, "user": "root", "password": 'se:cr\\et" #'}


@pytest.fixture(params=Kind)
def server(request: pytest.FixtureRequest) -> Server:
    return Server(request.param, **URL)  # type: ignore[arg-type]


def administrators(engine: Engine) -> list[str]:
    assert isinstance(engine, MySQL | PostgreSQL)
    return engine._admin()


def test_no_argument_has_a_password_in_it_and_its_file_is_for_us_alone(server: Server) -> None:
    with engine_for(server) as engine:
        files = [Path(word.partition("=")[2]) for word in administrators(engine) if "admin." in word]
        (file,) = files
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        for command in (administrators(engine), *engine.loading("nova")):
            line = " ".join(command)
            assert server.password
            assert server.password not in line
            assert engine.account.password not in line
    assert not file.parent.exists()


def test_a_server_that_cannot_be_reached_is_named_without_the_password(server: Server) -> None:
    with engine_for(server) as engine, pytest.raises(KaizenError) as refused:
        asyncio.run(engine.prepare())
    assert refused.value.exit_code == 69
    assert str(refused.value).startswith(str(server))
    assert "se:cr" not in str(refused.value)


def test_without_a_password_the_operators_own_settings_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/operator")
    for kind in Kind:
        with engine_for(Server(kind, "db.example")) as engine:
            line = administrators(engine)
            assert "HOME=/home/operator" in line
            assert not any("defaults-file" in word or "PGPASSFILE" in word for word in line)


@pytest.mark.parametrize("kind", Kind)
def test_what_loads_sees_its_own_password_and_nothing_else_of_this_machine(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "socket").touch()
    where = tmp_path / "socket" if kind == Kind.MYSQL else tmp_path
    with engine_for(Server(kind, socket=str(where))) as engine:
        (engine._private / "account.cnf").write_text("")
        (engine._private / "account.pgpass").write_text("")
        *_, client = engine.loading("nova")
        caged = client[: client.index("--")]
        script = "ls /; ls /root /home /var; cat /proc/net/dev"
        seen = subprocess.run([*caged, "--", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert "credentials" in seen.stdout
    assert seen.stderr.count("No such file") == 3
    assert [line.split(":")[0].strip() for line in seen.stdout.splitlines() if ":" in line] == ["lo"]


@pytest.mark.parametrize(
    ("write", "value", "written"),
    [(quoted, 'a\\b"c #', '"a\\\\b"c #"'), (escaped, "a\\b:c", "a\\\\b\\:c")],
)
def test_any_password_is_written_so_that_it_is_read(write: Callable[[str], str], value: str, written: str) -> None:
    assert write(value) == written
