"""A night adds what is new alone, and what restic takes for unchanged is unchanged."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from kaizen_backups.offsite.status import offsite_status
from offsite_site import DAYS, NAME, SECRET, Site

BOTH = [f"n.example {day}" for day in DAYS]


def test_what_restic_itself_gives_back_agrees_with_the_sums_and_nothing_can_be_read_there(
    site: Site, tmp_path: Path
) -> None:
    assert site.push().sent == BOTH
    site.own("check", "--read-data")
    for day in DAYS:
        site.own("restore", "latest", f"--tag=snapshot={day}", "--target", str(tmp_path / day))
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path / day, check=True)
        original = site.settings.store / "n.example" / day
        assert (tmp_path / day / "SHA256SUMS").read_bytes() == (original / "SHA256SUMS").read_bytes()
    files = [path for path in (tmp_path / "repository").rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in files) + "\n".join(map(str, files)).encode()
    for word in (SECRET.strip(), Path(NAME).name.encode(), b"n.example", DAYS[0].encode(), b"SHA256SUMS"):
        assert word not in everything


def test_the_next_night_adds_what_is_new_alone(site: Site, make_snapshot: Callable[..., Path]) -> None:
    big = os.urandom(1 << 20)
    third = make_snapshot("store/n.example/2026-11-25", **{"etc/big": big})
    site.verify()
    assert site.push().added_bytes > len(big)
    fourth = make_snapshot("store/n.example/2026-11-26", **{"etc/big": big})
    (fourth / "etc/big").unlink()
    os.link(third / "etc/big", fourth / "etc/big")
    site.verify()
    pushed = site.push()
    assert pushed.sent == ["n.example 2026-11-26"]
    assert pushed.added_bytes < 100_000


def test_a_change_that_keeps_size_and_time_is_sent(
    site: Site, make_snapshot: Callable[..., Path], tmp_path: Path
) -> None:
    site.push()
    third = make_snapshot("store/n.example/2026-11-25", **{"etc/a": b"ONE\n"})
    before = (site.settings.store / "n.example" / DAYS[1] / "etc/a").stat()
    os.utime(third / "etc/a", ns=(before.st_atime_ns, before.st_mtime_ns))
    site.verify()
    site.push()
    site.own("restore", "latest", "--target", str(tmp_path / "back"))
    assert (tmp_path / "back/etc/a").read_bytes() == b"ONE\n"


def test_what_expired_here_stays_there_and_is_no_basis(site: Site, make_snapshot: Callable[..., Path]) -> None:
    site.push()
    for day in DAYS:
        shutil.rmtree(site.settings.store / "n.example" / day)
    make_snapshot("store/n.example/2026-11-25")
    site.verify()
    assert site.push().sent == ["n.example 2026-11-25"]
    listed = json.loads(site.own("snapshots", "--json"))
    assert len(listed) == 3
    assert "parent" not in listed[-1]


def test_what_a_dead_program_locked_does_not_stop_the_next_push(site: Site, tmp_path: Path) -> None:
    def locks() -> list[str]:
        """Return the locks' names; one that is only being written has a longer one."""
        return [path.name for path in (tmp_path / "repository/locks").iterdir() if len(path.name) == 64]

    line = ["restic", "-r", f"{tmp_path}/repository", "-p", f"{tmp_path}/password", "--no-cache", "backup", "--stdin"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as holding:
        while not locks():
            assert holding.poll() is None
        holding.send_signal(signal.SIGKILL)
    assert locks()
    assert site.push().sent == BOTH
    assert locks() == []


def test_a_repository_that_is_away_is_told_of_and_the_next_push_completes(site: Site, tmp_path: Path) -> None:
    (tmp_path / "repository").rename(tmp_path / "away")
    assert len(site.push().problems) == 1
    status = offsite_status(site.restic, site.history, ["n.example"])
    assert not status.good
    assert status.state.push_problem
    assert status.nodes[0].waiting == len(DAYS)
    (tmp_path / "away").rename(tmp_path / "repository")
    assert site.push().sent == BOTH
    status = offsite_status(site.restic, site.history, ["n.example"])
    assert status.good
    assert (status.nodes[0].snapshot, status.nodes[0].waiting) == (DAYS[1], 0)
