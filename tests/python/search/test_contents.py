"""Contents are searched, each once."""

import os
from pathlib import Path

import pytest

from kaizen_backups.search.contents import LARGEST, Contents, read_version
from kaizen_backups.search.find import find
from kaizen_backups.search.index import open_index
from kaizen_backups.search.pattern import PatternError, name_pattern
from kaizen_backups.search.versions import Version
from kaizen_backups.settings import Settings
from kaizen_backups.store import NodeStore
from stored import Nights

ONE, TWO = "2026-11-22", "2026-11-23"


def search(
    settings: Settings, text: str, *, name: str = "*", regex: bool = False, ignore_case: bool = False
) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """Return the lines that match, by path and first snapshot."""
    looked_for = Contents(text, regex=regex, ignore_case=ignore_case)
    files = find(open_index(settings, "n.example"), name_pattern(name))
    hits = list(looked_for.search(NodeStore(settings.store, "n.example"), files))
    assert looked_for.problems == []
    return {
        (os.fsdecode(hit.file.path), version.first): lines.found
        for hit in hits
        for version, lines in zip(hit.file.versions, hit.lines, strict=True)
    }


def test_lines_that_match_come_with_their_numbers(settings: Settings, nights: Nights) -> None:
    nights.add(ONE, {"etc/a.conf": b"[x]\nhost = one.example\n\nhost = two\n", "etc/b": b"nothing"})
    nights.add(TWO, {"etc/a.conf": b"host = three\n"})
    assert search(settings, "host =") == {
        ("/etc/a.conf", TWO): [(1, "host = three")],
        ("/etc/a.conf", ONE): [(2, "host = one.example"), (4, "host = two")],
    }
    assert search(settings, "one.") == {("/etc/a.conf", ONE): [(2, "host = one.example")]}
    assert search(settings, "HOST") == search(settings, "t.o$") == {}
    assert search(settings, "t.o$", regex=True) == {("/etc/a.conf", ONE): [(4, "host = two")]}
    assert len(search(settings, "HOST", ignore_case=True)) == 2
    assert search(settings, "host", name="*.ini") == {}


def test_each_content_is_read_once(settings: Settings, nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.add(ONE, {"a": b"word 1", "b": b"word 1", "c": b"word 2", "d": b"none"})
    os.utime(nights.add(TWO, {"a": b"word 1 ", "b": b"word 1", "d": b"none"}) / "d", (5, 5))
    read: list[bytes] = []

    def count(store: NodeStore, path: bytes, version: Version) -> bytes:
        read.append(path)
        return read_version(store, path, version)

    monkeypatch.setattr("kaizen_backups.search.contents.read_version", count)
    assert len(search(settings, "word", name="?")) == 4
    assert sorted(read) == [b"/a", b"/a", b"/c", b"/d"]


def test_only_text_of_a_reasonable_size_is_looked_at(settings: Settings, nights: Nights) -> None:
    large = b"word" + b" " * (LARGEST - 4)
    nights.add(ONE, {"binary": b"word\0", "large": large, "larger": large + b" ", "latin": b"w\xf6rd word"})
    (nights.directory / ONE / "link").symlink_to("latin")
    assert [path for path, _ in search(settings, "word")] == ["/large", "/latin"]
    assert search(settings, "word", name="latin") == {("/latin", ONE): [(1, "w\udcf6rd word")]}


def test_a_file_of_many_lines_does_not_flood(settings: Settings, nights: Nights) -> None:
    nights.add(ONE, {"many": b"word\n" * 1000, "long": b"x" * 100_000 + b"word" + b"y" * 100_000})
    looked_for = Contents("word", regex=False, ignore_case=False)
    files = find(open_index(settings, "n.example"), name_pattern("*"))
    long, many = looked_for.search(NodeStore(settings.store, "n.example"), files)
    assert (len(many.lines[0].found), many.lines[0].more) == (100, 900)
    ((number, text),) = long.lines[0].found
    assert (number, len(text), text.find("word")) == (1, 1000, 500)


def test_what_cannot_be_read_is_named_and_the_rest_is_searched(settings: Settings, nights: Nights) -> None:
    root = nights.add(ONE, {"etc/a": b"word", "etc/sub/b": b"word", "c": b"a word"})
    index = open_index(settings, "n.example")
    (root / "etc").rename(root / "aside")
    (root / "etc").symlink_to("aside")
    looked_for = Contents("word", regex=False, ignore_case=False)
    hits = looked_for.search(NodeStore(settings.store, "n.example"), find(index, name_pattern("?")))
    assert [hit.file.path for hit in hits] == [b"/c"]
    assert looked_for.problems == [
        f"n.example: {ONE}: /etc/a: cannot be read: Not a directory",
        f"n.example: {ONE}: /etc/sub/b: cannot be read: Not a directory",
    ]


def test_a_bad_regular_expression_is_shown() -> None:
    with pytest.raises(PatternError, match="unterminated"):
        Contents("a[", regex=True, ignore_case=False)


def test_nothing_stays_open(settings: Settings, nights: Nights) -> None:
    nights.add(ONE, {f"{number}": b"word %d" % number for number in range(20)})
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert len(search(settings, "word")) == 20
    assert len(list(Path("/proc/self/fd").iterdir())) == before
