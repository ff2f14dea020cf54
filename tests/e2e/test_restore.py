"""Getting back what was saved, on a fleet: it is what it was, and nothing else is touched, whatever happens.

KAIZEN_FAULTS=full kills a hundred restores and lets as many race with who swaps directories; otherwise a tenth.
"""

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bare_host import let_in
from doors import picture
from lab import Fleet, Node
from lab.process import Process
from restores import NIGHTS, NOW, ODD, STORE, Restores, change_source, describe

FULL = os.environ.get("KAIZEN_FAULTS") == "full"
LAST = NIGHTS[-1]
DATA = "/srv/data"


def times(many: int) -> range:
    return range(many if FULL else many // 10)


@pytest.fixture(scope="module")
def site() -> Iterator[Restores]:
    with Fleet("restore") as fleet:
        yield Restores(fleet)


@pytest.fixture
def chance() -> random.Random:
    return random.Random(os.environ.get("KAIZEN_SEED", "8"))


@pytest.fixture
def target(site: Restores) -> Iterator[Path]:
    """Yield an empty directory of the collector, and beside it one that nothing may come to."""
    site.collector.sh("""rm -rf /work && mkdir -p /work/target /work/outside
        echo mine >/work/outside/file; ln -s /nowhere /work/outside/link""")
    outside = picture(site.collector.path("/work"), "outside")
    yield site.collector.path("/work/target")
    assert picture(site.collector.path("/work"), "outside") == outside


# -- it is what it was


def test_a_hundred_of_any_node_night_and_path_are_as_the_source_was(site: Restores, chance: random.Random) -> None:
    choices = []
    for number in range(36):
        node, night = chance.choice(site.nodes), chance.choice(NIGHTS)
        source = site.source(node, night)
        paths = [path.relative_to(source) for path in sorted(source.rglob("*"))]
        choices.append((number, node, night, chance.sample(paths, 3)))

    def restored(choice: tuple[int, Node, str, list[Path]]) -> int:
        number, node, night, paths = choice
        to = f"/restored/{number}"
        named = [f"{DATA}/{path}" for path in paths]
        done = site.restore(node.name, *named, "--at", night, "--to", to, "--yes")
        assert done.code == 0, done.describe()
        for path, where in zip(paths, named, strict=True):
            assert describe(site.collector.path(to + where)) == describe(site.source(node, night) / path), where
        return len(paths)

    site.collector.sh("mkdir -p /restored")
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(restored, choices)) >= 100


def test_the_whole_of_a_node_comes_back_with_all_that_it_is_made_of(site: Restores, target: Path) -> None:
    done = site.restore(site.one.name, "/", "--to", "/work/target", "--yes", "--json")
    assert done.code == 0, done.describe()
    said = json.loads(done.out)
    assert sorted(os.listdir(target)) == ["etc", "srv"]
    assert describe(target / "srv/data") == describe(site.source(site.one, LAST))
    assert said["restored"]["verified"] == sum(path.is_file() and not path.is_symlink() for path in target.rglob("*"))
    assert (said["overwrite"], said["attributes"], said["delete"]) == ([], [], [])
    again = json.loads(site.restore(site.one.name, "/", "--to", "/work/target", "--yes", "--json").out)
    assert (again["create"], again["restored"]["created"]) == ([], 0)


def test_any_odd_name_can_be_asked_for(site: Restores, target: Path) -> None:
    paths = [os.fsdecode(f"{DATA}/odd/".encode() + name + b"/" + name) for name in ODD]
    done = site.restore(site.two.name, *paths, "--to", "/work/target", "--yes")
    assert done.code == 0, done.describe()
    for path, name in zip(paths, ODD, strict=True):
        assert (target / path[1:]).read_bytes() == name


def test_it_goes_to_a_fresh_directory_here_unless_told(site: Restores) -> None:
    done = site.restore(site.one.name, "/etc/shells", "--at", "2026-11-23", "--yes")
    assert done.code == 0, done.describe()
    where = site.collector.path(f"/root/{site.one.name}-2026-11-23")
    assert (where / "etc/shells").read_text() == site.one.read("/etc/shells")
    assert where.stat().st_mode & 0o777 == 0o700


def test_a_day_in_words_is_the_collectors(site: Restores, target: Path) -> None:
    words = ["kaizen", "restore", site.one.name, "/etc/shells", "--at", "yesterday", "--to", "/work/target", "--yes"]
    assert "2026-11-23" in site.collector.run(words, at=NOW).out
    words[5] = "5 days ago"
    refused = site.collector.run(words, at=NOW, check=False)
    assert refused.code == 1
    assert "no snapshot of 2026-11-19; there are 2026-11-22, 2026-11-23, 2026-11-24" in refused.err


# -- what was there stays


def test_nothing_is_written_before_it_is_said_and_agreed_to(site: Restores, target: Path) -> None:
    dry = site.restore(site.one.name, DATA, "--to", "/work/target", "--dry-run", "-v")
    assert dry.code == 0, dry.describe()
    assert f"  {DATA}/d0/out\n" in dry.out
    assert site.restore(site.one.name, DATA, "--to", "/work/target").code == 2
    assert os.listdir(target) == []


def test_what_differs_is_overwritten_only_when_told_and_what_is_more_goes_only_with_exact(
    site: Restores, target: Path, chance: random.Random
) -> None:
    line = [site.one.name, DATA, "--to", "/work/target", "--yes"]
    site.restore(*line)
    change_source(target / "srv/data", chance)
    (target / "srv/data/d2/more").mkdir()
    (target / "srv/data/d2/more/file").write_text("more")
    before = picture(target)
    refused = site.restore(*line)
    assert refused.code == 1
    assert "--overwrite replaces them" in refused.err
    assert picture(target) == before
    assert site.restore(*line, "--overwrite").code == 0
    now = describe(target / "srv/data")
    wanted = describe(site.source(site.one, LAST))
    more = now.keys() - wanted.keys()
    assert {name.partition("/")[0] for name in more} == {"d1", "d2"}
    assert {name: line for name, line in now.items() if name not in more} == wanted
    done = site.restore(*line, "--overwrite", "--exact")
    assert done.code == 0, done.describe()
    assert "/srv/data/d2/more\n" in done.out
    assert describe(target / "srv/data") == wanted


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("ln -s /work/outside srv", "/work/target/srv is a symlink to /work/outside, and who knows"),
        ("mkdir -p srv/data && ln -s ../../../outside srv/data/d1", "srv/data/d1 is a symlink to ../../../outside"),
        ("mkdir -p srv/data/d1/file1/x", "srv/data/d1/file1 is a directory, other than in the snapshot"),
        ("mkdir -p srv/data/d1/file1", "srv/data/d1/file1 is a directory, other than in the snapshot"),
        ("mkdir -p srv && echo x >srv/data", "/work/target/srv/data is no directory, other than in the snapshot"),
        ("cd .. && mv target real && ln -s real target", "/work/target is a symlink to real"),
    ],
)
def test_what_is_in_the_way_is_named_and_left(site: Restores, target: Path, script: str, complaint: str) -> None:
    site.collector.sh(script, cwd="/work/target")
    before = picture(site.collector.path("/work"))
    done = site.restore(site.one.name, f"{DATA}/d1", "--to", "/work/target", "--yes", "--overwrite", "--exact")
    assert done.code == 1
    assert complaint in done.err
    assert picture(site.collector.path("/work")) == before


def contents(root: Path) -> dict[str, object]:
    """Return the hash of every regular file, by its name."""
    return {name: line[-2] for name, line in describe(root).items() if str(line[0]).startswith("10")}


def wait_for_a_first_file(running: Process, data: Path) -> None:
    """Return as soon as something is written below a directory, or all is over."""
    before = {path: path.stat().st_mtime_ns for path in data.glob("d*")}
    while running.poll() is None and all(path.stat().st_mtime_ns == at for path, at in before.items()):
        time.sleep(0.0005)


def test_a_restore_that_is_killed_leaves_whole_files_and_the_next_one_completes_it(
    site: Restores, target: Path, chance: random.Random
) -> None:
    data, wanted = target / "srv/data", describe(site.source(site.one, LAST))
    line = [site.one.name, DATA, "--to", "/work/target", "--yes", "--overwrite"]
    site.restore(*line, "--at", NIGHTS[0])
    site.collector.sh("""mkdir -p /restored && cp -a /work/target/srv/data /restored/old
        find /restored/old -type f -exec sh -c 'for file; do echo old >>"$file"; done' sh {} +""")
    began = time.monotonic()
    site.restore(*line)
    usual = time.monotonic() - began
    new, old = contents(data), contents(site.collector.path("/restored/old"))
    caught = half = 0
    for number in times(100):
        site.collector.sh("rm -r /work/target/srv/data && cp -a /restored/old /work/target/srv/data")
        running = site.collector.popen(
            ["kaizen", "restore", *line], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if number % 2:
            time.sleep(usual * chance.random())
        else:
            wait_for_a_first_file(running, data)
            time.sleep(0.01 * chance.random())
        caught += running.poll() is None
        running.end()
        site.collector.sh("for i in {1..100}; do pgrep -x rsync >/dev/null || break; sleep 0.05; done")
        found = contents(data)
        half += old != found != new
        temporary = found.keys() - old.keys() - new.keys()
        for name in found.keys() - temporary:
            assert found[name] in (old.get(name), new.get(name)), name
        assert old.keys() <= found.keys()
        done = site.restore(*line)
        assert done.code == 0, done.describe()
        for name in temporary:
            where = f"/work/target/srv/data/{name}"
            assert f"left by a restore that was broken off, and yours to remove: {where}\n" in done.out
            (target / where.removeprefix("/work/target/")).unlink()
        more = contents(data).keys() - new.keys()
        assert more <= old.keys()
        assert contents(data).items() >= new.items()
        assert site.restore(*line, "--exact").code == 0
        assert describe(data) == wanted
    assert caught > len(times(100)) // 3
    print(f"{caught} of {len(times(100))} were caught at work, {half} half-way")


def test_a_full_disk_leaves_whole_files(site: Restores, target: Path, chance: random.Random) -> None:
    line = [site.one.name, DATA, "--to", "/work/target", "--yes", "--overwrite"]
    site.collector.sh("mount -t tmpfs -o size=4m target /work/target")
    try:
        data = site.collector.path("/work/target/srv/data")
        site.restore(*line, "--at", NIGHTS[0])
        site.collector.sh("find /work/target -type f -exec sh -c 'for file; do echo old >>$file; done' sh {} + || true")
        old, new = contents(data), contents(site.source(site.one, LAST))
        full = 0
        for _ in times(30):
            left = chance.randrange(16_000)
            site.collector.sh(f"""cd /work/target; free=$(df --output=avail -B1 . | tail -1)
                head -c $((free - {left})) /dev/zero >ballast""")
            done = site.restore(*line)
            site.collector.sh("rm /work/target/ballast")
            if done.code != 0:
                full += 1
                assert done.code == 1
                assert "there is no room left; every file there is whole" in done.err
                assert "are free there" in done.out
            found = contents(data)
            assert old.keys() <= found.keys() <= old.keys() | new.keys()
            for name, content in found.items():
                assert content in (old.get(name), new.get(name)), name
        assert full
        assert site.restore(*line).code == 0
        assert contents(data).items() >= new.items()
    finally:
        site.collector.sh("umount /work/target")


def test_who_swaps_a_directory_for_a_symlink_meanwhile_gains_nothing(
    site: Restores, target: Path, chance: random.Random
) -> None:
    """The target fixture looks whether anything came to /work/outside."""
    swap = """cd /work/target/srv/data; while :; do
        mv d1 .d1 && ln -s ../../../outside d1; rm -f d1; mv .d1 d1; done"""
    site.collector.sh("mkdir -p /work/target/srv/data/d1 /work/target/srv/data/d2")
    swapping = site.collector.popen(["bash", "-c", swap], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in times(100):
        done = site.restore(site.one.name, f"{DATA}/d1", "--to", "/work/target", "--yes", "--overwrite")
        assert done.code in (0, 1, 65)
        assert "Traceback" not in done.err
    swapping.end()


# -- what is stored


def test_a_rotten_file_is_refused_and_an_older_snapshot_suggested(site: Restores, target: Path) -> None:
    stored = site.collector.path(f"{STORE}/{site.two.name}/{LAST}/srv/data")
    name = next(p.relative_to(stored) for p in sorted(stored.rglob("file*")) if p.is_file() and p.stat().st_nlink == 1)
    file = stored / name
    before = file.read_bytes()
    try:
        file.write_bytes(before + b"rot")
        done = site.restore(site.two.name, DATA, "--to", "/work/target", "--yes")
        assert done.code == 65
        assert f"{LAST}: {DATA}/{name} does not have its sum any more" in done.err
        assert "--at 2026-11-23 is the newest older snapshot in which all of this is whole" in done.err
        assert os.listdir(target) == []
        whole = site.restore(site.two.name, f"{DATA}/odd", "--to", "/work/target", "--yes")
        assert whole.code == 0, whole.describe()
        assert site.restore(site.two.name, DATA, "--at", NIGHTS[1], "--to", "/work/target", "--yes").code == 0
    finally:
        file.write_bytes(before)


def test_the_store_itself_is_no_target(site: Restores) -> None:
    before = picture(site.collector.path(STORE))
    for to in (STORE, f"{STORE}/{site.one.name}/2026-11-22", "/backups/nodes/../nodes/x"):
        done = site.restore(site.one.name, "/etc/shells", "--to", to, "--yes", "--overwrite")
        assert done.code == 1
        assert "what is stored is never written to" in done.err
    assert picture(site.collector.path(STORE)) == before


# -- to a host


@pytest.fixture(scope="module")
def reached(site: Restores) -> Restores:
    """The administrator's key lets them in on two hosts: as root, and as a user with sudo."""
    key = site.collector.read("/root/.ssh/id_ed25519.pub")
    for node in (site.one, site.spare):
        let_in(node, key)
        node.sh("""useradd -m -s /bin/bash admin && usermod -p x admin
            echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin""")
    # A number's name must not matter: this one has another at each end.
    site.one.sh("usermod -u 1600 -l both nine && useradd -u 1009 other")
    site.collector.sh("useradd -m -s /bin/bash alice; useradd -u 1009 both")
    site.collector.sh("""install -d -m 700 -o alice /home/alice/.ssh
        ssh-keygen -q -t ed25519 -N '' -f /home/alice/.ssh/id_ed25519
        printf 'Host the-one\\n HostName one.kaizen.example\\n User admin\\n' >/home/alice/.ssh/config
        chown -R alice /home/alice/.ssh""")
    let_in(site.one, site.collector.read("/home/alice/.ssh/id_ed25519.pub"), "admin")
    return site


def test_it_goes_back_to_where_it_was_as_root(reached: Restores) -> None:
    one, path = reached.one, f"{DATA}/d4"
    wanted = describe(reached.source(one, LAST) / "d4")
    one.sh(f"rm -r {path}/file4 && echo broken >{path}/file9 && chmod 0755 {path} && mkdir -p {path}/more/x")
    refused = reached.restore(one.name, path, "--to", f"{one.name}:/", "--yes")
    assert refused.code == 1
    assert f"  {one.name}:{path}/file9" in refused.err
    assert one.read(f"{path}/file9") == "broken\n"
    done = reached.restore(one.name, path, "--to", f"root@{one.name}:/", "--yes", "--overwrite")
    assert done.code == 0, done.describe()
    assert "warning: user 1009 was nine, and is other there: owners go by number" in done.out
    assert one.sh(f"ls -d {path}/more").code == 0
    exact = reached.restore(one.name, path, "--to", f"{one.name}:/", "--yes", "--exact", "--overwrite")
    assert exact.code == 0, exact.describe()
    assert "delete 1:\n  /srv/data/d4/more\n" in exact.out
    assert describe(one.path(path)) == wanted


def test_a_restore_to_a_host_that_is_killed_leaves_whole_files_there(reached: Restores, chance: random.Random) -> None:
    one = reached.one
    line = [one.name, DATA, "--to", f"{one.name}:/tmp/killed", "--yes", "--overwrite"]
    data, new = one.path(f"/tmp/killed{DATA}"), contents(reached.source(one, LAST))
    assert reached.restore(*line, "--at", NIGHTS[0]).code == 0
    one.sh(f"find /tmp/killed{DATA} -type f -exec sh -c 'for file; do echo old >>\"$file\"; done' sh {{}} +")
    old = contents(data)
    for _ in times(20):
        running = reached.collector.popen(
            ["kaizen", "restore", *line], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_a_first_file(running, data)
        time.sleep(0.005 * chance.random())
        running.end()
        one.sh("for i in {1..100}; do pgrep -x rsync >/dev/null || exit 0; sleep 0.1; done; exit 1")
        for name, content in contents(data).items():
            assert content in (old.get(name), new.get(name)), name
    assert reached.restore(*line, "--exact").code == 0
    assert describe(data) == describe(reached.source(one, LAST))


def test_it_goes_with_the_ssh_of_who_called_sudo_and_with_sudo_there(reached: Restores) -> None:
    one = reached.one
    one.sh("rm -rf /tmp/all")
    env = {"SUDO_USER": "alice"}
    reached.collector.sh("mkdir -p /root/.ssh && mv /root/.ssh/id_ed25519 /root/.ssh/away")
    try:
        odd = [os.fsdecode(f"{DATA}/odd/".encode() + name) for name in ODD]
        done = reached.restore(
            one.name, *odd, f"{DATA}/d1", f"{DATA}/d2", "--to", "the-one:/tmp/all it's", "--yes", env=env
        )
        assert done.code == 0, done.describe()
        for name in ("odd", "d1", "d2"):
            got = describe(one.path(f"/tmp/all it's{DATA}/{name}"))
            assert got == describe(reached.source(one, LAST) / name)
    finally:
        reached.collector.sh("mv /root/.ssh/away /root/.ssh/id_ed25519")


def test_system_files_go_to_a_host_of_another_name_only_when_told(reached: Restores) -> None:
    spare = reached.spare
    before = spare.read("/etc/shells")
    spare.write("/etc/shells", "mine\n")
    key = " ".join(spare.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    unknown = reached.restore(reached.one.name, "/etc/shells", "--to", f"{spare.name}:/", "--yes")
    assert unknown.code == 69
    assert "its host key is not known" in unknown.err
    reached.collector.write("/root/.ssh/known_hosts", f"{spare.name} {key}\n")
    line = [reached.one.name, "/etc/shells", "--to", f"{spare.name}:/", "--yes", "--overwrite"]
    refused = reached.restore(*line)
    assert refused.code == 1
    assert f"is on {spare.name}, and these are files of {reached.one.name}'s system" in refused.err
    assert spare.read("/etc/shells") == "mine\n"
    assert reached.restore(reached.one.name, "/", *line[2:]).code == 1
    assert reached.restore(reached.one.name, f"{DATA}/d2", *line[2:]).code == 0
    done = reached.restore(*line, "--other-host")
    assert done.code == 0, done.describe()
    assert spare.read("/etc/shells") == before


def test_symlinks_of_a_host_are_not_written_through(reached: Restores) -> None:
    one = reached.one
    one.sh(
        "rm -rf /home/x && mkdir -p /home/x/srv /home/outside && ln -s /home/outside /home/x/srv/data; ln -s x /home/y"
    )
    for to, name in (("/home/x", "/home/x/srv/data"), ("/home/y", "/home/y")):
        done = reached.restore(one.name, f"{DATA}/d1", "--to", f"{one.name}:{to}", "--yes", "--overwrite")
        assert done.code == 1
        assert f"{one.name}:{name} is a symlink to " in done.err
    assert one.sh("ls -A /home/outside").out == ""


def test_a_host_that_is_not_there_or_lets_nobody_in_is_named(reached: Restores) -> None:
    for to, words in (("nowhere.kaizen.example:/", "cannot be reached"), (f"{reached.two.name}:/", "does not let you")):
        done = reached.restore(reached.one.name, "/etc/shells", "--to", to, "--yes")
        assert done.code == 69, done.describe()
        assert words in done.err
