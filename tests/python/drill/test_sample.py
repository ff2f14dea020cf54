"""Which files are compared with the live node, and what its answers are taken for."""

import os
from pathlib import Path
from random import Random

import pytest

from kaizen_backups.drill import sample as module
from kaizen_backups.drill.sample import Sampled, judge, records, stamp, take_sample
from kaizen_backups.errors import DataError
from kaizen_backups.restore.check import Whole
from kaizen_backups.restore.contents import gather, opened

DIGEST = bytes(range(32))
SAMPLE = [Sampled(name, 5, 7, DIGEST) for name in (b"etc/a", b"etc/b\n c", b"etc/d")]
SAME = DIGEST.hex()
OTHER = "0" * 64


def sampled(root: Path, seed: int = 1) -> list[Sampled]:
    with opened(root) as descriptor:
        contents = gather(descriptor, [b""], lambda _: b"")
        whole = Whole(contents, dict.fromkeys(contents.entries, DIGEST))
        return take_sample(descriptor, whole, Random(seed))


def test_a_sample_has_regular_files_alone_with_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/new\nline").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("d")
    os.utime(tmp_path / "d/new\nline", ns=(0, 1_600_000_000_123_456_789))
    (file,) = sampled(tmp_path)
    assert file == (b"d/new\nline", 5, 1_600_000_000_123_456_789, DIGEST)
    assert list(records([file])) == [b"5 1600000000.123456789 /d/new\nline", b"end of data"]


def test_a_sample_has_a_bound_and_is_another_each_time(tmp_path: Path) -> None:
    for number in range(module.MOST_FILES + 100):
        (tmp_path / str(number)).touch()
    samples = [{file.name for file in sampled(tmp_path, seed)} for seed in (1, 1, 2)]
    assert {len(one) for one in samples} == {module.MOST_FILES}
    assert samples[0] == samples[1] != samples[2]


def test_together_the_files_are_no_larger_than_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    for size in (30, 40, 50, 101):
        (tmp_path / str(size)).write_bytes(bytes(size))
    for seed in range(20):
        sizes = {file.size for file in sampled(tmp_path, seed)}
        assert len(sizes) == 2
        assert sum(sizes) <= 100


@pytest.mark.parametrize(
    ("time", "text"),
    [(0, "0.000000000"), (1_600_000_000_000_000_001, "1600000000.000000001"), (-1_500_000_000, "-1.500000000")],
)
def test_a_time_is_written_as_stat_writes_it(time: int, text: str) -> None:
    assert stamp(time) == text


def test_what_is_unchanged_must_be_the_same() -> None:
    found = judge(SAMPLE, f"0 {SAME}\n1 {OTHER}\n2 unread\ndone\n")
    assert (found.same, found.unchanged) == (1, 3)
    assert found.problems == [
        "/etc/b\\n c has another content on the live node, and the same size and time: one of the two is damaged",
        "/etc/d cannot be read on the live node any more",
    ]
    assert found.told() == "compared 3 of 3 files with the live node: 2 not the same"


def test_what_was_changed_or_is_gone_only_counts() -> None:
    found = judge(SAMPLE, f"0 changed\n1 {SAME}\n2 gone\ndone\n")
    assert found.problems == []
    assert found.told() == "compared 1 of 3 files with the live node: all the same; 1 changed and 1 gone since"
    assert found.as_json() == {"files": 3, "same": 1, "changed": 1, "gone": 1, "not_done": None}


def test_that_nothing_is_unchanged_is_said() -> None:
    found = judge(SAMPLE, "0 changed\n1 changed\n2 changed\ndone\n")
    assert found.problems == []
    assert found.told() == "compared 0 of 3 files with the live node: none is as it was; 3 changed since"


def test_of_many_that_are_not_the_same_some_are_named() -> None:
    sample = [Sampled(b"%d" % number, 1, 1, DIGEST) for number in range(30)]
    found = judge(sample, "".join(f"{number} {OTHER}\n" for number in range(30)) + "done\n")
    assert len(found.problems) == 11
    assert found.problems[-1] == "and 20 more are not the same on the live node"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "\n",
        "done",
        "done\n",
        "done\n\n",
        "0 gone\n1 gone\n2 gone\n",
        "0 gone\n1 gone\n2 gone\ndone",
        "0 gone\n1 gone\ndone\n",
        "0 gone\n1 gone\n2 gone\n3 gone\ndone\n",
        "0 gone\n1 gone\n1 gone\ndone\n",
        "0 gone\n2 gone\n1 gone\ndone\n",
        "0 gone\n1 gone\n02 gone\ndone\n",
        "0 gone\n1 gone\n٢ gone\ndone\n",
        "0 gone\n1 gone\n-2 gone\ndone\n",
        "0 gone\n1 gone\n2 gone \ndone\n",
        "0 gone\n1 gone\n2  gone\ndone\n",
        "0 gone\n1 gone\n2 gone\r\ndone\n",
        "welcome\n0 gone\n1 gone\n2 gone\ndone\n",
        "0 gone\n1 gone\n2 gone\ndone\ndone\n",
        "0 gone\n1 gone\n2 gone\nfine\n",
        "0 gone\n1 gone\n2 fine\ndone\n",
        f"0 gone\n1 gone\n2 {SAME[1:]}\ndone\n",
        f"0 gone\n1 gone\n2 {SAME}0\ndone\n",
        f"0 gone\n1 gone\n2 {SAME.upper()}\ndone\n",
    ],
)
def test_anything_else_is_no_answer(said: str) -> None:
    with pytest.raises(DataError, match="no answer to what it was asked"):
        judge(SAMPLE, said)
