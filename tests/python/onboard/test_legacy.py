"""`kaizen-onboard import-legacy`: three months of somebody's old backups become snapshots, and stay as they are."""

import asyncio
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from kaizen_backups.cli.onboard import cli
from kaizen_backups.cli.onboard import import_legacy as program
from kaizen_backups.errors import ConfigError, DataError, KaizenError
from kaizen_backups.history import open_history
from kaizen_backups.lock import only_run
from kaizen_backups.nodes_yaml import to_yaml
from kaizen_backups.onboard import legacy, legacy_room, legacy_whole
from kaizen_backups.onboard.legacy_files import Found, Member, unpackable
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import check_tree
from samples import make_node

FIRST = date(2026, 7, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(92)]
SHAPES = ["haas-%Y-%m-%d.sql.gz", "haas_%Y%m%d-0300.sql.gz", "%Y/%m/%d/haas.sql.gz", "haas.%d%b%Y.sql.gz"]


def tarball(path: Path, **files: str) -> None:
    """Make a gzipped tarball of files, by their names from the root."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            item = tarfile.TarInfo(f"./{name}")
            item.size, item.mode, item.uid, item.gid, item.mtime = len(text), 0o640, 1234, 4321, 1_790_000_000
            archive.addfile(item, io.BytesIO(text.encode()))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three months of old backups: a dump each day, named in several ways, and a tarball of /etc each week."""
    top = tmp_path_factory.mktemp("old")
    for number, day in enumerate(DAYS):
        path = top / day.strftime(SHAPES[number % len(SHAPES)])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(f"-- {day}\n".encode()))
        if number % 7 == 0:
            tarball(top / f"etc/etc-{day:%Y%m%d}.tgz", **{"etc/hil.cfg": f"of {day}\n", "etc/hil/a": "a\n"})
    return top


@pytest.fixture
def backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the backups_dir of a host that keeps a year."""
    conf = tmp_path / "node.conf"
    (tmp_path / "backups").mkdir()
    conf.write_text(f"# x\nrole = hil\nbackups_dir = {tmp_path}/backups\nkeep_days = 36500\n")
    monkeypatch.setattr(legacy.this_host, "__defaults__", (conf,))
    monkeypatch.setattr(program, "_AGENTS_LOCK", tmp_path / "lock")
    return tmp_path / "backups"


def call(*arguments: object, config: Path | None = None) -> Result:
    options = ["--config", str(config)] if config else []
    mask = os.umask(0o022)
    try:
        return CliRunner().invoke(cli, [*options, "import-legacy", *map(str, arguments)])
    finally:
        os.umask(mask)


def picture(top: Path) -> dict[str, tuple[int, bytes]]:
    """Return all that counts of a tree: to be compared before and after."""
    return {
        str(path.relative_to(top)): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in top.rglob("*")
    }


def names(backups: Path) -> list[str]:
    return sorted(path.name for path in backups.iterdir())


def test_three_months_become_snapshots_that_verify_and_the_old_files_stay(old: Path, backups: Path) -> None:
    before = picture(old)
    result = call(old)
    assert result.exit_code == 0, result.output
    assert "made 92 snapshots" in result.output
    assert names(backups) == [str(day) for day in DAYS]
    for day in DAYS:
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=backups / str(day), check=True)
        check_tree(backups / str(day))
        assert gzip.decompress((backups / f"{day}/dumps/legacy/haas.sql.gz").read_bytes()) == f"-- {day}\n".encode()
    info = (backups / "2026-07-01/backup.info").read_text()
    assert "role = hil\n" in info
    assert "status = complete\n" in info
    assert (backups / "2026-07-08/etc/hil.cfg").read_text() == "of 2026-07-08\n"
    status = (backups / "2026-07-08/etc/hil.cfg").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777, status.st_mtime) == (1234, 4321, 0o640, 1_790_000_000)
    assert (backups / "2026-07-08").stat().st_mode & 0o777 == 0o700
    assert picture(old) == before


def test_run_again_it_changes_nothing_and_a_day_that_has_a_snapshot_is_left_alone(old: Path, backups: Path) -> None:
    (backups / "2026-07-03").mkdir()
    (backups / "2026-07-03/mine").write_text("mine\n")
    assert "made 91 snapshots" in call(old).output
    assert names(backups / "2026-07-03") == ["mine"]
    before = picture(backups)
    again = call(old)
    assert again.exit_code == 0
    assert "made 0 snapshots" in again.output
    assert "92 days have one already" in again.output
    assert picture(backups) == before


def test_a_dry_run_says_what_would_be_and_makes_nothing(old: Path, backups: Path) -> None:
    result = call(old, "--dry-run")
    assert "2026-07-01: would hold haas-2026-07-01.sql.gz, etc/etc-20260701.tgz\n" in result.output
    assert "would make 92 snapshots" in result.output
    assert names(backups) == []


def test_what_has_no_date_is_to_come_or_is_a_link_is_named(tmp_path: Path, backups: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for name in ("good-2026-09-01.sql", "README", "x-09-01-2026.sql", "y-2099-01-01.sql"):
        (top / name).write_text("x\n")
    (top / "z-2026-09-02.sql").symlink_to("/etc/passwd")
    result = call(top)
    assert result.exit_code == 1
    assert f"left out {top}/README: its name has no date" in result.output
    assert f"left out {top}/x-09-01-2026.sql: 09-01-2026 can be read in two ways" in result.output
    assert f"left out {top}/y-2099-01-01.sql: 2099-01-01 is yet to come" in result.output
    assert f"left out {top}/z-2026-09-02.sql: no regular file" in result.output
    assert names(backups) == ["2026-09-01"]


@pytest.mark.parametrize("damage", ["gz", "tgz", "empty"])
def test_a_day_with_a_damaged_file_is_left_out_whole_and_the_others_are_made(
    tmp_path: Path, backups: Path, damage: str
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for day in ("2026-09-01", "2026-09-02"):
        (top / f"good-{day}.sql").write_text("x\n")
    bad = top / f"bad-2026-09-01.{damage}"
    tarball(tmp_path / "whole.tgz", **{"etc/a": os.urandom(5000).hex()})
    whole = {"gz": gzip.compress(os.urandom(5000)), "tgz": (tmp_path / "whole.tgz").read_bytes(), "empty": b""}[damage]
    bad.write_bytes(whole[: len(whole) // 2])
    result = call(top)
    assert result.exit_code == 1
    assert f"2026-09-01 is left out: {bad}: it is " in result.output
    assert names(backups) == ["2026-09-02"]


def test_a_dump_that_was_cut_short_is_named_and_what_nobody_here_can_check_is_imported_and_said(
    tmp_path: Path, backups: Path, dumps: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "shop-2026-09-01.dump").write_bytes(dumps["shop.dump"][:-40])
    (top / "shop-2026-09-02.dump").write_bytes(dumps["shop.dump"])
    for options in (["--dry-run"], []):
        result = call(top, *options)
        assert result.exit_code == 1
        assert f"2026-09-01 is left out: {top}/shop-2026-09-01.dump: it is damaged or cut short: " in result.stderr
        assert "make 1 snapshot" in result.output or "made 1 snapshot" in result.output
    assert names(backups) == ["2026-09-02"]
    shutil.rmtree(backups / "2026-09-02")
    monkeypatch.setattr(legacy_whole, "which", lambda _, path: None)
    result = call(top)
    assert result.exit_code == 0
    assert f"{top}/shop-2026-09-02.dump: not checked: pg_restore is not installed here" in result.stderr
    assert names(backups) == ["2026-09-01", "2026-09-02"]


def test_too_little_room_is_said_before_anything_is_made(
    tmp_path: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for day in ("2026-09-01", "2026-09-02", "2026-09-03"):
        (top / f"db-{day}.sql").write_bytes(b"x" * 3_000_000)
        os.utime(top / f"db-{day}.sql", (1_790_000_000 if day < "2026-09-03" else 1_790_000_001,) * 2)
    need = 2 * -(-3_000_000 // os.statvfs(backups).f_frsize) * os.statvfs(backups).f_frsize
    monkeypatch.setattr(legacy_room, "free_bytes", lambda _: need - 1)
    for options in (["--dry-run"], []):
        result = call(top, *options)
        said = f"{backups}: too little room: {need} bytes are needed, and {need - 1} are free; nothing was imported"
        assert str(result.exception).startswith(said)
        assert names(backups) == []
    monkeypatch.setattr(legacy_room, "free_bytes", lambda _: need)
    assert call(top).exit_code == 0
    assert len(names(backups)) == 3


def test_the_room_is_that_of_what_a_tarball_unpacks_to_once(
    tmp_path: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 10):
        tarball(tmp_path / f"top/etc-2026-09-0{day}.tgz", **{"etc/big": "x" * 1_000_000})
    monkeypatch.setattr(legacy_room, "free_bytes", lambda _: 900_000)
    assert "too little room" in str(call(tmp_path / "top").exception)
    monkeypatch.setattr(legacy_room, "free_bytes", lambda _: 2_100_000)
    assert call(tmp_path / "top").exit_code == 0
    # Those that are there now are a basis, too: the next day takes nothing but its own moment.
    tarball(tmp_path / "top/etc-2026-09-10.tgz", **{"etc/big": "x" * 1_000_000})
    monkeypatch.setattr(legacy_room, "free_bytes", lambda _: 1_100_000)
    assert call(tmp_path / "top").exit_code == 0


def test_what_never_changes_takes_its_room_once_in_three_months(tmp_path: Path, backups: Path) -> None:
    for day in DAYS:
        tarball(tmp_path / f"top/{day}/etc.tgz", **{"etc/hil.cfg": "a\n", "etc/day": f"{day}\n"})
        (tmp_path / f"top/{day}/images.tar.gz").write_bytes(gzip.compress(tar_of_zeros(), mtime=0))
        os.utime(tmp_path / f"top/{day}/images.tar.gz", (1_790_000_000, 1_790_000_000))
    assert call(tmp_path / "top").exit_code == 0
    for name, links in (("etc/hil.cfg", 92), ("dumps/legacy/images.tar.gz", 92), ("etc/day", 1)):
        assert {(backups / f"{day}/{name}").stat().st_nlink for day in DAYS} == {links}, name
    for day in DAYS[:3]:
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=backups / str(day), check=True)
        assert (backups / f"{day}/etc/day").read_text() == f"{day}\n"
    assert "changed_files = 1\n" in (backups / "2026-07-02/backup.info").read_text()
    assert "changed_files = 3\n" in (backups / "2026-07-01/backup.info").read_text()


def tar_of_zeros() -> bytes:
    """Return a tarball of nothing."""
    return bytes(10240)


def test_files_that_would_have_one_name_keep_their_own_and_an_archive_of_postgresql_stands_with_the_dumps(
    tmp_path: Path, backups: Path, dumps: dict[str, bytes]
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "haas-20260901-0100.sql").write_text("one\n")
    (top / "haas-20260901-1300.sql").write_text("two\n")
    (top / "obmd-20260901.dump").write_bytes(dumps["shop.dump"])
    (top / "hil-20260901.sql.gz").write_bytes(dumps["shop.dump.gz"])
    (top / "new\nline-20260901").write_text("x\n")
    assert call(top).exit_code == 0
    made = backups / "2026-09-01"
    assert (made / "dumps/legacy/haas.sql").read_text() == "one\n"
    assert (made / "dumps/legacy/2026-09-01/haas-20260901-1300.sql").read_text() == "two\n"
    assert names(made / "dumps/postgresql") == ["hil.dump.gz", "obmd.dump"]
    assert (made / "dumps/legacy/new\nline").exists()
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=made, check=True)


def test_several_backups_of_a_day_are_all_there(tmp_path: Path, backups: Path) -> None:
    for hour in ("0100", "1300", "1900"):
        (tmp_path / f"top/20260901-{hour}").mkdir(parents=True)
        (tmp_path / f"top/20260901-{hour}/db.sql").write_text(hour)
    assert call(tmp_path / "top").exit_code == 0
    found = sorted(path.read_text() for path in (backups / "2026-09-01").rglob("db.sql"))
    assert found == ["0100", "1300", "1900"]


def test_a_file_of_today_is_left_for_tomorrow(tmp_path: Path, backups: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    today = datetime.now().astimezone().date()
    for day in (today, today + timedelta(days=1)):  # one of them is today's, also where midnight comes in between
        (top / f"db-{day}.sql").write_text("x")
    result = call(top)
    assert result.exit_code == 1
    assert "it is of today, and may still be written to; import it tomorrow" in result.output


def test_the_old_directory_may_be_the_snapshots_own(backups: Path) -> None:
    (backups / "haas-2026-09-01.sql").write_text("x\n")
    (backups / "haas-2026-09-02.sql").write_text("x\n")
    (backups / ".partial-2026-09-03.x").mkdir()
    (backups / ".partial-2026-09-03.x/haas-2026-09-03.sql").write_text("x\n")
    assert call(backups).exit_code == 0
    again = call(backups)
    assert again.exit_code == 0
    assert "made 0 snapshots" in again.output
    assert {name for name in names(backups) if name[0].isdigit()} == {"2026-09-01", "2026-09-02"}


def test_the_agents_lock_keeps_it_out(old: Path, backups: Path) -> None:
    with only_run(backups.parent / "lock"):
        result = call(old)
    assert "another run holds" in str(result.exception)
    assert names(backups) == []


def test_it_is_said_when_retention_would_take_them_at_once(old: Path, backups: Path) -> None:
    (backups.parent / "node.conf").write_text(f"backups_dir = {backups}\n")
    result = call(old, "--dry-run")
    assert "91 snapshots of these will go with the next run" in result.output


def test_into_a_collectors_store_they_are_on_record_and_verify(old: Path, tmp_path: Path, settings: Settings) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    settings.state.mkdir(parents=True)
    settings.nodes_file.write_text(to_yaml([make_node("hil.example", role="hil")]))
    result = call(old, "--node", "hil.example", config=config)
    assert result.exit_code == 0, (result.output, result.exception)
    store = NodeStore(settings.store, "hil.example")
    assert [str(snapshot) for snapshot in store.snapshots()] == [str(day) for day in DAYS]
    with open_history(settings.history_file) as history:
        record = history.snapshot("hil.example", Snapshot(FIRST))
        assert record
        data = (store.path(Snapshot(FIRST)) / "SHA256SUMS").read_bytes()
        assert record.sums_sha256 == hashlib.sha256(data).hexdigest()
    refused = call(old, "--node", "hil.exmaple", config=config)
    assert "hil.exmaple: no such node" in str(refused.exception)


def test_no_plain_dump_is_imported_on_a_host_that_encrypts_its_dumps_unless_that_is_said(
    old: Path, backups: Path
) -> None:
    conf = backups.parent / "node.conf"
    conf.write_text(f"{conf.read_text()}  dump_recipients=age1x\n")
    for options in ([], ["--dry-run"]):
        refused = call(old, *options).exception
        assert isinstance(refused, ConfigError)
        assert str(refused).startswith(f"{conf}: it has dump_recipients, and the old dumps would be stored in plain")
    assert names(backups) == []
    assert "would make 92 snapshots" in call(old, "--dry-run", "--plain").output


def test_nor_on_a_collector_for_a_node_whose_last_dumps_are_encrypted(
    old: Path, tmp_path: Path, settings: Settings, make_snapshot: Callable[..., Path]
) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    settings.state.mkdir(parents=True)
    make_snapshot("store/hil.example/2026-11-24", **{"dumps/postgresql/haas.dump.zst.age": b"x"})
    refused = call(old, "--node", "hil.example", "--dry-run", config=config).exception
    assert isinstance(refused, ConfigError)
    assert str(refused).startswith("hil.example: its last dumps are encrypted, and the old dumps would be stored in")
    allowed = call(old, "--node", "hil.example", "--dry-run", "--plain", config=config)
    assert "would make 92 snapshots" in allowed.output


def entries(*shown: str) -> list[Member]:
    kinds = {"/": "directory", "@": "link", "!": "other"}
    return [Member(one.rstrip("/@!"), kinds.get(one[-1], "file")) for one in shown]


@pytest.mark.parametrize(
    ("shown", "good"),
    [
        (("etc/", "etc/hil.cfg", "etc/x@"), True),
        (("hil.cfg",), False),
        (("etc/../../x",), False),
        (("dumps/x",), False),
        (("SHA256SUMS",), False),
        (("etc/a@", "etc/a/b"), False),
        (("etc/a", "etc/a"), False),
        (("dev/sda!",), False),
        (("etc/fifo!",), False),
        (("etc/taken",), False),
        (("etc/taken/below",), False),
        (("etc/",), False),
    ],
)
def test_only_a_systems_files_that_come_in_nobodys_way_are_unpacked(shown: tuple[str, ...], good: bool) -> None:
    assert unpackable(entries(*shown), {"etc/taken"}) is good


def swap_for_a_link(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


def write_more(path: Path, _: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize("change", [swap_for_a_link, write_more, lambda path, _: path.unlink()])
@pytest.mark.parametrize("name", ["db-2026-09-01.sql", "etc-2026-09-01.tgz"])
def test_what_changes_behind_our_back_is_not_taken_and_no_other_file_is_touched(
    tmp_path: Path, backups: Path, change: Callable[[Path, Path], None], name: str
) -> None:
    path, other = tmp_path / name, tmp_path / "other"
    for one in (path, other):
        tarball(one, **{"etc/a": "x"})
    other.chmod(0o640)
    before = other.stat()
    origin = legacy.Origin("hil.example", "hil", tmp_path)
    layout = asyncio.run(legacy.lay_out([Found(path, FIRST, "db.sql")]))
    change(path, other)
    with pytest.raises(DataError, match=f"^{path}: "):
        asyncio.run(legacy.make(FIRST, layout, NodeStore(backups.parent, backups.name), origin))
    after = other.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert names(backups) == []


def deep_tarball(path: Path, name: str, time: int) -> None:
    """Make a tarball of so many files, far down, that tar fills more than a megabyte where it has a word on each."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for number in range(300):
            item = tarfile.TarInfo(f"etc/{'/'.join(['d' * 200] * 18)}/{name}{number}")
            item.mtime = time
            archive.addfile(item)


def test_a_tarball_with_many_times_to_come_is_unpacked(tmp_path: Path, backups: Path) -> None:
    deep_tarball(tmp_path / "top/etc-2026-09-01.tgz", "a", 4_000_000_000)
    assert call(tmp_path / "top").exit_code == 0
    assert "files = 300\n" in (backups / "2026-09-01/backup.info").read_text()


def test_a_tarball_of_which_tar_complains_without_end_costs_its_own_day_alone(tmp_path: Path, backups: Path) -> None:
    bad = tmp_path / "top/etc-2026-09-01.tgz"
    deep_tarball(bad, "longer than a name may be" * 11, 1)
    tarball(tmp_path / "top/etc-2026-09-02.tgz", **{"etc/a": "x"})
    result = call(tmp_path / "top")
    assert result.exit_code == 1
    assert f"2026-09-01 is left out: {bad}: tar complains without end" in result.stderr
    assert names(backups) == ["2026-09-02"]


def test_a_tarball_of_anything_else_stays_a_tarball(tmp_path: Path, backups: Path) -> None:
    tarball(tmp_path / "top/hil-2026-09-01.tar.gz", **{"hil.cfg": "x\n"})
    assert call(tmp_path / "top").exit_code == 0
    assert names(backups / "2026-09-01/dumps/legacy") == ["hil.tar.gz"]


def test_only_root_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "only root" in str(call(tmp_path).exception)


@pytest.mark.parametrize("line", ["keep_days = seven", "keep_days =", "backups_dir = backups"])
def test_settings_that_the_agent_would_refuse_are_an_error(tmp_path: Path, line: str) -> None:
    file = tmp_path / "node.conf"
    file.write_text(f"role = hil\n{line}\n")
    with pytest.raises(KaizenError, match="check-config"):
        legacy.this_host(file)


def test_a_host_that_is_not_backed_up_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KaizenError, match="on a collector with --node NAME"):
        legacy.this_host(tmp_path / "node.conf")
