"""`kaizen restore` as an operator runs it: what it says, what it asks, how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kaizen_backups.rebuild import rebuild
from kaizen_backups.settings import Settings

KAIZEN = Path(sys.executable).with_name("kaizen")
NODE = "one.example"


@pytest.fixture
def config(settings: Settings, tmp_path: Path, make_snapshot: Callable[..., Path]) -> Path:
    for date in ("2026-11-22", "2026-11-23"):
        make_snapshot(f"store/{NODE}/{date}", **{"etc/old": b"old"})
    make_snapshot(f"store/{NODE}/2026-11-24", **{f"many/{number:03}": b"x" for number in range(30)})
    path = tmp_path / "collector.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    rebuild(settings)
    return path


def line(config: Path, *arguments: str) -> list[str]:
    return [str(KAIZEN), "--config", str(config), "restore", *arguments]


def restore(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line(config, *arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=config.parent,
        stdin=subprocess.DEVNULL,
    )


class Terminal:
    """A restore with a person in front of it."""

    def __init__(self, config: Path, *arguments: str) -> None:
        self._end, inside = pty.openpty()
        environment = {**os.environ, "TERM": "xterm"}
        self._process = subprocess.Popen(
            line(config, *arguments), stdin=inside, stdout=inside, stderr=inside, cwd=config.parent, env=environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(inside)
        self.said = ""

    def wait_for(self, words: str) -> None:
        while words not in self.said:
            self.said += os.read(self._end, 4096).decode()

    def answer(self, text: str) -> None:
        os.write(self._end, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until it ends: between a prompt and the wait for its answer, Python does not hear it."""
        while self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            time.sleep(0.2)

    def end(self) -> int:
        try:
            while chunk := os.read(self._end, 4096):
                self.said += chunk.decode()
        except OSError:
            pass  # nobody has the other end any more
        return self._process.wait()


def test_it_ends_by_saying_what_was_restored_from_where_to_where_and_how_much_is_verified(config: Path) -> None:
    done = restore(config, NODE, "/etc", "--yes")
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last == f"{config.parent}/{NODE}-2026-11-24: 4 created; 2 files verified, from {NODE} 2026-11-24"
    assert done.stderr == ""
    assert (config.parent / f"{NODE}-2026-11-24/etc/sub/b").read_bytes() == b"two\n"


def test_of_many_names_the_first_are_shown_unless_all_are_wanted(config: Path) -> None:
    some = restore(config, NODE, "/many", "--dry-run").stdout
    assert "create 31 (30 B):\n  /many/\n  /many/000\n" in some
    assert "  and 11 more (-v names all)\n" in some
    assert "  /many/029\n" in restore(config, NODE, "/many", "--dry-run", "-v").stdout


def test_a_dry_run_touches_nothing(config: Path) -> None:
    before = sorted(config.parent.rglob("*"))
    assert restore(config, NODE, "/", "--dry-run").returncode == 0
    assert sorted(config.parent.rglob("*")) == before


def test_json_is_one_object_of_plan_and_result(config: Path) -> None:
    said = json.loads(restore(config, NODE, "/etc", "--to", "x", "--yes", "--json").stdout)
    assert (said["node"], said["snapshot"], said["to"]) == (NODE, "2026-11-24", f"{config.parent}/x")
    assert said["create"] == ["etc", "etc/a", "etc/sub", "etc/sub/b"]
    assert said["restored"] == {"created": 4, "overwritten": 0, "attributes": 0, "deleted": 0, "verified": 2}
    assert json.loads(restore(config, NODE, "/etc", "--to", "x", "--dry-run", "--json").stdout)["restored"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([NODE, "/etc"], 2, "there is nobody to ask"),
        ([NODE], 2, "Missing argument"),
        ([NODE, "etc", "--yes"], 2, "PATH must be an absolute path"),
        ([NODE, "/", "--exact", "--yes"], 2, "name directories"),
        ([NODE, "/etc", "--exact", "--except", "/etc/a", "--yes"], 2, "--exact would delete what --except leaves out"),
        ([NODE, "/etc", "--except", "/etc", "--yes"], 2, "--except /etc is not below what is to be restored"),
        ([NODE, "/etc", "--except", "/many/000", "--yes"], 2, "/many/000 is not below what is to be restored"),
        ([NODE, "/etc", "--except", "/etc/b", "--yes"], 1, "/etc/b is not in 2026-11-24"),
        ([NODE, "/etc", "--to", "one:relative", "--yes"], 2, "must be HOST:/DIR"),
        ([NODE, "/etc", "--to", "-oProxyCommand=touch evil:/", "--yes"], 2, "must be HOST:/DIR"),
        (["two.example", "/etc", "--yes"], 1, "two.example: nothing of it is stored"),
        ([NODE, "/etc/old", "--yes"], 1, "/etc/old is not in 2026-11-24; it is in 2026-11-22, 2026-11-23"),
        ([NODE, "/etc", "--at", "2026-11-20", "--yes"], 1, "there are 2026-11-22, 2026-11-23, 2026-11-24"),
    ],
)
def test_what_can_not_be_done_is_refused_in_words(
    config: Path, arguments: list[str], code: int, complaint: str
) -> None:
    done = restore(config, *arguments)
    assert done.returncode == code
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in config.parent.iterdir() if path.name.startswith((NODE, "x", "evil"))]


def test_what_is_left_out_is_neither_written_nor_checked(config: Path, settings: Settings) -> None:
    (settings.store / NODE / "2026-11-24/etc/a").write_bytes(b"rot\n")
    done = restore(config, NODE, "/", "--except", "/etc/a", "--except", "/many", "--to", "x", "--yes")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (config.parent / "x").rglob("*")) == ["b", "etc", "sub"]


def test_rot_is_refused_with_65_and_the_way_out_is_named(config: Path, settings: Settings) -> None:
    (settings.store / NODE / "2026-11-24/etc/a").write_bytes(b"rot\n")
    done = restore(config, NODE, "/etc/a", "--yes")
    assert done.returncode == 65
    assert "2026-11-24: /etc/a does not have its sum any more" in done.stderr
    assert "--at 2026-11-23 is the newest older snapshot" in done.stderr


def test_a_list_that_was_tampered_with_is_refused_with_65(config: Path, settings: Settings) -> None:
    with (settings.store / NODE / "2026-11-24/SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  etc/never\n")
    done = restore(config, NODE, "/etc/a", "--yes")
    assert done.returncode == 65
    assert "SHA256SUMS is not what was collected" in done.stderr


def test_without_a_history_files_can_be_had_and_that_is_said(config: Path, settings: Settings) -> None:
    for broken in (True, False):
        if broken:
            settings.history_file.write_bytes(b"no database" * 500)
        else:
            settings.history_file.unlink()
        done = restore(config, NODE, "/etc/a", "--yes")
        assert done.returncode == 0
        assert "whether SHA256SUMS is what was collected cannot be told" in done.stderr
    assert not settings.history_file.exists()


def test_a_person_sees_the_plan_and_is_asked(config: Path) -> None:
    terminal = Terminal(config, NODE, "/etc", "--to", "x")
    terminal.wait_for("do this? [y/N]")
    assert "/etc/sub/b" in terminal.said
    assert not (config.parent / "x").exists()
    terminal.answer("n\n")
    assert terminal.end() == 1
    assert "nothing was restored" in terminal.said
    terminal = Terminal(config, NODE, "/etc", "--to", "x")
    terminal.wait_for("do this? [y/N]")
    terminal.answer("y\n")
    assert terminal.end() == 0
    assert (config.parent / "x/etc/a").exists()


def test_a_target_that_changed_while_the_person_thought_is_left(config: Path) -> None:
    terminal = Terminal(config, NODE, "/etc", "--to", "x", "--overwrite")
    terminal.wait_for("do this? [y/N]")
    (config.parent / "x/etc").mkdir(parents=True)
    (config.parent / "x/etc/a").write_bytes(b"mine")
    terminal.answer("y\n")
    assert terminal.end() == 1
    assert "changed meanwhile: nothing was restored" in terminal.said
    assert (config.parent / "x/etc/a").read_bytes() == b"mine"


def test_ctrl_c_ends_it_at_once_with_130(config: Path) -> None:
    terminal = Terminal(config, NODE, "/etc", "--to", "x")
    terminal.wait_for("do this? [y/N]")
    began = time.monotonic()
    terminal.interrupt()
    assert terminal.end() == 130
    assert time.monotonic() - began < 5
    assert "interrupted" in terminal.said
    assert not (config.parent / "x").exists()


def test_colours_are_for_terminals_and_not_where_no_color_is_set(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = Terminal(config, NODE, "/etc", "--dry-run")
    assert coloured.end() == 0
    assert "\x1b[32mcreate 4" in coloured.said
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal(config, NODE, "/etc", "--dry-run")
    assert plain.end() == 0
    assert "\x1b[32m" not in plain.said
