"""Copies come back whole, or it is said that they are not."""

import asyncio
import shutil
from datetime import date
from pathlib import Path

import pytest

from kaizen_backups.errors import DataError, KaizenError
from kaizen_backups.history import History
from kaizen_backups.offsite.check import PARTS, check
from kaizen_backups.offsite.password import add_key
from kaizen_backups.offsite.restore import StoreRestore, copies_of, restore_copy
from offsite_site import DAYS, Site

TODAY = date(2026, 11, 25)


def restore(site: Site, at: str, target: Path) -> None:
    target.mkdir()

    async def work() -> None:
        await restore_copy(site.restic, copies_of(await site.restic.copies(), "n.example", at, TODAY), target)

    asyncio.run(work())


def restore_all(site: Site, history: History) -> list[str]:
    work = StoreRestore(site.restic, history, lambda _line: None)

    async def run() -> None:
        await work.work(await site.restic.copies())

    asyncio.run(run())
    return work.problems


def test_a_snapshot_comes_back_as_it_was(site: Site, tmp_path: Path) -> None:
    site.push()
    restore(site, "yesterday", tmp_path / "back")
    assert (tmp_path / "back/etc/day").read_text() == DAYS[1]
    restore(site, DAYS[0], tmp_path / "first")
    assert (tmp_path / "first/etc/day").read_text() == DAYS[0]


def test_a_day_that_is_not_there_is_told_with_those_that_are(site: Site, tmp_path: Path) -> None:
    site.push()
    with pytest.raises(KaizenError, match=f"there are {DAYS[0]}, {DAYS[1]}"):
        restore(site, "2026-11-01", tmp_path / "back")


def test_everything_comes_back_into_an_empty_store_with_its_links_and_its_record(site: Site) -> None:
    site.push()
    before = site.record(DAYS[1])
    shutil.rmtree(site.settings.store)
    site.history.forget(site.history.known())
    assert restore_all(site, site.history) == []
    stored = site.settings.store / "n.example"
    assert sorted(path.name for path in stored.iterdir()) == list(DAYS)
    assert (stored / DAYS[0] / "etc/a").samefile(stored / DAYS[1] / "etc/a")
    assert not (stored / DAYS[0] / "etc/day").samefile(stored / DAYS[1] / "etc/day")
    record = site.record(DAYS[1])
    assert (record.sums_sha256, record.received, record.rotten) == (before.sums_sha256, before.received, False)
    assert site.push().sent == []


def test_what_is_stored_is_not_touched(site: Site) -> None:
    site.push()
    shutil.rmtree(site.settings.store / "n.example" / DAYS[0])
    (site.settings.store / "n.example" / DAYS[1] / "etc/day").write_bytes(b"mine")
    assert restore_all(site, site.history) == []
    assert (site.settings.store / "n.example" / DAYS[1] / "etc/day").read_bytes() == b"mine"
    assert (site.settings.store / "n.example" / DAYS[0] / "etc/day").read_text() == DAYS[0]


def test_a_copy_that_is_not_what_its_tags_say_is_refused(site: Site, tmp_path: Path) -> None:
    store = site.settings.store / "n.example"
    forged = ["--host=n.example", "--tag=kaizen", f"--tag=snapshot={DAYS[1]}", f"--tag=sums={'0' * 64}"]
    site.own("backup", *forged, str(store / DAYS[0] / "etc"))
    with pytest.raises(DataError, match="the copy is not"):
        restore(site, DAYS[1], tmp_path / "back")


def test_a_copy_that_lacks_something_gives_way_to_one_that_does_not(site: Site, tmp_path: Path) -> None:
    site.push()
    store = site.settings.store / "n.example"
    lacking = ["--host=n.example", "--tag=kaizen", f"--tag=snapshot={DAYS[1]}", f"--tag=sums={'0' * 64}"]
    site.own("backup", "--time=2030-01-01 00:00:00", *lacking, str(store / DAYS[0] / "etc"))
    restore(site, DAYS[1], tmp_path / "back")
    assert (tmp_path / "back/etc/day").read_text() == DAYS[1]
    assert not (tmp_path / "back/tmp").exists()


def test_a_copy_of_what_is_no_nodes_name_leads_nowhere(site: Site, tmp_path: Path) -> None:
    store = site.settings.store / "n.example"
    forged = ["--host=../outside", "--tag=kaizen", f"--tag=snapshot={DAYS[1]}", f"--tag=sums={'0' * 64}"]
    site.own("backup", *forged, str(store / DAYS[0] / "etc"))
    assert "no node's name" in " ".join(restore_all(site, site.history))
    assert not (tmp_path / "outside").exists()


def test_a_second_password_opens_it_and_the_wrong_one_does_not(site: Site, tmp_path: Path) -> None:
    site.push()
    asyncio.run(add_key(site.restic, tmp_path / "second"))
    assert (tmp_path / "second").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
    (tmp_path / "second").replace(tmp_path / "password")
    restore(site, DAYS[1], tmp_path / "back")
    (tmp_path / "password").write_text("wrong\n")
    with pytest.raises(KaizenError, match="its password is not the one"):
        restore(site, DAYS[1], tmp_path / "again")


def test_in_thirty_checks_everything_is_read_and_damage_is_found(site: Site, tmp_path: Path) -> None:
    site.push()
    pack = next(path for path in (tmp_path / "repository/data").rglob("*") if path.is_file())
    data = bytearray(pack.read_bytes())
    data[10] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    # A part is the packs whose name's first byte leaves that rest: only one of them holds the damaged one.
    part = int(pack.name[:2], 16) % PARTS + 1
    site.history.note_check("vault", None, part - 1, "2026-11-24T00:00:00Z")
    with pytest.raises(DataError, match="it is damaged"):
        asyncio.run(check(site.restic, site.history))
    state = site.history.offsite_state("vault")
    assert state.part == part
    assert state.check_problem
