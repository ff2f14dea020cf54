"""`kaizen-onboard import-legacy` takes no dump that was cut short, and says what it cannot check."""

import asyncio
import gzip
import subprocess
import tarfile
from datetime import date
from pathlib import Path
from shutil import which

import pytest

from kaizen_backups.errors import DataError
from kaizen_backups.onboard import legacy_whole
from kaizen_backups.onboard.legacy_files import Found, members
from kaizen_backups.onboard.legacy_whole import Look, examine

CLUSTER = "all.sql"


def look_at(place: Path, name: str, data: bytes) -> Look:
    path = place / name
    path.write_bytes(data)
    return asyncio.run(examine(Found(path, date(2026, 9, 1), name)))


PACKED = [
    f"{name}{ending}" for name in ("shop.sql", "shop.dump", "etc.tar") for ending in (".gz", ".bz2", ".xz", ".zst")
]
ALL = ["shop.sql", "shop.dump", CLUSTER, "nova.sql", "etc.tar", *PACKED]


@pytest.mark.parametrize("name", ALL)
def test_a_whole_dump_is_good_and_one_that_was_cut_short_is_named(
    dumps: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    whole = dumps[name]
    assert look_at(tmp_path, name, whole) == Look(archive="dump" in name)
    # What ends a dump of PostgreSQL's stands before a line for psql, and behind a tarball's last file are zeros.
    end = {"shop.sql": 200, CLUSTER: 100, "etc.tar": 9000}.get(name, 40)
    for part in (whole[: len(whole) // 2], whole[:-end]):
        with pytest.raises(DataError, match=f"^{tmp_path / name}: it is (damaged or )?cut short: "):
            look_at(tmp_path, name, part)


@pytest.mark.parametrize("name", ["shop.sql", "shop.dump", "nova.sql", "etc.tar"])
@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_what_was_cut_short_before_it_was_packed_is_named_too(
    dumps: dict[str, bytes], tmp_path: Path, name: str, ending: str
) -> None:
    part = dumps[name][: len(dumps[name]) // 2]
    program = {".gz": "gzip", ".zst": "zstd"}[ending]
    packed = subprocess.run([program, "-c"], input=part, capture_output=True, check=True).stdout
    with pytest.raises(DataError, match="cut short"):
        look_at(tmp_path, name + ending, packed)


def test_a_tarball_that_ends_between_two_files_is_cut_short_though_tar_lists_it(
    dumps: dict[str, bytes], tmp_path: Path
) -> None:
    part = dumps["etc.tar"][:3584]
    assert subprocess.run(["tar", "-t"], input=part, capture_output=True, check=True).stdout == b"etc/a\n"
    with pytest.raises(DataError, match="it does not end with tar's mark of its end"):
        look_at(tmp_path, "etc.tar", part)


@pytest.mark.parametrize(
    ("name", "program"), [("shop.sql.gz", "gzip"), ("shop.dump.zst", "zstd"), ("etc.tar.xz", "xz")]
)
def test_a_packed_file_with_nothing_in_it_is_empty(tmp_path: Path, name: str, program: str) -> None:
    nothing = subprocess.run([program, "-c"], input=b"", capture_output=True, check=True).stdout
    with pytest.raises(DataError, match=f"^{tmp_path / name}: it is empty$"):
        look_at(tmp_path, name, nothing)


@pytest.mark.parametrize(("name", "ending"), [("x.tar", ".gz"), ("x.tgz", ""), ("x.tgz", ".xz"), ("x.tar.zst", ".bz2")])
def test_a_tarball_is_unpacked_by_what_it_is_whatever_it_is_called(
    dumps: dict[str, bytes], tmp_path: Path, name: str, ending: str
) -> None:
    whole = dumps[f"etc.tar{ending}"]
    assert look_at(tmp_path, name, whole) == Look()
    assert [member.name for member in members(tmp_path / name)] == ["etc/a", "etc/b"]
    with pytest.raises(DataError, match="cut short"):
        look_at(tmp_path, name, whole[: len(whole) // 2])


def test_one_called_packed_that_is_neither_packed_nor_a_tarball_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is damaged or cut short: gzip: "):
        look_at(tmp_path, "x.tgz", bytes(10240))


def test_a_tarball_packed_with_zstd_stays_one_whatever_it_is_called(dumps: dict[str, bytes], tmp_path: Path) -> None:
    assert look_at(tmp_path, "x.tgz", dumps["etc.tar.zst"]) == Look()
    assert members(tmp_path / "x.tgz") == []


@pytest.mark.parametrize("time", ["inf", "nan", "1e400"])
def test_a_tarball_with_a_time_that_is_none_is_named(tmp_path: Path, time: str) -> None:
    path = tmp_path / "etc.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        item = tarfile.TarInfo("etc/a")
        item.pax_headers = {"mtime": time}
        archive.addfile(item)
    with pytest.raises(DataError, match=f"^{path}: it is damaged: "):
        members(path)


def test_dumps_one_behind_the_other_are_good_and_so_are_comments_behind_them(
    dumps: dict[str, bytes], tmp_path: Path
) -> None:
    both = dumps[CLUSTER] + dumps["shop.sql"]
    assert look_at(tmp_path, "both.sql", both + b"-- made by backup.sh\n") == Look()
    with pytest.raises(DataError, match="'-- PostgreSQL database dump complete'"):
        look_at(tmp_path, "both.sql", both[:-200])
    cut = dumps[CLUSTER].partition(b"-- PostgreSQL database dump complete\n--\n")
    assert cut[2], "the cluster's dump has a database's dump in it"
    with pytest.raises(DataError, match="'-- PostgreSQL database cluster dump complete'"):
        look_at(tmp_path, "all.sql", cut[0] + cut[1])


def test_a_date_behind_the_packing_changes_nothing(dumps: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "hil.sql.gz-20260901"
    path.write_bytes(gzip.compress(dumps["nova.sql"])[:-9])
    with pytest.raises(DataError, match="cut short: gzip: "):
        asyncio.run(examine(Found(path, date(2026, 9, 1), "hil.sql.gz")))


def test_text_of_no_known_form_is_taken_as_it_is(tmp_path: Path) -> None:
    assert look_at(tmp_path, "x.sql", b"SELECT 1;\n") == Look()


@pytest.mark.parametrize(("name", "program"), [("shop.dump", "pg_restore"), ("shop.sql.zst", "zstd")])
def test_what_needs_a_program_that_is_not_here_is_said_not_to_be_checked(
    dumps: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, program: str
) -> None:
    monkeypatch.setattr(legacy_whole, "which", lambda one, path: None if one == program else which(one, path=path))
    look = look_at(tmp_path, name, dumps[name])
    assert look.archive is (name == "shop.dump")
    assert look.unchecked.startswith(f"{program} is not installed here")


def test_without_pg_restore_an_archives_header_is_looked_at(
    dumps: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_whole, "which", lambda _, path: None)
    with pytest.raises(DataError, match="it does not even have an archive's header"):
        look_at(tmp_path, "shop.dump", dumps["shop.dump"][:9])


def test_an_archive_of_a_newer_postgresql_is_not_called_damaged(dumps: dict[str, bytes], tmp_path: Path) -> None:
    newer = bytearray(dumps["shop.dump"])
    newer[6] = 99  # the minor version of the format
    look = look_at(tmp_path, "shop.dump", bytes(newer))
    assert look.archive
    assert "this pg_restore cannot read it (pg_restore: error: unsupported version (1.99" in look.unchecked
