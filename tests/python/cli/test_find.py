"""`kaizen find` and `kaizen history`, as a user runs them."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kaizen_backups.settings import Settings
from stored import Nights

KAIZEN = Path(sys.executable).with_name("kaizen")
ONE, TWO, THREE = "2026-11-22", "2026-11-23", "2026-11-24"


@pytest.fixture
def config(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "collector.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    return path


@pytest.fixture(autouse=True)
def stored(settings: Settings) -> Nights:
    """Make two nodes: one with three nights, one with two."""
    nights = Nights(settings.store, "one.example")
    nights.add(ONE, {"etc/a.conf": b"x = 1\n", "etc/gone": b"", "etc/new\nline": b""})
    nights.add(TWO, {"etc/a.conf": b"x = 2\n", "etc/new\nline": b""})
    nights.add(THREE, {"etc/a.conf": b"x = 2\n", "etc/new\nline": b""})
    (nights.directory / THREE / "etc/link").symlink_to("a.conf")
    other = Nights(settings.store, "two.example")
    for day in (TWO, THREE):
        other.add(day, {"srv/a.conf": b"y = 1\n"})
    return nights


def kaizen(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    command = [str(KAIZEN), "--config", str(config), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert "Traceback" not in result.stderr
    return result


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def cells(output: str) -> list[list[str]]:
    return [re.split("  +", line) for line in output.splitlines()]


def test_a_name_is_found_on_all_nodes_with_its_versions_the_newest_first(config: Path) -> None:
    result = kaizen(config, "find", "a.conf")
    assert (result.returncode, result.stderr) == (0, "")
    modified = "2023-11-14 22:13:20"
    assert cells(result.stdout) == [
        ["NODE", "PATH", "SNAPSHOTS", "SIZE", "MODIFIED (UTC)", "CONTENT"],
        ["one.example", "/etc/a.conf", f"{TWO} .. {THREE}", "6 B", modified, digest(b"x = 2\n")],
        ["one.example", "/etc/a.conf", ONE, "6 B", modified, digest(b"x = 1\n")],
        ["two.example", "/srv/a.conf", f"{TWO} .. {THREE}", "6 B", modified, digest(b"y = 1\n")],
    ]


def test_nodes_and_days_can_be_chosen(config: Path) -> None:
    assert kaizen(config, "find", "*.conf", "--node", "two.example").stdout.count("\n") == 2
    both = kaizen(config, "find", "*.conf", "--node", "two.example", "--node", "one.example")
    assert both.stdout.count("\n") == 4
    assert kaizen(config, "find", "*.conf", "--since", TWO).stdout.count("\n") == 3


def test_what_is_no_file_says_what_it_is(config: Path) -> None:
    rows = cells(kaizen(config, "find", "--regex", "/(etc|link)$").stdout)
    assert [(row[1], row[3], row[-1]) for row in rows[1:]] == [
        ("/etc/", "-", "directory"),
        ("/etc/link", "-", "-> a.conf"),
    ]


def test_a_name_with_a_newline_is_shown_in_one_line(config: Path) -> None:
    out = kaizen(config, "find", "new*").stdout
    assert r"one.example  /etc/new\nline  2026-11-22 .. 2026-11-24" in out
    assert out.count("\n") == 2
    (line,) = kaizen(config, "find", "new*", "--json").stdout.splitlines()
    assert json.loads(line)["path"] == "/etc/new\nline"


def test_nothing_found_is_said_and_is_no_failure(config: Path) -> None:
    for arguments in (["nowhere"], ["nowhere", "--json"], ["--contents", "nowhere"]):
        result = kaizen(config, "find", *arguments)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "kaizen: nothing found\n")


def test_a_node_that_is_not_stored_is_named(config: Path) -> None:
    for arguments in (["find", "x", "--node", "three.example"], ["history", "three.example", "/x"]):
        result = kaizen(config, *arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("kaizen: three.example: nothing of it is stored")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["find"], "Missing argument 'PATTERN'"),
        (["find", ""], "the pattern is empty"),
        (["find", "etc[a"], "[ without ]; [[] stands for a bracket\n  etc[a\n     ^\n"),
        (["find", "--regex", "a(b"], "missing ), unterminated subpattern\n  a(b\n   ^\n"),
        (["find", "--contents", "--regex", "a(b"], "\n   ^\n"),
        (["find", "--contents", "a\nb"], "PATTERN is searched in each line"),
        (["find", "--contents", ""], "PATTERN is searched in each line"),
        (["find", "x", "--name", "y"], "--name belongs to --contents"),
        (["find", "x", "--since", "last summer"], "must be a day, such as 2026-11-24"),
        (["history"], "Missing argument 'NODE'"),
        (["history", "one.example"], "Missing argument 'PATH'"),
        (["history", "one.example", "/etc/a.conf", ONE, TWO], "may follow --diff"),
        (["history", "one.example", "/etc/a.conf", "--diff", ONE], "may follow --diff"),
        (["history", "one.example", "/etc/a.conf", "--diff", "--json"], "do not go together"),
        (["history", "rebuild", "--fast"], "No such option"),
    ],
)
def test_a_wrong_usage_exits_2_and_shows_where(config: Path, arguments: list[str], complaint: str) -> None:
    result = kaizen(config, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_contents_are_shown_by_line(config: Path) -> None:
    result = kaizen(config, "find", "--contents", "x =", "--name", "*.conf")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"one.example  /etc/a.conf  {TWO} .. {THREE}  (6 B, ")
    assert lines[1] == "     1: x = 2"
    assert lines[3] == "     1: x = 1"
    (line,) = kaizen(config, "find", "--contents", "x = 1", "--json").stdout.splitlines()
    assert json.loads(line)["versions"][0]["lines"] == [{"number": 1, "text": "x = 1"}]


def test_contents_that_speak_to_the_terminal_are_spelt_out(config: Path, stored: Nights) -> None:
    stored.add("2026-11-25", {"evil": b"word \x1b[2J \xff\r"})
    assert kaizen(config, "find", "--contents", "word").stdout.splitlines()[1] == r"     1: word \x1b[2J \xff\r"


def test_the_history_of_a_file_says_when_each_version_came_and_went(config: Path) -> None:
    for path in ("/etc/a.conf", "etc/a.conf"):
        result = kaizen(config, "history", "one.example", path)
        assert (result.returncode, result.stderr) == (0, "")
        rows = cells(result.stdout)
        assert rows[0] == ["FIRST", "LAST", "GONE IN", "SIZE", "MODIFIED (UTC)", "MODE", "OWNER", "CONTENT"]
        assert [row[:3] for row in rows[1:]] == [[TWO, THREE, "-"], [ONE, ONE, TWO]]
    data = json.loads(kaizen(config, "history", "one.example", "/etc/gone", "--json").stdout)
    assert (data["path"], data["versions"][0]["gone"]) == ("/etc/gone", TWO)


def test_two_versions_are_compared(config: Path) -> None:
    change = "@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    header = f"--- /etc/a.conf\t{ONE}\n+++ /etc/a.conf\t{THREE}\n"
    assert kaizen(config, "history", "one.example", "/etc/a.conf", "--diff").stdout == header + change
    asked = kaizen(config, "history", "--diff", "one.example", "/etc/a.conf", TWO, ONE).stdout
    assert asked.endswith("-x = 2\n+x = 1\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["/etc/nowhere"], "one.example: /etc/nowhere is in no snapshot"),
        (["/etc/new\nline", "--diff"], r"one.example: /etc/new\nline has only one version"),
        (["/etc/a.conf", "--diff", ONE, "2026-11-01"], "one.example: there is no snapshot 2026-11-01"),
        (["/etc/gone", "--diff", ONE, TWO], f"one.example: {TWO} does not have /etc/gone"),
    ],
)
def test_what_is_not_there_is_named(config: Path, arguments: list[str], complaint: str) -> None:
    result = kaizen(config, "history", "one.example", *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"kaizen: {complaint}")


def test_the_record_can_still_be_rebuilt_also_beside_a_node_of_that_name(config: Path, settings: Settings) -> None:
    assert kaizen(config, "history", "rebuild").stdout == "5 snapshots put on record\n"
    Nights(settings.store, "rebuild").add(ONE, {"a": b""})
    assert ONE in kaizen(config, "history", "rebuild", "/a").stdout


def test_what_could_not_be_read_is_named_and_exits_1(config: Path, stored: Nights) -> None:
    (stored.directory / TWO / "SHA256SUMS").unlink()
    result = kaizen(config, "find", "a.conf")
    assert result.returncode == 1
    assert result.stderr.startswith(f"kaizen: one.example: {TWO}: SHA256SUMS: No such file")
    assert result.stdout.count("\n") == 4


def test_an_index_that_cannot_be_kept_is_said_once_and_answers_all_the_same(config: Path, settings: Settings) -> None:
    good = kaizen(config, "find", "*").stdout
    for path in settings.index_directory.iterdir():
        path.unlink()
    settings.index_directory.rmdir()
    settings.index_directory.touch()
    result = kaizen(config, "find", "*")
    assert (result.returncode, result.stdout) == (0, good)
    assert result.stderr.startswith("kaizen: the index cannot be kept, so each search reads the snapshots again: ")
    assert len(result.stderr.splitlines()) == 1
