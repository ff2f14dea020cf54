"""How two versions differ."""

import hashlib
import os

import pytest

from kaizen_backups.errors import KaizenError
from kaizen_backups.search.compare import compare
from kaizen_backups.search.index import open_index
from kaizen_backups.search.versions import version_at
from kaizen_backups.settings import Settings
from kaizen_backups.store import NodeStore
from stored import Nights

ONE, TWO = "2026-11-22", "2026-11-23"


def diff(settings: Settings, name: str) -> list[bytes]:
    index = open_index(settings, "n.example")
    path = b"/" + os.fsencode(name)
    versions = [version_at(index, path, snapshot) for snapshot in (ONE, TWO)]
    return list(compare(NodeStore(settings.store, "n.example"), path, *versions))


def test_text_has_a_diff_with_the_snapshots_names(settings: Settings, nights: Nights) -> None:
    nights.add(ONE, {"etc/a\nb": b"one\ntwo\nthr\xffee\n"})
    nights.add(TWO, {"etc/a\nb": b"one\n2\nthr\xffee\n\x1bfour"})
    assert diff(settings, "etc/a\nb") == [
        b"--- /etc/a\\nb\t2026-11-22",
        b"+++ /etc/a\\nb\t2026-11-23",
        b"@@ -1,3 +1,4 @@",
        b" one",
        b"-two",
        b"+2",
        b" thr\xffee",
        b"+\x1bfour",
        b"\\ No newline at end of file",
    ]


def test_what_is_no_text_differs_in_size_and_sum(settings: Settings, nights: Nights) -> None:
    old, new = b"\0" * 2048, b"text"
    nights.add(ONE, {"a": old})
    nights.add(TWO, {"a": new})
    assert diff(settings, "a") == [
        b"the contents differ, and are no text that could be compared:",
        f"  2026-11-22: 2.0 KiB, SHA-256 {hashlib.sha256(old).hexdigest()}".encode(),
        f"  2026-11-23: 4 B, SHA-256 {hashlib.sha256(new).hexdigest()}".encode(),
    ]


def test_what_else_differs_is_said(settings: Settings, nights: Nights) -> None:
    nights.add(ONE, {"a": b"1", "b": b"1"})
    root = nights.add(TWO, {"b": b"1"})
    (root / "a").symlink_to("b")
    (root / "b").unlink()
    (root / "b").write_bytes(b"1")
    (root / "b").chmod(0o600)
    os.chown(root / "b", 7, 8)
    assert diff(settings, "b") == [b"mode 0644 -> 0600", b"owner 0:0 -> 7:8"]
    kind, *_, line = diff(settings, "a")
    assert (kind, line) == (b"kind file -> symlink", b"+-> b")


def test_a_snapshot_that_is_not_there_or_lacks_the_name_is_an_error(settings: Settings, nights: Nights) -> None:
    nights.add(ONE, {"a": b"1"})
    with pytest.raises(KaizenError, match=r"n\.example: there is no snapshot 2026-11-23"):
        diff(settings, "a")
    nights.add(TWO, {"b": b"1"})
    with pytest.raises(KaizenError, match=r"n\.example: 2026-11-23 does not have /a"):
        diff(settings, "a")
