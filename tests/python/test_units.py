"""Sizes and windows of the day, as they are written."""

from datetime import time

import pytest

from kaizen_backups.units import in_window, parse_clock, parse_size, show_size, size


@pytest.mark.parametrize(
    ("written", "count"), [("0", 0), (17, 17), ("20k", 20480), ("20M", 20 << 20), ("3g", 3 << 30), ("2t", 2 << 40)]
)
def test_sizes(written: object, count: int) -> None:
    assert parse_size(written) == count
    assert parse_size(show_size(count)) == count


@pytest.mark.parametrize("written", ["", "m", "-1", "1.5g", "20mb", "20 m", True, None, "٢", "9" * 20])
def test_what_is_no_size(written: object) -> None:
    with pytest.raises(ValueError, match="number of bytes"):
        parse_size(written)


def test_sizes_for_people() -> None:
    assert [size(n) for n in (None, 0, 1023, 1024, 1 << 50)] == ["-", "0 B", "1023 B", "1.0 KiB", "1024.0 TiB"]


def test_times_of_day() -> None:
    assert parse_clock("06:05") == time(6, 5)
    for written in ("6:05", "24:00", "06:60", "06:05:00", "", "now"):
        with pytest.raises(ValueError, match="time of day"):
            parse_clock(written)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("07:00-19:00", ["07:00", "18:59"], ["06:59", "19:00", "00:00"]),
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "21:59"]),
        ("00:00-00:00", ["00:00", "12:00", "23:59"], []),
    ],
)
def test_windows(window: str, inside: list[str], outside: list[str]) -> None:
    assert all(in_window(window, parse_clock(now)) for now in inside)
    assert not any(in_window(window, parse_clock(now)) for now in outside)
