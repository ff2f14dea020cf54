"""The cage, for real: what a program in it can see and do."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kaizen_backups.confine import confined, dying_with_us, reading, restoring, serving
from kaizen_backups.run import Result, run


@pytest.fixture
def cage(tmp_path: Path) -> Path:
    """Return a store with two nodes; the caged program gets the first."""
    for name in ("mine", "other"):
        (tmp_path / "store" / name).mkdir(parents=True)
        (tmp_path / "store" / name / "file").write_text(f"{name}\n")
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(tmp_path / "m"))
    return tmp_path


def inside(cage: Path, script: str, *, store: bool = True) -> Result:
    command = confined(["sh", "-c", script], socket=cage / "m", store=cage / "store" / "mine" if store else None)
    return asyncio.run(run(command))


def test_one_nodes_directory_is_all_of_the_store_that_there_is(cage: Path) -> None:
    assert inside(cage, "cat /store/file; ls /").out.split() == [
        *["mine", "bin", "dev", "etc", "lib", "lib64", "m", "proc", "store", "usr"],
    ]
    assert inside(cage, f"cat {cage}/store/other/file").code != 0


def test_nothing_but_that_directory_can_be_written(cage: Path) -> None:
    assert inside(cage, "touch /store/new").code == 0
    for place in ("/x", "/usr/x", "/etc/x", "/etc/passwd", "/m"):
        assert inside(cage, f": >>{place}").code != 0, place
    inside(cage, "touch /dev/x")
    assert not Path("/dev/x").exists()


def test_a_symlink_out_of_the_directory_leads_nowhere(cage: Path) -> None:
    (cage / "store/mine/out").symlink_to(cage / "store" / "other")
    assert inside(cage, "cat /store/out/file").code != 0


def test_there_is_no_network_and_no_other_process(cage: Path) -> None:
    assert inside(cage, "cat /proc/net/dev | grep -c :").out.strip() == "1"
    assert inside(cage, "ls -d /proc/[0-9]* | wc -l").out.strip() in ("3", "4", "5")


def test_owners_and_modes_can_be_given_and_devices_not_made(cage: Path) -> None:
    assert inside(cage, "chown 1234:1234 /store/file && chmod 4755 /store/file").code == 0
    assert inside(cage, "mknod /store/sda b 8 0").code != 0
    assert inside(cage, "mount -t tmpfs x /store").code != 0


def test_without_a_store_there_are_no_capabilities(cage: Path) -> None:
    result = inside(cage, "ls /; grep CapEff /proc/self/status", store=False)
    assert "store" not in result.out
    assert result.out.split()[-1] == "0" * 16


def test_the_environment_is_empty(cage: Path) -> None:
    assert set(inside(cage, "env").out.split()) <= {"PATH=/usr/bin", "PWD=/", "SHLVL=0", "_=/usr/bin/env"}


STARTER = (
    "import os, subprocess, sys; reads, told = os.pipe(); process = subprocess.Popen(sys.argv[1:], stdin=reads); "
    "os.close(reads); "
)


def begin(command: list[str], starter: str) -> subprocess.Popen[str]:
    """Let another Python begin a command."""
    argv = [sys.executable, "-c", starter, *command]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_what_was_not_told_to_begin_before_we_were_killed_never_begins(tmp_path: Path) -> None:
    """Also where the kernel was not asked in time to kill it."""
    command = dying_with_us(["touch", f"{tmp_path}/begun"], writable=tmp_path)
    command.remove("--die-with-parent")
    with begin(command, STARTER + "process.wait()") as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        assert parent.stdout.read() == "", "until all that could write there have ended"
    assert not (tmp_path / "begun").exists()


def test_what_dies_with_us_writes_in_its_place_alone_and_does_not_outlive_us(tmp_path: Path) -> None:
    script = f"touch {tmp_path}/here; touch {tmp_path.parent}/elsewhere; echo $$ >{tmp_path}/pid; exec sleep 1000"
    command = dying_with_us(["sh", "-c", script], writable=tmp_path)
    pid = tmp_path / "pid"
    with begin(command, STARTER + "os.write(told, b'\\n'); process.wait()") as parent:
        while not pid.exists() or not pid.read_text():
            assert parent.poll() is None
            time.sleep(0.01)
        assert (tmp_path / "here").exists()
        assert not (tmp_path.parent / "elsewhere").exists()
        parent.kill()
    for _ in range(1000):
        if not Path("/proc", pid.read_text().strip()).exists():
            return
        time.sleep(0.01)
    raise AssertionError("it is still there")


def test_a_restore_sees_its_snapshot_and_its_target_and_writes_to_the_target_alone(tmp_path: Path) -> None:
    for name in ("source", "target", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"{name}\n")
    (tmp_path / "target/out").symlink_to(tmp_path / "other")
    (tmp_path / "target/up").symlink_to("../../../../../../" + str(tmp_path / "other"))

    def inside(script: str, *, writable: bool) -> Result:
        view = {"source": tmp_path / "source", "target": tmp_path / "target", "writable": writable}
        return asyncio.run(run(restoring(["sh", "-c", script], **view)))  # type: ignore[arg-type]

    assert inside("cat /source/file /target/file", writable=False).out == "source\ntarget\n"
    assert inside("touch /target/new", writable=True).code == 0
    for script in ("touch /target/x", "touch /source/x", "cat /target/out/file"):
        assert inside(script, writable=False).code != 0, script
    for script in ("touch /source/x", "touch /target/out/x", "touch /target/up/x", "cat /target/up/file"):
        assert inside(script, writable=True).code != 0, script
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["file"]


def test_what_only_reads_sees_what_it_is_given_and_has_a_network_only_when_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("given\n")

    def inside(script: str, *, network: bool) -> Result:
        return asyncio.run(run(reading(["sh", "-c", script], view={tmp_path / "file": "/given"}, network=network)))

    assert inside("cat /given", network=False).out == "given\n"
    for script in (": >>/given", ": >/x", f"ls {tmp_path}", "ls /root", "ls /var"):
        assert inside(script, network=True).code != 0, script
    count = "cat /proc/net/dev | grep -c :"
    assert inside(count, network=False).out == "1\n"
    assert inside(count, network=True).out == f"{Path('/proc/net/dev').read_text().count(':')}\n"


def test_a_server_is_somebody_else_without_rights_and_writes_in_its_place_alone(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    os.chown(place, 1234, 1234)

    def inside(script: str) -> Result:
        return asyncio.run(run(serving(["sh", "-c", script], user=1234, group=1234, place=place)))

    assert inside("id -u; id -g; grep -E 'Cap(Eff|Prm|Bnd)' /proc/self/status").out.split()[:2] == ["1234", "1234"]
    assert set(inside("grep -E 'Cap(Eff|Prm|Bnd)' /proc/self/status | cut -f2").out.split()) == {"0" * 16}
    assert inside("echo x >/place/here && echo x >/tmp/there").code == 0
    assert sorted(path.name for path in place.iterdir()) == ["here", "there"]
    for script in (": >/x", ": >/etc/x", ": >/usr/x", "ls /root", f"ls {tmp_path}", "mount -t tmpfs x /place"):
        assert inside(script).code != 0, script
    assert inside("cat /proc/net/dev | grep -c :").out == "1\n"
