"""Tables look the same whoever prints them."""

import re

import pytest

from kaizen_backups.cli.table import print_table

HEADER = ["NODE", "WHAT IS WRONG", "KEPT"]
ROWS = [["one.example", "", "3"], ["日本.example", "a [b]c[/b] \\n", "12"], ["x", "y" * 200, ""]]


def test_what_reads_a_pipe_gets_what_a_terminal_would_show_without_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_table(HEADER, ROWS)
    plain = capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "1000")
    print_table(HEADER, ROWS)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert plain.splitlines() == [line.rstrip() for line in shown.splitlines()]
    assert len(plain.splitlines()) == 4


def test_a_row_is_one_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["A", "B"], [["x" * 3000, "y"]])
    assert len(capsys.readouterr().out.splitlines()) == 2
