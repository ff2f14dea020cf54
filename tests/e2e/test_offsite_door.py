"""Offsite, append-only: what a collector adds it can't take back, whoever has root there.

The offsite host is made by `kaizen-onboard offsite`; it forgets by itself, by the day of arrival.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bare_host import BareHosts, differing, fingerprint
from document import read_document
from doors import KAIZEN, picture
from kaizen_backups.offsite.refusal import KINDS
from lab import Fleet, Result
from stored import Nights

NODES = ("a.example", "b.example")
DAYS = ("2026-11-22", "2026-11-23")
REPOSITORY = "/srv/kaizen-offsite"
USER = "kaizen-offsite"
HOME = f"/var/lib/{USER}"
SECRET = b"a string that nobody may read 4711"
OPTIONS = "-o BatchMode=yes -o UserKnownHostsFile=/etc/kaizen/offsite/known_hosts -i /etc/kaizen/ssh/id_ed25519"
DOCUMENT = read_document(Path(__file__).parents[2] / "docs/offsite.md")


def commands(section: str) -> list[str]:
    """Return what a reader of the document types on the collector."""
    return [block.commands for block in DOCUMENT[section]]


POLICY = "{days: 30, weeks: 8, months: 12, newest: 3}"
# Ask the server behind the door for something, as the key's holder can: METHOD and PATH by turns.
ASK = """
import sys
from pathlib import Path
from kaizen_backups.offsite.refusal import ask
from kaizen_backups.offsite.repository import repositories
from kaizen_backups.settings import load_settings
(restic,) = repositories(load_settings())
words = sys.argv[1:]
for method, path in zip(words[::2], words[1::2]):
    print(ask([*restic.ssh(), "serve restic --stdio"], method, path, "--data-binary", "forged"))
"""


class World:
    """A collector with two nights of two nodes, and the host that keeps their copies."""

    def __init__(self, fleet: Fleet) -> None:
        self.bare = BareHosts(fleet, "offsite")
        self.collector, self.vault = self.bare.collector, self.bare.hosts["offsite"]
        (command,) = commands("An append-only host")
        self.onboarded = self.collector.sh(f"{command.strip()} --fingerprint {fingerprint(self.vault)}", check=False)
        assert self.onboarded.code == 0, self.onboarded.describe()
        said = re.search(
            r"The settings are to say:\n\n(.*)\n\nand then: (kaizen offsite init offsite)", self.onboarded.out, re.S
        )
        assert said
        self.collector.sh("cat >>/etc/kaizen/collector.yaml", input=said[1])
        (command,) = commands("Begin")
        assert said[2].startswith(command.strip())
        self.initialized = self.collector.sh(command)
        self.nights = {node: Nights(self.collector.path("/backups/nodes"), node) for node in NODES}
        for day in DAYS:
            self.receive(day)
        (command,) = commands("Every day")
        self.collector.sh(f"set -e; {command}")
        (repository,) = json.loads(self.kaizen("offsite", "status", "--json").out)["repositories"]
        assert [node["waiting"] for node in repository["nodes"]] == [0] * len(NODES)

        self.by_hand = f"{OPTIONS} {USER}@{self.vault.name}"

    def onboard(self, *options: str) -> Result:
        return self.bare.onboard("offsite", self.vault.name, "--fingerprint", fingerprint(self.vault), *options)

    def receive(self, day: str) -> None:
        """Let a night of both nodes come."""
        for node, nights in self.nights.items():
            nights.add(day, {"etc/name": node.encode(), "etc/secret": SECRET, "etc/day": day.encode()})
        self.collector.run(["kaizen", "history", "rebuild"])
        self.collector.run(["kaizen", "verify"])

    def kaizen(self, *arguments: str) -> Result:
        return self.collector.run(["kaizen", *arguments], check=False)

    def attack(self, *words: str) -> list[str]:
        """Ask as root of the collector, with all that it has; return the answers."""
        line = KAIZEN.replace("'from kaizen_backups.cli.main import main; main()'", '"$0"').partition("\n")[2]
        script = line.replace('-c "$0" "$@"', '- "$@"')
        return self.collector.sh(script, *words, input=ASK).out.split()

    def restic(self, *arguments: str, password: str = f"{HOME}/forget/password") -> Result:
        """Run restic on the offsite host, as the repository's user."""
        line = ["restic", "--no-cache", "--repo", REPOSITORY, "--password-file", password, *arguments]
        return self.vault.run(line, user=USER, check=False)

    def forget(self, at: str, *options: str) -> Result:
        """Let the offsite host forget, on that day."""
        line = ["kaizen", "--config", f"{HOME}/forget.yaml", "offsite", "forget", *options]
        return self.vault.run(line, user=USER, at=f"{at} 12:00:00", check=False)

    def kept(self) -> dict[str, bytes]:
        """Return every file of the repository but the locks."""
        root = self.vault.path(REPOSITORY)
        files = (path for path in root.rglob("*") if path.is_file() and path.parent.name != "locks")
        return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Fleet("offsite-door") as fleet:
        world = World(fleet)
        make_forgetter(world)
        yield world


def make_forgetter(world: World) -> None:
    """Let the offsite host forget, as the document says."""
    world.vault.write("/usr/local/bin/kaizen", KAIZEN, mode=0o755)
    world.collector.sh("cp /etc/kaizen/offsite/known_hosts /root/.ssh/known_hosts")
    for block in DOCUMENT["Forget"]:
        {"collector": world.collector, "offsite host": world.vault}[block.place].sh(block.commands)
    assert world.vault.read("/var/lib/kaizen-offsite/forget.yaml").count(POLICY) == 1


def test_one_command_makes_the_host_and_tries_that_it_refuses_to_delete(world: World) -> None:
    assert f"{world.vault.name}: its door opens, and refuses to delete" in world.onboarded.out
    before = world.bare.trace("offsite")
    again = world.onboard()
    assert again.code == 0, again.describe()
    assert differing(before, world.bare.trace("offsite")) == []
    assert "The settings are to say" not in again.out


def test_a_door_that_would_delete_is_found_out(world: World) -> None:
    """The same door without --append-only: what an administrator has changed there, say."""
    keys = f"{HOME}/.ssh/authorized_keys"
    good = world.vault.read(keys)
    world.vault.write(keys, good.replace(" --append-only", ""))
    script = "from kaizen_backups.offsite.refusal import require_refusal as try_it; "
    script += "from kaizen_backups.offsite.repository import repositories; "
    script += "from kaizen_backups.settings import load_settings; try_it(repositories(load_settings())[0])"
    line = KAIZEN.replace("from kaizen_backups.cli.main import main; main()", script).partition("\n")[2]
    found = world.collector.sh(line, check=False)
    world.vault.write(keys, good)
    assert "it is not append-only" in found.err
    assert world.collector.sh(line, check=False).code == 0


def test_the_password_is_shown_once_and_nowhere_else(world: World) -> None:
    password = world.collector.read("/etc/kaizen/offsite/offsite.password").strip()
    assert password in world.initialized.out
    assert world.collector.sh("stat -c '%a %U' /etc/kaizen/offsite/offsite.password").out == "600 root\n"
    again = world.kaizen("offsite", "init", "offsite")
    assert (again.code, password in again.out) == (0, False)


def test_nothing_can_be_read_at_the_offsite_host(world: World) -> None:
    for path, data in world.kept().items():
        for word in (SECRET, b"secret", b"SHA256SUMS", b"a.example", b"b.example", b"backup.kaizen"):
            if path.startswith("keys/"):  # which name the host and the user that made them
                continue
            assert word not in data
            assert word.decode() not in path


def test_restic_itself_finds_all_of_it_whole(world: World) -> None:
    world.collector.run(["kaizen", "offsite", "check", "--everything"])
    assert world.restic("check", "--read-data").code == 0


def test_root_of_the_collector_can_neither_delete_nor_change_what_is_there(world: World) -> None:
    before = world.kept()
    objects = [next(path for path in sorted(before) if path.startswith(kind)) for kind in (*KINDS, "config")]
    words = [word for path in objects for word in ("DELETE", f"/{_as_asked(path)}", "POST", f"/{_as_asked(path)}")]
    answers = world.attack(*words)
    assert len(answers) == 2 * len(objects)
    assert set(answers) == {"403"}
    there = f"{USER}@{world.vault.name}"
    world.collector.write("/root/batch", f"rm {REPOSITORY}/config\n")
    for attempt in (
        f"ssh {world.by_hand} 'rm -rf {REPOSITORY}/data; id'",
        f"sftp {OPTIONS} -b /root/batch {there}",
        f"scp -O {OPTIONS} /etc/passwd {there}:{REPOSITORY}/config",
        f"rsync -e 'ssh {OPTIONS}' --delete -r /root/ {there}:{REPOSITORY}/",
    ):
        tried = world.collector.sh(f"timeout 10 {attempt} </dev/null", check=False)
        assert "uid=" not in tried.out
        assert "verification failed" not in tried.err
        assert "Permission denied" not in tried.err
    assert {path: data for path, data in world.kept().items() if path in before} == before


def _as_asked(path: str) -> str:
    """Return a file of a repository as restic asks for it: data lies in directories by the first two digits."""
    kind, _, name = path.partition("/")
    return f"{kind}/{name.partition('/')[2]}" if kind == "data" else path


def test_what_a_stolen_key_adds_evicts_nothing_whatever_date_it_bears(world: World) -> None:
    """Before, on the 24th, the offsite host has seen the real copies."""
    assert world.forget("2026-11-24").code == 0
    restic = "restic --repo rclone:store --password-file /etc/kaizen/offsite/offsite.password --no-cache"
    for when in ("2036-01-01", "2036-01-02", "2001-01-01"):
        world.collector.sh(f"""{restic} -o rclone.program='ssh {world.by_hand}' \\
            backup --quiet --host a.example --time '{when} 00:00:00' /etc/hostname""")
    real = {one["id"] for one in _listed(world) if one["tags"]}
    assert world.forget("2026-11-25").code == 0
    assert real <= {one["id"] for one in _listed(world)}
    # With a policy that keeps little all have had their time by now, but the newest that arrived of each node.
    file = f"{HOME}/forget.yaml"
    world.vault.write(file, world.vault.read(file).replace(POLICY, "{days: 2, weeks: 0, months: 0, newest: 1}"))
    assert world.forget("2026-12-24", "--prune").code == 0
    left = _listed(world)
    assert [one["hostname"] for one in left] == ["a.example", "b.example"]


def _listed(world: World) -> list[dict[str, str]]:
    found = json.loads(world.restic("snapshots", "--json", "--no-lock").out)
    return sorted(({"tags": "", **one} for one in found), key=lambda one: one["hostname"])


def test_after_the_host_has_pruned_the_collector_goes_on_adding(world: World) -> None:
    world.receive("2026-11-24")
    pushed = world.kaizen("offsite", "push")
    assert pushed.code == 0, pushed.describe()
    assert world.restic("check", "--read-data").code == 0


def test_an_empty_collector_has_its_store_again_from_repository_and_password(world: World) -> None:
    store = world.collector.path("/backups/nodes")
    before = picture(store, "*/[0-9]*/*")
    assert before
    world.collector.sh("rm -rf /backups/nodes /var/lib/kaizen; mkdir -m 0700 /backups/nodes")
    (command,) = commands("Come back")
    restored = world.collector.sh(command, check=False)
    assert restored.code == 0, restored.describe()
    assert picture(store, "*/[0-9]*/*") == before
    world.collector.sh("for d in /backups/nodes/*/*/; do (cd $d && sha256sum --quiet --strict -c SHA256SUMS); done")
    assert world.kaizen("verify").code == 0


def test_a_host_without_the_program_is_left_alone(world: World) -> None:
    world.vault.sh("mv /usr/bin/rclone /usr/bin/rclone.away")
    before = world.bare.trace("offsite")
    refused = world.onboard("--directory", "/srv/other")
    world.vault.sh("mv /usr/bin/rclone.away /usr/bin/rclone")
    assert refused.code == 78
    assert "it lacks rclone; --install installs it; nothing was done" in refused.err
    assert not world.vault.path("/srv/other").exists()
    assert [path for path in differing(before, world.bare.trace("offsite")) if "rclone" not in path] == []
