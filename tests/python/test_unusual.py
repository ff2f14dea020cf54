"""What is unlike a node's own nights before is named, with the numbers; what is only a little different is not."""

import pytest

from kaizen_backups.unusual import NIGHTS, Measured, unusual

GIB = 1 << 30
USUAL = Measured(1000, 4 * GIB, 50, {"mysql/nova.sql.zst": 1 << 20})
WEEKS = [USUAL] * 14


def test_a_night_like_those_before_is_not_unusual() -> None:
    assert unusual(USUAL, WEEKS) == []
    assert unusual(Measured(700, 3 * GIB, 300, {"mysql/nova.sql.zst": 600_000}), WEEKS) == []


def test_less_than_half_is_named_and_a_little_more_is_not() -> None:
    assert unusual(Measured(1000, 2 * GIB + 1, 50, USUAL.dumps), WEEKS) == []
    assert unusual(Measured(1000, 2 * GIB - 1, 50, USUAL.dumps), WEEKS) != []


def test_a_node_on_which_much_changes_every_night_may_change_all() -> None:
    busy = Measured(1000, 4 * GIB, 400)
    assert unusual(Measured(1000, 4 * GIB, 1000), [busy] * 14) == []


@pytest.mark.parametrize("nights", [0, 1, 3])
def test_a_node_has_no_habits_yet_in_its_first_nights(nights: int) -> None:
    assert unusual(Measured(1, 1, 1), WEEKS[:nights]) == []


@pytest.mark.parametrize(
    ("night", "words"),
    [
        (Measured(1000, GIB, 50, USUAL.dumps), "much smaller: 1.0 GiB, where 4.0 GiB are usual"),
        (Measured(300, 4 * GIB, 50, USUAL.dumps), "far fewer files: 300, where 1000 are usual"),
        (
            Measured(1000, 4 * GIB, 990, USUAL.dumps),
            "nearly everything changed: 99% of 1000 files, where 5% are usual",
        ),
        (
            Measured(1000, 4 * GIB, 50, {"mysql/nova.sql.zst": 9000}),
            "dump mysql/nova.sql.zst shrank: 8.8 KiB, where 1.0 MiB are usual",
        ),
        (Measured(1000, 4 * GIB, 50), "dump mysql/nova.sql.zst is gone, which had 1.0 MiB"),
    ],
)
def test_what_is_unusual_is_said_with_its_numbers(night: Measured, words: str) -> None:
    assert unusual(night, WEEKS) == [words]


def test_a_dump_is_the_same_one_when_it_is_encrypted_from_some_night_on() -> None:
    size = USUAL.dumps["mysql/nova.sql.zst"]
    encrypted = Measured(1000, 4 * GIB, 50, {"mysql/nova.sql.zst.age": size + 300})
    assert unusual(encrypted, WEEKS) == []
    assert unusual(USUAL, [encrypted] * 14) == []
    smaller = Measured(1000, 4 * GIB, 50, {"mysql/nova.sql.zst.age": 9000})
    assert unusual(smaller, WEEKS) == ["dump mysql/nova.sql.zst shrank: 8.8 KiB, where 1.0 MiB are usual"]


def test_half_of_next_to_nothing_is_not_worth_a_word() -> None:
    small = Measured(10, 2000, 2, {"x": 900})
    assert unusual(Measured(2, 300, 2, {"x": 20}), [small] * 10) == []


def test_one_odd_night_does_not_become_the_measure() -> None:
    assert unusual(USUAL, [Measured(1, 1, 1), *WEEKS]) == []


def test_a_dump_that_came_only_now_and_then_is_not_missed() -> None:
    without = Measured(1000, 4 * GIB, 50)
    assert unusual(without, [USUAL, without, USUAL, without, *WEEKS]) == []


def test_a_dump_that_was_gone_for_a_night_is_missed_when_it_goes_again() -> None:
    without = Measured(1000, 4 * GIB, 50)
    said = played(without, USUAL, USUAL, without, without)
    assert [bool(words) for words in said] == [True, False, False, True, True]


def test_days_without_any_change_are_named_on_a_node_that_always_changes() -> None:
    still = Measured(1000, 4 * GIB, 2, USUAL.dumps)  # backup.info and the dump are new
    assert unusual(still, [still, *WEEKS]) == []
    assert unusual(still, [still, still, *WEEKS]) == ["nothing has changed for 3 nights, where something always did"]
    assert unusual(USUAL, [still, still, *WEEKS]) == []
    assert unusual(still, [still] * 14) == []


def played(*nights: Measured) -> list[list[str]]:
    """Return what is said in each of the nights, which come after weeks like the usual one."""
    before, said = [USUAL] * 30, []
    for night in nights:
        said.append(unusual(night, before[:NIGHTS]))
        before.insert(0, night)
    return said


def test_what_stands_still_is_named_every_night_for_a_month() -> None:
    still = Measured(1000, 4 * GIB, 2, USUAL.dumps)
    said = played(*[still] * 30, USUAL)
    assert said[:2] == [[], []]
    assert said[2:-1] == [[f"nothing has changed for {n} nights, where something always did"] for n in range(3, 31)]
    assert said[-1] == []


def test_a_dump_that_is_gone_is_named_for_a_week_and_more_and_then_is_usual() -> None:
    without = Measured(1000, 4 * GIB, 50)
    said = played(*[without] * 20)
    assert all(words == ["dump mysql/nova.sql.zst is gone, which had 1.0 MiB"] for words in said[:8])
    assert said[-1] == []


def test_a_node_that_often_rests_may_rest() -> None:
    still = Measured(1000, 4 * GIB, 2, USUAL.dumps)
    assert unusual(still, [still, still, USUAL, USUAL, still, *WEEKS]) == []
