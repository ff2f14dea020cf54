"""The index is always what the store is: whatever became of its file, and whatever became of the store."""

import os
import sqlite3
import stat
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.search.index import forget_nodes, open_index
from kaizen_backups.settings import Settings
from stored import Nights

Spans = dict[str, list[tuple[str, str]]]
Ask = Callable[..., Spans]
ONE, TWO, THREE = "2026-11-22", "2026-11-23", "2026-11-24"


@pytest.fixture
def two_nights(nights: Nights) -> Spans:
    """Make two nights, and return what there is to be said of a file."""
    nights.add(ONE, {"etc/a": b"1", "etc/b": b"b"})
    nights.add(TWO, {"etc/a": b"2", "etc/b": b"b"})
    return {"/etc/a": [(TWO, TWO), (ONE, ONE)]}


def read_now(settings: Settings, nights: Nights) -> list[str]:
    """Return the snapshots that have to be read for the index."""
    read: list[str] = []
    open_index(settings, nights.node, lambda _node, snapshot, _number, _total: read.append(snapshot))
    return read


def test_what_is_indexed_is_not_read_again(settings: Settings, nights: Nights, two_nights: Spans, ask: Ask) -> None:
    assert read_now(settings, nights) == [ONE, TWO]
    assert read_now(settings, nights) == []
    nights.add(THREE, {"etc/a": b"2"})
    assert read_now(settings, nights) == [THREE]
    assert read_now(settings, nights) == []
    nights.remove(ONE)
    assert read_now(settings, nights) == []
    assert ask("a") == {"/etc/a": [(TWO, THREE)]}


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "junk": lambda path: path.write_bytes(os.urandom(50_000)),
    "cut short": lambda path: os.truncate(path, path.stat().st_size - 1000),
    "a symlink to nothing": lambda path: path.rename(path.with_name("x")).with_name("n.example.sqlite").symlink_to("y"),
    "of another release": lambda path: path.write_bytes(of_release(99, path.read_bytes())),
    "of another program": lambda path: change(path, "DROP TABLE versions"),
    "changed by another program": lambda path: change(path, "UPDATE versions SET first = 2"),
}


def change(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute(statement)
    db.close()


def of_release(number: int, data: bytes) -> bytes:
    """Return an index as another release would have written it, its checksum (see the file format) included."""
    data = data[:60] + number.to_bytes(4) + data[64:68] + bytes(4) + data[72:]
    return data[:68] + zlib.crc32(data).to_bytes(4) + data[72:]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_made_anew_without_a_word(
    index_file: Path, two_nights: Spans, ask: Ask, damage: str
) -> None:
    assert ask("a") == two_nights
    good = index_file.read_bytes()
    DAMAGES[damage](index_file)
    assert ask("a") == two_nights
    assert index_file.read_bytes() == good


def test_no_flipped_bit_is_believed(index_file: Path, two_nights: Spans, ask: Ask) -> None:
    ask("a")
    good = index_file.read_bytes()
    for place in range(0, len(good), max(1, len(good) // 200)):
        bad = bytearray(good)
        bad[place] ^= 1
        index_file.write_bytes(bad)
        assert ask("a") == two_nights
        assert index_file.read_bytes() == good


def test_names_are_for_root_alone(index_file: Path, two_nights: Spans, ask: Ask) -> None:
    old = os.umask(0)
    try:
        index_file.parent.mkdir(parents=True)
        ask("a")
    finally:
        os.umask(old)
    assert stat.S_IMODE(index_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(index_file.parent.stat().st_mode) == 0o700


def test_an_index_that_cannot_be_kept_is_an_answer_all_the_same(
    settings: Settings, nights: Nights, two_nights: Spans
) -> None:
    settings.state.write_bytes(b"no directory")
    index = open_index(settings, nights.node)
    assert list(index.snapshots.values()) == [ONE, TWO]
    assert index.unsaved
    assert str(settings.index_directory) in index.unsaved


def test_what_a_killed_program_left_goes_after_an_hour(index_file: Path, two_nights: Spans, ask: Ask) -> None:
    index_file.parent.mkdir(parents=True)
    old, new = (index_file.with_name(f".{index_file.name}.{end}") for end in ("old", "new"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    ask("a")
    assert (old.exists(), new.exists()) == (False, True)


def test_two_programs_at_once_both_say_what_is_so(
    settings: Settings, nights: Nights, two_nights: Spans, ask: Ask
) -> None:
    """And what they leave is whole."""
    wrong: list[object] = []

    def work() -> None:
        for _ in range(10):
            index = open_index(settings, nights.node)
            if list(index.snapshots.values()) != [ONE, TWO] or index.problems or index.unsaved:
                wrong.append(index)
            (settings.index_directory / f"{nights.node}.sqlite").unlink(missing_ok=True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert ask("a") == two_nights


def test_the_index_of_a_node_that_is_gone_goes(
    settings: Settings, index_file: Path, two_nights: Spans, ask: Ask
) -> None:
    ask("a")
    forget_nodes(settings, ["n.example", "other"])
    assert index_file.exists()
    forget_nodes(settings, ["n.example.org"])
    assert not index_file.exists()
