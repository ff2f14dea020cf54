"""What is rotten is found and named with all that share it, and nothing else is."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from kaizen_backups.errors import DataError
from kaizen_backups.history import History, open_history
from kaizen_backups.rebuild import rebuild
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import read_sums
from kaizen_backups.verify import Verdict, choose_share, verify

DAYS = ("2026-11-22", "2026-11-23", "2026-11-24")


@pytest.fixture
def store(settings: Settings, make_snapshot: Callable[..., Path]) -> Path:
    """Return a node's directory: three snapshots that share etc/a and have an etc/sub/b each."""
    for day in DAYS:
        root = make_snapshot(f"store/n/{day}", **{"etc/sub/b": day.encode()})
        if day != DAYS[0]:
            (root / "etc/a").unlink()
            os.link(settings.store / "n" / DAYS[0] / "etc/a", root / "etc/a")
    rebuild(settings)
    return settings.store / "n"


@pytest.fixture
def history(settings: Settings, store: Path) -> Iterator[History]:
    with open_history(settings.history_file) as history:
        yield history


def read(settings: Settings, history: History, only: str | None = None) -> Verdict:
    (verdict,) = verify(settings, history, ["n"], Snapshot.parse(only) if only else None)
    return verdict


def found(verdict: Verdict) -> list[tuple[list[str], list[str]]]:
    return [(rot.files, rot.snapshots) for rot in verdict.rotten]


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_what_is_whole_is_said_to_be(settings: Settings, history: History) -> None:
    verdict = read(settings, history)
    assert (verdict.snapshots, verdict.rotten) == (list(DAYS), [])
    assert verdict.files == 1 + 3 * 2
    assert history.rotten("n") == set()
    assert "n" in history.nodes_verified()


def test_encrypted_dumps_are_counted_since_nobody_looks_into_them(
    settings: Settings, make_snapshot: Callable[..., Path]
) -> None:
    names = {"dumps/mysql/nova.sql.zst.age": b"a", "dumps/packages.age": b"b", "dumps/tell": b"c", "etc/x.age": b"d"}
    make_snapshot("store/n/2026-11-24", **names)
    rebuild(settings)
    with open_history(settings.history_file) as history:
        verdict = read(settings, history)
    assert (verdict.rotten, verdict.encrypted, verdict.as_json()["encrypted"]) == ([], 2, 2)


def test_a_shared_file_is_named_once_with_all_that_share_it(settings: Settings, history: History, store: Path) -> None:
    flip(store / DAYS[1] / "etc/a", 3)
    verdict = read(settings, history)
    assert found(verdict) == [(["etc/a"], list(DAYS))]
    assert str(verdict.rotten[0]) == f"{', '.join(DAYS)}: etc/a does not have the sum that SHA256SUMS gives"
    assert {str(snapshot) for snapshot in history.rotten("n")} == set(DAYS)


def test_reading_one_snapshot_also_finds_the_others_that_share(
    settings: Settings, history: History, store: Path
) -> None:
    flip(store / DAYS[0] / "etc/a", 3)
    verdict = read(settings, history, DAYS[2])
    assert verdict.snapshots == [DAYS[2]]
    assert found(verdict) == [(["etc/a"], list(DAYS))]
    assert len(history.rotten("n")) == 3


def test_a_file_of_one_snapshot_is_that_ones_alone(settings: Settings, history: History, store: Path) -> None:
    flip(store / DAYS[1] / "etc/sub/b", 0)
    assert found(read(settings, history)) == [(["etc/sub/b"], [DAYS[1]])]
    assert {str(snapshot) for snapshot in history.rotten("n")} == {DAYS[1]}


def test_what_is_missing_or_too_much_is_named(settings: Settings, history: History, store: Path) -> None:
    (store / DAYS[0] / "etc/sub/b").unlink()
    (store / DAYS[1] / "more").touch()
    assert {rot.files[0] for rot in read(settings, history).rotten} == {"etc/sub/b", "more"}


def test_a_list_that_is_gone_is_named(settings: Settings, history: History, store: Path) -> None:
    (store / DAYS[0] / "SHA256SUMS").unlink()
    (rot,) = read(settings, history).rotten
    assert str(rot) == f"{DAYS[0]}: SHA256SUMS cannot be used: No such file or directory"


def test_a_file_that_was_put_in_anothers_place_is_found(settings: Settings, history: History, store: Path) -> None:
    """By its content; by its list, when that was changed as well; the history knows the list."""
    (store / DAYS[0] / "etc/sub/b").write_text("evil")
    sums = store / DAYS[0] / "SHA256SUMS"
    good = next(line for line in sums.read_text().splitlines() if line.endswith("etc/sub/b"))
    sums.write_text(sums.read_text().replace(good, "4" * 64 + "  etc/sub/b"))
    assert (["SHA256SUMS"], [DAYS[0]]) in found(read(settings, history))


@pytest.mark.parametrize("seed", range(5))
def test_a_flipped_bit_in_the_list_accuses_no_file(
    settings: Settings, history: History, store: Path, seed: int
) -> None:
    path = store / DAYS[1] / "SHA256SUMS"
    flip(path, random.Random(seed).randrange(len(path.read_bytes()) * 8))
    assert found(read(settings, history)) == [(["SHA256SUMS"], [DAYS[1]])]


def test_a_damaged_list_still_convicts_a_rotten_file(settings: Settings, history: History, store: Path) -> None:
    flip(store / DAYS[1] / "SHA256SUMS", 5)
    flip(store / DAYS[1] / "etc/sub/b", 5)
    assert {rot.files[0] for rot in read(settings, history).rotten} == {"SHA256SUMS", "etc/sub/b"}


def test_nothing_outside_is_read(settings: Settings, history: History, store: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "b").write_text(DAYS[1])
    directory = store / DAYS[1] / "etc/sub"
    (directory / "b").unlink()
    directory.rmdir()
    directory.symlink_to(tmp_path / "outside")
    (rot,) = read(settings, history).rotten
    assert (rot.files, rot.complaint) == (["etc/sub/b"], "is in SHA256SUMS and not in the snapshot")


def test_a_snapshot_that_is_pruned_meanwhile_is_left_out(
    settings: Settings, history: History, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prune_first(path: Path) -> object:
        if path.name == DAYS[0] and path.exists():
            NodeStore(settings.store, "n").discard([path])
        return original(path)

    original = read_sums
    monkeypatch.setattr("kaizen_backups.verify.read_sums", prune_first)
    verdict = read(settings, history)
    assert (verdict.snapshots, verdict.rotten) == (list(DAYS[1:]), [])


def test_a_share_is_of_those_not_read_for_longest(settings: Settings) -> None:
    nodes = [f"n{number}" for number in range(10)]
    verified = {node: f"2026-11-{number + 10}T00:00:00Z" for number, node in enumerate(nodes) if number}
    assert choose_share(nodes, verified, Fraction(1, 28)) == ["n0"]
    assert choose_share(nodes, verified, Fraction(1, 4)) == ["n0", "n1", "n2"]
    assert choose_share([], {}, Fraction(1, 28)) == []


def test_daily_shares_read_everything_once_in_as_many_days() -> None:
    nodes = {f"n{number}" for number in range(100)}
    verified: dict[str, str] = {}
    for day in range(28):
        chosen = choose_share(nodes, verified, Fraction(1, 28))
        verified.update(dict.fromkeys(chosen, f"{day:04}"))
    assert verified.keys() == nodes


def test_two_hundred_flipped_bits_are_all_found_and_no_other_file_is_accused(
    settings: Settings, make_snapshot: Callable[..., Path]
) -> None:
    """In as many different files (a tenth by default): contents, lists and infos, shared and not."""
    flips = 200 if os.environ.get("KAIZEN_FAULTS") == "full" else 20
    chance = random.Random(6)
    for node in range(flips // 10):
        for day in DAYS:
            files = {f"d{n % 7}/f{n}": bytes(chance.randbytes(1 + n * 37 % 5000)) for n in range(40)}
            make_snapshot(f"store/n{node}/{day}", **files)
            first = settings.store / f"n{node}" / DAYS[0]
            for path in (settings.store / f"n{node}" / day).glob("etc/**/*"):
                if path.is_file() and day != DAYS[0]:
                    path.unlink()
                    os.link(first / path.relative_to(settings.store / f"n{node}" / day), path)
    rebuild(settings)
    files_by_inode = {path.stat().st_ino: path for path in sorted(settings.store.rglob("*")) if path.is_file()}
    victims = chance.sample(sorted(files_by_inode), flips)
    for victim in victims:
        path = files_by_inode[victim]
        flip(path, chance.randrange(path.stat().st_size * 8))
    nodes = [path.name for path in settings.store.iterdir()]
    with open_history(settings.history_file) as history:
        named = [
            (settings.store / verdict.node / rot.snapshots[0] / rot.files[0]).stat().st_ino
            for verdict in verify(settings, history, nodes)
            for rot in verdict.rotten
        ]
    assert sorted(named) == sorted(victims)


def test_a_snapshot_that_is_replaced_by_a_good_one_meanwhile_accuses_nobody(
    settings: Settings,
    history: History,
    store: Path,
    make_snapshot: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = NodeStore(settings.store, "n").snapshots()[0]

    def replace_first(path: Path) -> object:
        if path.name == DAYS[0] and not (store / ".partial-x").exists():
            make_snapshot("store/n/.partial-x", **{"etc/sub/b": DAYS[0].encode()})
            NodeStore(settings.store, "n").replace(store / ".partial-x", first)
            make_snapshot("store/n/.partial-x")
            raise DataError("SHA256SUMS: No such file or directory")
        return original(path)

    original = read_sums
    monkeypatch.setattr("kaizen_backups.verify.read_sums", replace_first)
    verdict = read(settings, history)
    assert (verdict.snapshots, verdict.rotten) == (list(DAYS[1:]), [])


def test_what_is_published_meanwhile_and_shares_a_rotten_file_is_named(
    settings: Settings, history: History, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = "2026-11-29"
    flip(store / DAYS[0] / "etc/a", 3)

    def publish(path: Path) -> object:
        if not (store / new).exists():
            shutil.copytree(store / DAYS[-1], store / new, copy_function=os.link)
        return original(path)

    original = read_sums
    monkeypatch.setattr("kaizen_backups.verify.read_sums", publish)
    assert found(read(settings, history)) == [(["etc/a"], [*DAYS, new])]


def test_a_node_that_cannot_be_read_is_named_and_the_others_are_read(
    settings: Settings, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(node: NodeStore) -> list[Snapshot]:
        if node.directory.name == "bad":
            raise OSError(5, "Input/output error")
        return original(node)

    original = NodeStore.snapshots
    monkeypatch.setattr(NodeStore, "snapshots", failing)
    verdicts = {verdict.node: verdict for verdict in verify(settings, history, ["bad", "n"])}
    assert "cannot be read: Input/output error" in str(verdicts["bad"].rotten[0])
    assert history.nodes_verified().keys() == {"n"}, "what was not read is the next to be read"
    assert verdicts["n"].rotten == []
