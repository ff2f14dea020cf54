"""Nodes that mean harm: each hurts itself at most. All ways of doing harm are tried in one night, between good nodes.

What a node may have in its snapshots it has there; what rsync itself would never send is put into its stream by
`mangle`. Who is refused is named, and nothing of it is published; some ways are harmless, and are stored as they are.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from doors import Doors, picture, user_of, write_sums
from lab import Fleet, Node, Result

DAY, NEXT = "2026-11-24", "2026-11-25"
LIMITS = {"files": 500, "bytes": "64m", "depth": 40, "again": 3}
GOOD = 3
# On the file system of everything else that a collector has: only there could a hard link lead to it.
STORE = "/srv/nodes"


@dataclass
class Way:
    """A way of doing harm: what the snapshot holds, what is done to it and to the stream, and what comes of it."""

    complaint: str
    """How the line that names the node begins; empty where the snapshot is stored, EITHER where rsync may mend it."""
    files: dict[str, bytes] | None = None
    script: str = ""
    """Run in the snapshot's directory, by root, after SHA256SUMS is written."""
    mangle: list[list[str]] | None = None
    door: str = ""
    """The whole of what stands behind the door."""


EITHER = "*"
RSYNC = f"{DAY}: rsync ended with code "
PLAIN = "file-with-a-long-name"

WAYS = {
    # names
    "a name that leads upwards": Way(RSYNC, {"AAAevil": b"x"}, mangle=[["AAAevil", "../evil"]]),
    "a name that leads up from below": Way(RSYNC, {"etc/AAAAAAevil": b"x"}, mangle=[["AAAAAAevil", "../../evil"]]),
    "an absolute name": Way(RSYNC, {"AAAAAevil": b"x"}, mangle=[["AAAAAevil", "/tmp/evil"]]),
    "a name that is a directory of another": Way(DAY, {"QZQZ": b"x"}, mangle=[["QZQZ", "etc/"]]),
    "a name in no directory": Way(RSYNC, {"nowhereXevil": b"x"}, mangle=[["nowhereXevil", "nowhere/evil"]]),
    "a name with a zero in it": Way(DAY, {"AAAzero": b"x"}, mangle=[["AAAzero", "A\0\0zero"]]),
    "a name that is there twice": Way(DAY, {"Aevil": b"x", "Zevil": b"y"}, mangle=[["Zevil", "Aevil"]]),
    "a name that speaks to the terminal": Way(
        rf"{DAY}: \x1b[2J\x1b]0;evil\x07 is not in SHA256SUMS", script=r"touch $'\e[2J\e]0;evil\a'"
    ),
    # what is no plain file
    "a symlink, then a file beyond it": Way(
        RSYNC, {"esd/evil": b"x"}, script="ln -s /tmp esc", mangle=[["esd", "esc"], ["esd", "esc"]]
    ),
    "a device": Way("", script="mknod etc/evil b 8 0; mknod etc/evil2 c 1 1; chmod 666 etc/evil*"),
    "a pipe and a socket": Way("", script="mkfifo etc/evil"),
    "a file that turns out a device": Way(
        DAY, {PLAIN: b"x"}, script=f"chmod 641 {PLAIN}", mangle=[["\xa1\x81\0\0", "\xa1\x61\0\0"]]
    ),
    "a directory that turns out a file": Way(
        EITHER, {f"{PLAIN}/x": b"x"}, script=f"chmod 751 {PLAIN}", mangle=[["\xe9\x41\0\0", "\xe9\x81\0\0"]]
    ),
    "a setuid program": Way("", {"evil": b"#!/bin/sh\n"}, script="chmod 6755 evil"),
    # sizes and numbers
    "a file of an exbibyte": Way(f"{DAY}: it brings more than 64.0 MiB", script="truncate -s 1E evil"),
    "more bytes than allowed": Way(f"{DAY}: it brings more than 64.0 MiB", script="truncate -s 40M evil evil2"),
    "more names than allowed": Way(f"{DAY}: it holds more than 500 files", script="mkdir m; touch m/evil-{1..600}"),
    "more levels than allowed": Way(
        f"{DAY}: " + "d/" * 20, script="mkdir -p " + "d/" * 60 + "; touch " + "d/" * 50 + "evil"
    ),
    "more snapshots of a date than allowed": Way(
        f"refused {DAY}.4: more than 3 snapshots of one date",
        script="for n in 2 3 4 5 6; do cp -a . ../.x; mv ../.x ../2026-11-24.$n; done",
    ),
    "a size that is too large": Way("", {PLAIN: bytes(0x011177)}, mangle=[["\x01\x77\x11", "\x7f\x77\x11"]]),
    "a size that is too small": Way("", {PLAIN: os.urandom(0x011177)}, mangle=[["\x01\x77\x11", "\x01\0\0"]]),
    "a size below zero": Way(DAY, {PLAIN: bytes(0x011177)}, mangle=[["\x01\x77\x11", "\xff\xff\xff"]]),
    "a large hole of many names": Way(
        "",
        {"hole": b""},
        script="truncate -s 60M hole; sum=$(sha256sum hole); for n in {1..400}; do ln hole hole$n; done;"
        " sed -i '/ hole$/d' SHA256SUMS; for name in hole*; do echo \"${sum%hole}$name\"; done >>SHA256SUMS",
    ),
    # sums and infos
    "a sum that does not fit": Way(
        f"{DAY}: etc/name does not have the sum",
        script="echo x >etc/name",
    ),
    "a file that is in no sum": Way(f"{DAY}: evil is not in SHA256SUMS", script="touch evil"),
    "a sum of a file elsewhere": Way(
        f"{DAY}: SHA256SUMS:3: /etc/passwd names no file", script="sha256sum /etc/passwd >>SHA256SUMS"
    ),
    "sums without end": Way(f"{DAY}: SHA256SUMS is larger", script="truncate -s 300M SHA256SUMS"),
    "sums that are a symlink": Way(f"{DAY}: SHA256SUMS", script="ln -sf /etc/passwd SHA256SUMS"),
    "sums that are a directory": Way(f"{DAY}: SHA256SUMS", script="rm SHA256SUMS; mkdir SHA256SUMS"),
    "an info of a gigabyte": Way(f"{DAY}: backup.info is larger", script="truncate -s 1G backup.info"),
    "an info that is a symlink": Way(f"{DAY}: backup.info", script="ln -sf /etc/passwd backup.info"),
    # dates
    "a snapshot of 2099": Way("refused 2099-01-01: it is dated in the future", script="cp -a . ../2099-01-01"),
    "a snapshot that is a symlink": Way("it has no snapshot", script="mv ../2026-11-24 ../x; ln -s /etc ../2026-11-24"),
    # the protocol
    # Modes, times, indexes, block counts, lengths, tags, contents: wherever these bytes come to lie.
    **{
        f"an absurd number at byte {place}": Way(
            EITHER, {PLAIN: os.urandom(3000)}, mangle=[[f"@{place}", "\xfe\x7f\xff\xff\xff"]]
        )
        for place in range(180, 680, 48)
    },
    "a stream of junk": Way(EITHER, {PLAIN: os.urandom(3000)}, mangle=[["@300", "\xde\xad\xbe\xef" * 50]]),
    "a stream that ends": Way(RSYNC, {PLAIN: os.urandom(3000)}, mangle=[["@1200+", ""]]),
    "a stream without end": Way(RSYNC, {PLAIN: os.urandom(3000)}, mangle=[["@1200*", "\0\0\0\x07"]]),
    # A frame's tag is 7 and the kind of a message: 1 is an error that ends nothing, 2 is for the user, 3 a warning.
    **{
        f"messages without end: {kind}, {text!r}": Way(
            f"{DAY}: {complaint}", {PLAIN: os.urandom(3000)}, mangle=[["@frame*", f"\x08\0\0{chr(7 + kind)}{text}"]]
        )
        for kind, text, complaint in (
            (1, "so what\n", "rsync complained without end"),
            (2, "so what\n", "it holds more than 500 files"),
            (2, "no end; ", "it brings more than 64.0 MiB"),
            (3, "so what\n", "rsync complained without end"),
        )
    },
    "a listing without end": Way("cannot list its snapshots", door="yes"),
    "no rsync at all": Way("cannot list its snapshots", door="echo hello"),
    "a door that is a wall": Way("cannot list its snapshots", door="exit 1"),
}


def harm(doors: Doors, name: str, way: Way) -> None:
    """Furnish a node with a way of doing harm."""
    home = f"/srv/{user_of(name)}"
    root = doors.snapshot(name, DAY, way.files)
    if way.script:
        inside = f"{home}/backups/{root.name}"
        doors.host.sh(way.script, cwd=inside)
    if way.mangle:
        doors.host.write(f"{home}/rules.json", json.dumps(way.mangle))
        doors.host.sh(f"chown {user_of(name)} {home}")
        doors.behind(name, "/usr/local/bin/mangle")
    if way.door:
        doors.behind(name, way.door)


@dataclass
class Tried:
    """A night in which all ways were tried: who tried what, and what the collector was before and after, and said."""

    doors: Doors
    nodes: dict[str, str]
    before: set[str]
    after: set[str]
    result: Result


def outside(fleet: Fleet, collector: Node) -> set[str]:
    """Return a picture of what was ever written on the collector, without its store and what is its own to write.

    Not of the machine below it: what changes there meanwhile is nobody's here.
    """
    found = picture(fleet.written(collector)) | picture(collector.path("/"), "tmp")
    own = (STORE[1:], "var/lib/kaizen", "var/log/")
    return {line for line in found if not line.startswith(own)}


@pytest.fixture(scope="module")
def tried() -> Iterator[Tried]:
    with Fleet("hostile") as fleet:
        doors = Doors(fleet, GOOD + len(WAYS), store=STORE, limits=LIMITS, jobs=6, silence=15, timeout=30)
        doors.host.write("/usr/local/bin/mangle", Path(__file__).with_name("mangle").read_text(), mode=0o755)
        nodes = dict(zip(WAYS, doors.names[GOOD:], strict=True))
        for name in doors.names[:GOOD]:
            doors.snapshot(name, DAY)
        for title, name in nodes.items():
            harm(doors, name, WAYS[title])
        doors.collector.sh(f"mkdir -m 0700 {STORE} /var/lib/kaizen")
        before = outside(fleet, doors.collector)
        result = doors.collect(at=f"{DAY} 03:00:00")
        yield Tried(doors, nodes, before, outside(fleet, doors.collector), result)


def test_nothing_outside_the_store_is_changed_or_made(tried: Tried) -> None:
    assert sorted(tried.after ^ tried.before) == []


def test_nothing_in_the_store_is_anywhere_but_in_its_nodes_own_directory(tried: Tried) -> None:
    store = tried.doors.collector.path(STORE)
    assert set(os.listdir(store)) <= set(tried.doors.names)
    for name in tried.doors.names[:GOOD]:
        assert tried.doors.stored(name) == [DAY]


def test_what_is_published_is_as_its_sums_say(tried: Tried) -> None:
    for snapshot in tried.doors.collector.path(STORE).glob("*/[0-9]*"):
        lines = (snapshot / "SHA256SUMS").read_text().splitlines()
        sums = {name: sum_ for sum_, name in (line.split("  ", 1) for line in lines)}
        seen: dict[int, str] = {}  # one inode may have hundreds of names
        for path in snapshot.rglob("*"):
            name, status = str(path.relative_to(snapshot)), path.lstat()
            if not stat.S_ISREG(status.st_mode) or name == "SHA256SUMS":
                continue
            if status.st_ino not in seen:
                with path.open("rb") as file:
                    seen[status.st_ino] = hashlib.file_digest(file, "sha256").hexdigest()
            assert sums.pop(name) == seen[status.st_ino], path
        assert sums == {}, snapshot


def test_the_others_have_their_night(tried: Tried) -> None:
    for name in tried.doors.names[:GOOD]:
        assert picture(tried.doors.store(name), DAY) == picture(tried.doors.backups(name), DAY)
        assert f"{name}:" not in tried.result.err


def test_no_device_and_no_program_of_theirs_can_be_used(tried: Tried) -> None:
    store = tried.doors.collector.path(STORE)
    for path in store.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode), path
    assert store.stat().st_mode & 0o777 == 0o700


def test_what_is_said_of_them_is_safe_to_read(tried: Tried) -> None:
    assert all(character.isprintable() or character == "\n" for character in tried.result.err)
    assert not re.search(r"unexpected \w+(Error|Group)", tried.result.err), "a defect of ours"
    assert all(len(line) < 700 for line in tried.result.err.splitlines())


@pytest.mark.parametrize("title", WAYS)
def test_who_does_harm_is_named_and_nothing_of_it_is_published(tried: Tried, title: str) -> None:
    name, complaint = tried.nodes[title], WAYS[title].complaint
    lines = [line for line in tried.result.err.splitlines() if line.startswith(f"kaizen: {name}: ")]
    published = [entry for entry in tried.doors.stored(name) if not entry.startswith(".")]
    if complaint == EITHER:
        assert bool(lines) != bool(published)
        return
    if not complaint:
        assert lines == []
        assert published == [DAY]
        return
    assert any(line.startswith(f"kaizen: {name}: {complaint}") for line in lines), tried.result.err
    if complaint.startswith("refused"):
        assert DAY in published, "what is good of its offer is taken"
        assert not {"2099-01-01", f"{DAY}.4"} & set(published)
    else:
        assert published == []


# -- over two nights


def at_a_file_of_the_collectors(doors: Doors) -> Path:
    return Path("/etc/kaizen/ssh/id_ed25519")


def at_another_nodes_tree(doors: Doors) -> Path:
    return Path(f"{STORE}/{doors.names[0]}/{DAY}/etc/name")


def at_the_history(doors: Doors) -> Path:
    return Path("/var/lib/kaizen/history.sqlite")


def directly(target: Path) -> str:
    return str(target.parent)


def by_climbing(target: Path) -> str:
    return "../" * 6 + str(target.parent)[1:]


def give_root(doors: Doors, name: str) -> None:
    """Let a node's rsync be root there, as it is behind a real door: it can then show files of any owner and mode."""
    conf = f"[backups]\npath = /srv/{user_of(name)}/backups\nuse chroot = yes\nuid = 0\ngid = 0\n"
    doors.host.write(f"/srv/{user_of(name)}/root.conf", conf)
    doors.host.write("/etc/sudoers.d/door", f"{user_of(name)} ALL=(root) NOPASSWD: ALL\n", mode=0o440)
    doors.behind(name, f"sudo -n rsync --server --daemon --config=/srv/{user_of(name)}/root.conf .")


@pytest.mark.parametrize("aim", [at_a_file_of_the_collectors, at_another_nodes_tree, at_the_history])
@pytest.mark.parametrize("way", [directly, by_climbing])
def test_a_symlink_that_becomes_a_directory_reads_links_and_changes_nothing(
    tried: Tried, aim: Callable[[Doors], Path], way: Callable[[Path], str]
) -> None:
    """What a node stored on one night must not decide what the next night's links are made to."""
    doors, name = tried.doors, tried.doors.names[1]
    give_root(doors, name)
    doors.host.sh(f"rm -rf /srv/{user_of(name)}/backups/*")
    doors.collector.sh(f"rm -rf {STORE}/{name}")
    target = aim(doors)
    first = doors.snapshot(name, DAY)
    (first / "trap").symlink_to(way(target))
    assert doors.collect(name, at=f"{DAY} 03:00:00").code == 0
    before = doors.collector.path(target).lstat()
    second = doors.snapshot(name, NEXT, {f"trap/{target.name}": bytes(before.st_size)})
    copy = second / "trap" / target.name
    copy.chmod(stat.S_IMODE(before.st_mode))
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    write_sums(second)
    assert doors.collect(name, at=f"{NEXT} 03:00:00").code == 0
    stored = doors.store(name, NEXT) / "trap" / target.name
    assert stored.read_bytes() == bytes(before.st_size)
    after = doors.collector.path(target).lstat()
    assert (after.st_ino, after.st_nlink, after.st_mode, after.st_uid) == (
        *(before.st_ino, before.st_nlink, before.st_mode, before.st_uid),
    )
    assert stored.stat().st_ino != after.st_ino
