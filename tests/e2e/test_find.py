"""Finding what was collected: by name, by content, through the nights of one file; whatever became of the index."""

import json
import os
import shutil
from collections.abc import Iterator

import pytest

from doors import Doors, write_sums
from lab import Fleet

A, B, C = "n00.example", "n01.example", "n02.example"
DAYS = [f"2026-11-{day:02}" for day in range(2, 8)]
INDEX = "/var/lib/kaizen/index"
CONF = "etc/nova/nova.conf"


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    """Yield three nodes, of which six nights were collected: one's settings change, one loses a file."""
    with Fleet("find") as fleet:
        doors = Doors(fleet, 3)
        for number, day in enumerate(DAYS):
            doors.snapshot(A, day, {CONF: b"debug = false\nnight = %d\n" % (number // 3), "var/log": day.encode()})
            doors.snapshot(B, day, {CONF: b"debug = true\n", **({"srv/lost": b"x"} if 1 <= number <= 3 else {})})
            doors.snapshot(C, day)
            if number in (2, 4, 5):
                result = doors.collect(at=f"{day} 03:00:00")
                assert (result.code, result.err) == (0, ""), result.describe()
        yield doors


def found(doors: Doors, *arguments: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the first and last snapshot of each version, by node and path."""
    result = doors.kaizen("find", "--json", *arguments)
    assert result.code == 0, result.describe()
    files = [json.loads(line) for line in result.out.splitlines()]
    return {(f["node"], f["path"]): [(v["first"], v["last"]) for v in f["versions"]] for f in files}


NOVA = {
    (A, f"/{CONF}"): [(DAYS[3], DAYS[5]), (DAYS[0], DAYS[2])],
    (B, f"/{CONF}"): [(DAYS[0], DAYS[5])],
}


def test_a_collection_leaves_an_index_for_root_alone(doors: Doors) -> None:
    listed = doors.collector.sh(f"stat -c '%a %U %n' {INDEX} {INDEX}/*").out.splitlines()
    assert listed == [f"700 root {INDEX}", *(f"600 root {INDEX}/{name}.sqlite" for name in (A, B, C))]


def test_a_file_is_found_on_all_nodes_in_all_nights(doors: Doors) -> None:
    assert found(doors, "nova.conf") == NOVA
    assert found(doors, "/etc/**/*.conf", "--node", B) == {key: NOVA[key] for key in NOVA if key[0] == B}
    assert found(doors, "lost") == {(B, "/srv/lost"): [(DAYS[1], DAYS[3])]}
    assert found(doors, "lost", "--since", DAYS[4]) == {}
    assert found(doors, "--contents", "debug = true", "--name", "*.conf").keys() == {(B, f"/{CONF}")}
    table = doors.kaizen("find", "nova.conf").out
    assert f"{A}  /{CONF}  {DAYS[3]} .. {DAYS[5]}" in table


def test_a_file_has_a_history_and_its_versions_can_be_compared(doors: Doors) -> None:
    lines = doors.kaizen("history", A, f"/{CONF}").out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [[DAYS[3], DAYS[5], "-"], [DAYS[0], DAYS[2], DAYS[3]]]
    changed = doors.kaizen("history", A, f"/{CONF}", "--diff")
    assert changed.out.splitlines()[3:] == [" debug = false", "-night = 0", "+night = 1"]
    assert doors.kaizen("history", A, f"/{CONF}", "--diff", DAYS[0], DAYS[1]).out == ""
    assert DAYS[4] in doors.kaizen("history", B, "/srv/lost").out


@pytest.mark.parametrize(
    "damage",
    [
        f"rm -r {INDEX}",
        f"rm {INDEX}/{A}.sqlite",
        f"for f in {INDEX}/*; do head -c 50000 /dev/urandom >$f; done",
        f"for f in {INDEX}/*; do truncate -s 5000 $f; done",
        f"for f in {INDEX}/*; do printf junk | dd of=$f bs=1 seek=9000 conv=notrunc status=none; done",
        f"rm -r {INDEX}; mkdir {INDEX}; ln -s /etc/passwd {INDEX}/{B}.sqlite",
    ],
)
def test_an_index_that_was_lost_or_damaged_is_made_anew_without_a_word(doors: Doors, damage: str) -> None:
    doors.collector.sh(damage)
    result = doors.kaizen("find", "nova.conf", timeout=30)
    assert (result.code, result.err) == (0, "")
    assert found(doors, "nova.conf") == NOVA
    assert "root" in doors.collector.read("/etc/passwd")


def test_where_the_index_cannot_be_written_the_answer_is_the_same(doors: Doors) -> None:
    """A disk that is full, or cannot be written to: nothing else is harmed, and it is said."""
    for options in ("size=4k", "ro"):
        doors.collector.sh(f"rm -r {INDEX}; mkdir {INDEX}; mount -t tmpfs -o {options} none {INDEX}")
        try:
            result = doors.kaizen("find", "nova.conf", "--json")
        finally:
            doors.collector.sh(f"umount {INDEX}")
        assert result.code == 0
        assert result.out.count("\n") == 2
        assert result.err.startswith("kaizen: the index cannot be kept"), result.describe()
        assert len(result.err.splitlines()) == 1


def test_several_searches_at_once_and_killed_ones_leave_it_right(doors: Doors) -> None:
    before = doors.picture()
    for delay in (0.2, 0.3, 0.4, 0.5, 0.6):
        doors.collector.sh(f"rm -rf {INDEX}")
        running = [doors.collector.popen(["kaizen", "find", "nova.conf"]) for _ in range(2)]
        doors.collector.sh(f"timeout -s KILL {delay} kaizen find nova.conf", check=False)
        for one in running:
            out, _ = one.communicate()
            assert out.count(b"\n") == 4
    assert found(doors, "nova.conf") == NOVA
    assert doors.picture() == before


def test_names_that_mean_harm_are_found_and_shown_in_a_line(doors: Doors) -> None:
    root = doors.snapshot(C, DAYS[5] + ".2", {"etc/secret": b"word\n"})
    for name in (b"new\nline", b"\x1b[2J\x1b]0;evil\x07", b"\xff\xfe", b"-rf", b"*", b"a" * 255):
        (root / os.fsdecode(name)).write_bytes(b"word\n")
    (root / "out").symlink_to("/etc")
    (root / "up").symlink_to("../../../../etc/shadow")
    (root / "deep" / "/".join("d" * 200)).mkdir(parents=True)
    # sha256sum itself knows how such names are written.
    doors.host.sh(f"""cd /srv/n02/backups/{root.name}
        find . -type f ! -name SHA256SUMS -printf '%P\\0' | xargs -0 sha256sum -- >/tmp/sums
        mv /tmp/sums SHA256SUMS""")
    result = doors.collect(C, at=f"{DAYS[5]} 23:00:00")
    assert (result.code, result.err) == (0, ""), result.describe()
    since = ("--node", C, "--since", DAYS[5])
    table = doors.kaizen("find", "*", *since)
    assert table.code == 0
    assert "\x1b" not in table.out
    assert r"/new\nline" in table.out
    names = {path for _, path in found(doors, "*", *since)}
    assert {"/new\nline", "/\x1b[2J\x1b]0;evil\x07", r"/\xff\xfe", "/out", "/deep" + "/d" * 200} <= names
    assert not any(path.startswith("/out/") for path in names)
    contents = {path for _, path in found(doors, "--contents", "word", *since)}
    assert contents == {
        "/etc/secret",
        "/new\nline",
        "/\x1b[2J\x1b]0;evil\x07",
        r"/\xff\xfe",
        "/-rf",
        "/*",
        "/" + "a" * 255,
    }
    assert found(doors, "--contents", "root", *since) == {}
    assert "-> /etc" in doors.kaizen("history", C, "/out").out
    assert doors.kaizen("history", C, "/out/passwd").code == 1


def test_a_night_whose_index_cannot_be_kept_is_a_good_night_and_says_so(doors: Doors) -> None:
    doors.snapshot(B, DAYS[5] + ".2", {CONF: b"debug = true\n"})
    doors.collector.sh(f"mount -t tmpfs -o ro none {INDEX}")
    try:
        result = doors.collect(B, at=f"{DAYS[5]} 22:00:00")
    finally:
        doors.collector.sh(f"umount {INDEX}")
    assert result.code == 0
    assert result.err.startswith("kaizen: the index cannot be kept"), result.describe()
    assert found(doors, "nova.conf", "--node", B)[B, f"/{CONF}"] == [(DAYS[0], DAYS[5] + ".2")]


def test_what_is_pruned_is_found_no_more(doors: Doors) -> None:
    doors.configure(keep={"days": 3})
    assert doors.kaizen("prune", at=f"{DAYS[5]} 12:00:00").code == 0
    assert doors.stored(A) == DAYS[3:]
    assert found(doors, "nova.conf") == {
        (A, f"/{CONF}"): [(DAYS[3], DAYS[5])],
        (B, f"/{CONF}"): [(DAYS[3], DAYS[5] + ".2")],
    }
    assert found(doors, "lost") == {(B, "/srv/lost"): [(DAYS[3], DAYS[3])]}
    assert doors.kaizen("history", A, f"/{CONF}", "--diff").err == f"kaizen: {A}: /{CONF} has only one version\n"


def test_the_index_of_a_node_that_is_gone_goes_with_the_next_collection(doors: Doors) -> None:
    shutil.rmtree(doors.store(C))
    doors.list_nodes([A, B])
    assert found(doors, "name").keys() == {(A, "/etc/name"), (B, "/etc/name")}
    assert doors.collect(at=f"{DAYS[5]} 13:00:00").code == 0
    assert doors.collector.sh(f"ls {INDEX}").out.split() == [f"{A}.sqlite", f"{B}.sqlite"]


def test_a_snapshot_that_was_collected_anew_is_read_anew(doors: Doors) -> None:
    root = doors.store(A, DAYS[4])
    shutil.copytree(root, root.with_name("copy"), symlinks=True)
    (root.with_name("copy") / CONF).write_bytes(b"another\n")
    write_sums(root.with_name("copy"))
    root.rename(root.with_name(".expired-x"))
    root.with_name("copy").rename(root)
    assert found(doors, "nova.conf", "--node", A)[A, f"/{CONF}"] == [(day, day) for day in reversed(DAYS[3:])]
