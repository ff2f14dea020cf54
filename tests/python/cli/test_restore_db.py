"""`kaizen restore-db` and `kaizen drill` as an operator runs them: what is refused, and with which exit code."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from kaizen_backups.cli import restore_db
from kaizen_backups.rebuild import rebuild
from kaizen_backups.settings import Settings
from throw_away import compress

KAIZEN = Path(sys.executable).with_name("kaizen")
NODE = "one.example"


def key_of(file: Path) -> str:
    return subprocess.run(["age-keygen", "-y", file], capture_output=True, text=True, check=True).stdout.strip()


def encrypt(data: bytes, *recipients: str) -> bytes:
    line = ["age", *(word for one in recipients for word in ("-r", one))]
    return subprocess.run(line, input=data, capture_output=True, check=True).stdout


@pytest.fixture
def kaizen(
    settings: Settings, tmp_path: Path, make_snapshot: Callable[..., Path]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    whole = compress(b"CREATE TABLE t (i INT);\n-- Dump completed\n")
    dumps = {"dumps/mysql/nova.sql.zst": whole, "dumps/mysql/odd name.sql.zst": whole, "dumps/mysql/bad.sql.zst": b"x"}
    for name in ("first", "second"):
        subprocess.run(["age-keygen", "-o", tmp_path / name], check=True, capture_output=True)
    for name, passphrase in (("third", "secret"), ("fourth", "")):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", tmp_path / name], check=True)
    locked = encrypt(whole, key_of(tmp_path / "first"), (tmp_path / "fourth.pub").read_text().strip())
    dumps |= {"dumps/mysql/locked.sql.zst.age": locked, "dumps/mysql/torn.sql.zst.age": locked[:-9]}
    dumps["dumps/mysql/asks.sql.zst.age"] = encrypt(whole, (tmp_path / "third.pub").read_text().strip())
    make_snapshot(f"store/{NODE}/2026-11-24", **dumps)
    config = tmp_path / "collector.yaml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    rebuild(settings)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [str(KAIZEN), "--config", str(config), *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    return run


@pytest.fixture
def start(kaizen: object, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Yield what starts `kaizen restore-db` of a dump that is locked; its /run is the test's own directory `run`."""
    (tmp_path / "run").mkdir()
    started: list[subprocess.Popen[bytes]] = []

    def start(identity: Path, *before: str) -> subprocess.Popen[bytes]:
        line = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /run && exec "$@"', str(tmp_path / "run")]
        line += [*before, str(KAIZEN), "--config", str(tmp_path / "collector.yaml"), "restore-db", NODE, "locked"]
        line += ["--into", "mysql:///no/socket", "--identity", str(identity)]
        started.append(subprocess.Popen(line, stdin=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


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


@pytest.mark.parametrize(
    ("database", "key", "result"),
    [
        ("locked", "first", (69, "mysql:///no/socket: ERROR 2002")),  # it was checked, and the server is missing
        ("locked", "fourth", (69, "mysql:///no/socket: ERROR 2002")),  # SSH's key does as well
        ("locked", "second", (65, "locked.sql.zst.age cannot be decrypted: age: error: no identity matched")),
        ("asks", "third", (65, "nobody is asked for a passphrase here: decrypt it by hand")),
        ("torn", "first", (65, "torn.sql.zst.age cannot be decrypted: age: error")),
        ("locked", "none", (1, "none cannot be read: No such file")),
        ("nova", "none", (69, "ERROR 2002")),  # it needs no key
    ],
)
def test_an_encrypted_dump_is_read_with_a_recipients_key(
    kaizen: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    database: str,
    key: str,
    result: tuple[int, str],
) -> None:
    if (tmp_path / key).exists():
        os.chown(tmp_path / key, 65534, 65534)  # it may be anybody's
    done = kaizen("restore-db", NODE, database, "--into", "mysql:///no/socket", "--identity", str(tmp_path / key))
    assert (done.returncode, result[1] in done.stderr) == (result[0], True), done.stderr


@pytest.mark.parametrize(
    ("number", "before", "code"),
    [
        (signal.SIGHUP, ("env", "--default-signal=HUP"), 130),
        (signal.SIGTERM, (), 130),
        (signal.SIGHUP, ("nohup",), 69),  # it comes to ask the server, and there is none
    ],
)
def test_no_copy_of_the_key_stays_where_it_is_ended_and_what_nohup_started_goes_on(
    start: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
    number: signal.Signals,
    before: tuple[str, ...],
    code: int,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    process = start(tmp_path / "pipe", *before)
    with (tmp_path / "pipe").open("wb") as key:  # it has a place for the copy, and reads
        assert list((tmp_path / "run").glob("*/identity"))
        process.send_signal(number)
        key.write((tmp_path / "first").read_bytes())
    assert process.wait(60) == code
    assert list((tmp_path / "run").iterdir()) == []


def test_a_terminal_that_goes_may_say_so_twice_and_what_was_begun_is_taken_back_all_the_same() -> None:
    taken_back = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGHUP)  # the kernel's
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGHUP)  # the shell's
            for _ in range(10):  # the loop comes to hear of it
                await asyncio.sleep(0)
            taken_back.append(True)

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            restore_db._interruptible(work())
    finally:
        signal.signal(signal.SIGHUP, before)
    assert taken_back


def test_without_a_key_it_is_said_how_to_do_it_where_the_key_is(
    kaizen: Callable[..., subprocess.CompletedProcess[str]], settings: Settings, tmp_path: Path
) -> None:
    done = kaizen("restore-db", NODE, "locked", "--into", "mysql:///")
    assert done.returncode == 1
    command = done.stderr.strip().partition("decrypt it where that key is: ")[2]
    file = settings.store / NODE / "2026-11-24/dumps/mysql/locked.sql.zst.age"
    assert command == f"age -d -i KEY {file}"
    by_hand = subprocess.run(
        command.replace("KEY", str(tmp_path / "first")), shell=True, capture_output=True, check=True
    )
    assert by_hand.stdout.startswith(b"\x28\xb5\x2f\xfd")  # zstd


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
