"""What is found by name: where, when, which versions differ."""

import hashlib
import os
from datetime import date

import pytest

from kaizen_backups.search.find import find
from kaizen_backups.search.index import open_index
from kaizen_backups.search.pattern import name_pattern
from kaizen_backups.search.versions import Found
from kaizen_backups.settings import Settings
from stored import Nights

ONE, TWO, THREE = "2026-11-22", "2026-11-23", "2026-11-24"


@pytest.fixture(autouse=True)
def three_nights(nights: Nights) -> None:
    nights.add(ONE, {"etc/a.conf": b"1", "etc/gone.conf": b"", "etc/same.conf": b"same"})
    nights.add(TWO, {"etc/a.conf": b"22", "etc/same.conf": b"same"})
    nights.add(THREE, {"etc/a.conf": b"22", "etc/same.conf": b"same", "etc/a.conf.d/b": b""})


def found(settings: Settings, pattern: str, since: date | None = None) -> list[Found]:
    return list(find(open_index(settings, "n.example"), name_pattern(pattern), since))


def test_versions_have_size_time_sum_and_when_they_were_there(settings: Settings) -> None:
    (file,) = found(settings, "a.conf")
    assert (file.node, file.path) == ("n.example", b"/etc/a.conf")
    new, old = file.versions
    assert (new.first, new.last, new.gone, new.size, new.sha256) == (
        TWO, THREE, None, 2, hashlib.sha256(b"22").hexdigest()
    )  # fmt: skip
    assert (old.first, old.last, old.gone, old.size, old.sha256) == (ONE, ONE, TWO, 1, hashlib.sha256(b"1").hexdigest())
    assert old.mtime_ns == 1_700_000_000 * 10**9


def test_names_come_in_order_each_once(settings: Settings) -> None:
    assert [file.path for file in found(settings, "*.conf")] == [b"/etc/a.conf", b"/etc/gone.conf", b"/etc/same.conf"]


def test_since_a_day_leaves_out_what_no_snapshot_has_had_since(settings: Settings) -> None:
    names = {file.path: len(file.versions) for file in found(settings, "*.conf", date(2026, 11, 23))}
    assert names == {b"/etc/a.conf": 1, b"/etc/same.conf": 1}
    assert found(settings, "*.conf", date(2026, 11, 25)) == []
    assert len(found(settings, "*.conf", date(2026, 11, 22))) == 3


def test_a_second_snapshot_of_a_day_is_of_that_day(settings: Settings, nights: Nights) -> None:
    nights.add(f"{THREE}.2", {"again": b""})
    (file,) = found(settings, "again", date(2026, 11, 24))
    assert file.versions[0].first == "2026-11-24.2"


def test_only_directories_where_they_are_meant(settings: Settings) -> None:
    assert [file.path for file in found(settings, "a.conf*/")] == [b"/etc/a.conf.d"]
    (file,) = found(settings, "etc/")
    assert [(v.kind, v.first, v.last, v.size) for v in file.versions] == [("directory", ONE, THREE, None)]


def test_json_has_every_name_as_it_is(settings: Settings, nights: Nights) -> None:
    root = nights.add("2026-11-25", {})
    (root / "new\nline \u00e9").symlink_to(os.fsdecode(b"to \xff"))
    (root / os.fsdecode(b"caf\xe9 \\xe9")).touch()
    one, other = (file.as_json() for file in found(settings, "[cn]*[9\u00e9]"))
    assert (one["path"], one["path_base64"]) == (r"/caf\xe9 \xe9", "L2NhZukgXHhlOQ==")
    assert other["path"] == "/new\nline \u00e9"
    assert "path_base64" not in other
    (version,) = other["versions"]
    assert (version["kind"], version["target"], version["target_base64"]) == ("symlink", r"to \xff", "dG8g/w==")
