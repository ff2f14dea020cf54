"""A drill that compares with the live node: by the administrator's ssh, whatever the node is like and answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bare_host import let_in
from doors import picture
from lab import Fleet, Node, Result
from restores import NIGHTS, Restores

DATA, REFERENCE = "/srv/data", f"/reference/{NIGHTS[-1]}"
KEYS = "/root/.ssh/authorized_keys"


class Site(Restores):
    """A collector whose root may log in on one node, which has every kind of name."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet)
        self.key = self.collector.read("/root/.ssh/id_ed25519.pub")
        self.reset()

    def _furnish(self, node: Node) -> None:
        super()._furnish(node)
        # A role of the site's own: nothing is known of what such a node must have.
        node.write("/etc/kaizen/roles/data.conf", "")
        node.write("/at-the-root", "a file\n")
        conf = node.read("/etc/kaizen/node.conf")
        node.write("/etc/kaizen/node.conf", f"role = data\npath = /at-the-root\n{conf}")

    def reset(self) -> None:
        """Make of the node what was saved, and let the administrator in."""
        self.one.sh(f"rm -rf {DATA} && cp -a {REFERENCE} {DATA}; rm -f {KEYS}")
        let_in(self.one, self.key)

    def drill(self, *arguments: str, env: dict[str, str] | None = None) -> Result:
        line = ["kaizen", "drill", self.one.name, "--live", *arguments]
        return self.collector.run(line, check=False, env=env)

    def compared(self, done: Result) -> dict[str, Any]:
        """Return what a drill with --json says of the comparison."""
        live: dict[str, Any] = json.loads(done.out)["live"]
        return live

    def proven(self) -> bool:
        """Does the node count as proven, by the drill just now?"""
        nodes = json.loads(self.collector.run(["kaizen", "status", "--json"], check=False).out)["nodes"]
        (status,) = [node for node in nodes if node["node"] == self.one.name]
        return bool(status["proven"]) and status["drill_failed"] is None

    def forget(self) -> None:
        """Forget all drills."""
        script = """import sqlite3
with sqlite3.connect('/var/lib/kaizen/history.sqlite') as db:
    db.execute('DELETE FROM drills')"""
        self.collector.run(["python3", "-c", script])
        assert not self.proven()


@pytest.fixture(scope="module")
def fleet_site() -> Iterator[Site]:
    with Fleet("live") as fleet:
        yield Site(fleet)


@pytest.fixture
def site(fleet_site: Site) -> Iterator[Site]:
    """Yield the site with no drill on record, and make the node good again."""
    fleet_site.forget()
    yield fleet_site
    fleet_site.reset()


def test_a_node_that_nobody_touched_is_all_the_same(site: Site) -> None:
    before = picture(site.one.path("/srv"), "*")
    done = site.drill("-v")
    assert done.code == 0, done.describe()
    assert "files with the live node: all the same\n" in done.out
    live = site.compared(site.drill("--json"))
    assert live["files"] > 50
    assert (live["same"], live["changed"], live["gone"], live["not_done"]) == (live["files"], 0, 0, None)
    assert site.proven()
    assert picture(site.one.path("/srv"), "*") == before


def test_a_flipped_byte_whose_time_was_put_back_is_named(site: Site) -> None:
    site.one.sh(f"""cd {DATA}/odd/*line && touch -r *line /tmp/time
        printf N | dd of="$(echo *line)" conv=notrunc status=none && touch -r /tmp/time *line""")
    done = site.drill("--json")
    assert done.code == 1, done.describe()
    (problem,) = json.loads(done.out)["problems"]
    name = f"{DATA}/odd/new\\nline/new\\nline"
    assert problem.startswith(f"{name} has another content on the live node, and the same size and time")
    assert f"kaizen: {site.one.name}: {NIGHTS[-1]}: {name} has another content" in done.err
    assert not site.proven()


def test_what_was_changed_or_deleted_since_is_no_failure(site: Site) -> None:
    site.one.sh(f"""cd {DATA}/d0 && echo more >>file5 && touch file10 && rm file15
        mv {DATA}/d4 {DATA}/moved && ln -s moved {DATA}/d4""")
    saved = len([path for path in site.one.path(f"{REFERENCE}/d4").iterdir() if path.is_file()])
    done = site.drill("--json")
    assert done.code == 0, done.describe()
    live = site.compared(done)
    assert (live["changed"], live["gone"]) == (2 + saved, 1)
    assert live["same"] == live["files"] - live["changed"] - live["gone"] > 0
    assert site.proven()


def test_that_nothing_is_as_it_was_is_said_and_is_no_failure(site: Site) -> None:
    site.one.sh(
        f"find {DATA} -type f -exec touch {{}} + && cp -p /etc/shells /etc/passwd /at-the-root /root && rm /etc/shells"
    )
    site.one.sh("touch /etc/passwd /at-the-root")
    try:
        done = site.drill()
    finally:
        site.one.sh("cp -p /root/shells /root/passwd /etc; cp -p /root/at-the-root /")
    assert done.code == 0, done.describe()
    assert done.out == ""
    assert "compared 0 of " in done.err
    assert "none is as it was" in done.err


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("cat /dev/zero", "what it answers is endless"),
        ("yes", "what it answers is endless"),
        ("yes >&2", "what it answers is endless"),
        ("echo hello", "what it says is no answer to what it was asked"),
        ("printf '0 gone\\ndone\\n'", "what it says is no answer to what it was asked"),
        ("printf '\\033[2J' >&2; exit 3", "\\x1b[2J"),
        ("true", "what it says is no answer to what it was asked"),
    ],
)
def test_a_node_that_answers_rubbish_is_named_and_harms_nothing(site: Site, command: str, complaint: str) -> None:
    site.one.write(KEYS, f'restrict,command="{command}" {site.key}', mode=0o600)
    done = site.drill("--json")
    assert done.code == 69, done.describe()
    assert f"kaizen: {site.one.name}: not compared: {complaint}" in done.err
    assert len(done.err.splitlines()) == 1
    assert json.loads(done.out)["good"]
    assert site.proven()


def test_a_node_that_lets_nobody_in_or_is_not_there_is_named_and_proven_all_the_same(site: Site) -> None:
    site.one.sh(f"rm {KEYS}")
    refused = site.drill("-v")
    site.one.cut()
    try:
        cut = site.drill("-v")
    finally:
        site.one.mend()
    assert [refused.code, cut.code] == [69, 69]
    assert "not compared: it does not let you log in" in refused.err
    assert f"not compared: {site.one.name} cannot be reached by ssh" in cut.err
    assert "is proven restorable" in cut.out
    assert "compared" not in cut.out
    assert site.proven()


def test_a_node_with_another_host_key_is_not_asked(site: Site) -> None:
    known = site.collector.read("/var/lib/kaizen/known_hosts")
    site.collector.write("/var/lib/kaizen/known_hosts", known.replace(f"{site.one.name} ", "other.example "))
    try:
        done = site.drill()
    finally:
        site.collector.write("/var/lib/kaizen/known_hosts", known)
    assert done.code == 69
    assert "not compared: its host key is not known to you, nor to the node list" in done.err


def test_it_goes_with_the_ssh_of_who_called_sudo_and_with_sudo_there(site: Site) -> None:
    site.one.sh("""rm /root/.ssh/authorized_keys; useradd -m -s /bin/bash admin && usermod -p x admin
        echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin""")
    site.collector.sh(f"""useradd -m -s /bin/bash alice; install -d -m 700 -o alice /home/alice/.ssh
        ssh-keygen -q -t ed25519 -N '' -f /home/alice/.ssh/id_ed25519
        printf 'Host {site.one.name}\\n User admin\\n' >/home/alice/.ssh/config
        chown -R alice /home/alice/.ssh""")
    let_in(site.one, site.collector.read("/home/alice/.ssh/id_ed25519.pub"), "admin")
    live = site.compared(site.drill("--json", env={"SUDO_USER": "alice"}))
    # Only root can read all of them; the new user is in /etc/passwd.
    assert (live["same"], live["changed"]) == (live["files"] - 1, 1)
    site.one.sh("rm /etc/sudoers.d/admin")
    refused = site.drill(env={"SUDO_USER": "alice"})
    assert refused.code == 69
    assert "not compared: sudo refuses" in refused.err


def test_without_live_no_node_is_asked(site: Site) -> None:
    site.one.cut()
    try:
        done = site.collector.run(["kaizen", "drill", site.one.name, "--json"], check=False)
    finally:
        site.one.mend()
    assert done.code == 0, done.describe()
    assert json.loads(done.out)["live"] is None
