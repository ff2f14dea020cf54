"""`kaizen restore-db` and `kaizen drill` as an operator runs them: what is refused, and with which exit code."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kaizen_backups.rebuild import rebuild
from kaizen_backups.settings import Settings
from throw_away import compress

KAIZEN = Path(sys.executable).with_name("kaizen")
NODE = "one.example"


@pytest.fixture
def kaizen(
    settings: Settings, tmp_path: Path, make_snapshot: Callable[..., Path]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    whole = compress(b"CREATE TABLE t (i INT);\n-- Dump completed\n")
    dumps = {"dumps/mysql/nova.sql.zst": whole, "dumps/mysql/odd name.sql.zst": whole, "dumps/mysql/bad.sql.zst": b"x"}
    make_snapshot(f"store/{NODE}/2026-11-24", **dumps)
    config = tmp_path / "collector.yaml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    rebuild(settings)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [str(KAIZEN), "--config", str(config), *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    return run


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("nova --into mysql://root:secret@h/database", 2, "the database's new name goes with --as"),
        ("nova --into oracle://root:secret@h/", 2, "must be mysql://"),
        ("nova --into mysql:/// --as a`b", 2, "must be a plain name"),
        ("nova --into mysql:/// --as mysql", 2, "none of the server's own"),
        ("nova --into mysql:/// --at 2026-11-20", 1, "there is no snapshot of 2026-11-20; there is 2026-11-24"),
        ("shop --into postgresql:///", 1, "there is no postgresql dump of 'shop'"),
        ("bad --into mysql:///", 65, "2026-11-24: /dumps/mysql/bad.sql.zst is damaged or cut short"),
        ("nova --into mysql://root:secret@127.0.0.1:1/", 69, "mysql://root@127.0.0.1:1/: ERROR 2002"),
        ("nova --into mysql:///no/such/socket", 69, "mysql:///no/such/socket: ERROR 2002"),
        ("nova --into mysql://root:secret@127.0.0.1:1/ --dry-run", 69, "ERROR 2002"),
    ],
)
def test_what_cannot_be_done_is_said(
    kaizen: Callable[..., subprocess.CompletedProcess[str]], arguments: str, code: int, words: str
) -> None:
    done = kaizen("restore-db", NODE, *arguments.split(" "))
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "secret" not in done.stderr


def test_an_odd_name_needs_a_plain_one(kaizen: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = kaizen("restore-db", NODE, "odd name", "--into", "mysql:///no/such/socket")
    assert (done.returncode, "give odd name a plain name with --as" in done.stderr) == (2, True)
    assert kaizen("restore-db", NODE, "odd name", "--into", "mysql:///no/socket", "--as", "plain").returncode == 69


def test_a_drill_of_what_is_not_there_is_refused(
    kaizen: Callable[..., subprocess.CompletedProcess[str]], settings: Settings
) -> None:
    (settings.store / "empty.example").mkdir()
    for arguments, code, words in (
        (["nobody"], 1, "nothing of it is stored"),
        (["empty.example"], 1, "there is no snapshot of empty.example to drill"),
        ([NODE, "--nodes", "1"], 2, "--nodes chooses the nodes itself"),
        ([NODE, "--scratch", str(settings.store / "x")], 1, "what is stored is never written to"),
    ):
        done = kaizen("drill", *arguments)
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
