"""Offsite on a real Ceph Object Gateway, with the policy of docs/offsite-s3-policy.json: the collector adds and never
takes back. What it overwrites stays there as an older version.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from bare_host import make_collector
from lab import Fleet, Node, Result
from stored import Nights

PORT = 7480
BUCKET = "copies"
POLICY = Path(__file__).parents[2] / "docs/offsite-s3-policy.json"
RGW = Path(__file__).parents[1] / "lab/rgw.sh"
VERSIONING = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
UNVERSIONING = VERSIONING.replace("Enabled", "Suspended")
SECRET = b"a string that nobody may read 4711"
DAY = "2026-11-24"


class World:
    """A collector with a night of a node, and a bucket that is somebody else's."""

    def __init__(self, fleet: Fleet) -> None:
        self.node = fleet.add("backup.kaizen.example")
        make_collector(self.node)
        start = 'bash -s /srv/ceph "$@" >/var/log/rgw.log 2>&1'
        self.node.sh(start, f"{PORT}", "owner", "collector", input=RGW.read_text())
        policy = POLICY.read_text()
        for word, name in (("COLLECTOR", "collector"), ("OWNER", "owner"), ("BUCKET", BUCKET)):
            policy = policy.replace(word, name)
        for path, body in (("", ""), ("?versioning=", VERSIONING), ("?policy=", policy)):
            assert self.ask("owner", "PUT", path, body) in ("200", "204"), path
        self.settings("collector", "/etc/kaizen/collector.yaml", store="/backups/nodes")
        self.initialized = self.node.run(["kaizen", "offsite", "init"])
        self.nights = Nights(self.node.path("/backups/nodes"), "n.example")
        self.nights.add(DAY, {"etc/secret": SECRET, "etc/name": b"n.example"})
        self.node.run(["kaizen", "history", "rebuild"])
        self.node.run(["kaizen", "verify"])
        self.pushed = self.node.run(["kaizen", "offsite", "push"], check=False)

    def settings(self, user: str, file: str, **more: str) -> None:
        """Write settings with which that user comes to the bucket."""
        keys = f"AWS_ACCESS_KEY_ID={user.upper()}KEY\nAWS_SECRET_ACCESS_KEY={user.upper()}SECRET\n"
        self.node.write(f"/etc/kaizen/offsite/{user}.environment", keys, mode=0o600)
        stated = {
            "repository": f"s3:http://127.0.0.1:{PORT}/{BUCKET}",
            "environment_file": f"/etc/kaizen/offsite/{user}.environment",
            "forget": {"days": 1, "weeks": 0, "months": 0, "newest": 1},
        }
        self.node.write(file, yaml.safe_dump({**more, "offsite": {"s3": stated}}))

    def curl(self, user: str, method: str, path: str, body: str = "") -> Result:
        """Ask the gateway for something in the bucket, as that user; the last line is the code of the answer."""
        sign = ["--aws-sigv4", "aws:amz:default:s3", "--user", f"{user.upper()}KEY:{user.upper()}SECRET"]
        sign += ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
        line = ["curl", "-s", *sign, "-X", method, "-w", "\n%{http_code}", *(["--data-binary", body] if body else [])]
        return self.node.run([*line, f"http://127.0.0.1:{PORT}/{BUCKET}{path}"])

    def ask(self, user: str, method: str, path: str, body: str = "") -> str:
        """Do so, and return the code of the answer."""
        return self.curl(user, method, path, body).out.splitlines()[-1]

    def objects(self) -> list[str]:
        """Return what is in the bucket, but the locks."""
        listed = self.curl("owner", "GET", "?list-type=2").out
        return sorted(key for key in re.findall("<Key>([^<]+)</Key>", listed) if not key.startswith("locks/"))

    def versions(self, key: str) -> list[str]:
        """Return the versions of an object, the newest first."""
        listed = self.curl("owner", "GET", f"?prefix={quote(key, safe='')}&versions=").out
        return re.findall("<VersionId>([^<]+)</VersionId>", listed)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Fleet("offsite-s3") as fleet:
        yield World(fleet)


def test_what_is_pushed_comes_back_and_nothing_of_it_can_be_read_there(world: World, tmp_path: Path) -> None:
    assert world.pushed.code == 0, world.pushed.describe()
    for key in world.objects():
        assert SECRET.decode() not in world.curl("owner", "GET", f"/{key}").out
    world.node.run(["kaizen", "offsite", "check", "--everything"])
    world.node.run(["kaizen", "offsite", "restore", "n.example", "--to", "/root/back"])
    world.node.sh("cd /root/back && sha256sum --quiet --strict -c SHA256SUMS")
    assert world.node.read("/root/back/etc/secret") == SECRET.decode()


def test_no_key_stands_on_a_command_line(world: World) -> None:
    """Whatever restic is started with is written down."""
    world.node.run(["kaizen", "offsite", "status"])
    secret = world.node.read("/etc/kaizen/offsite/s3.password").strip()
    noted = """#!/bin/bash\ntr '\\0' ' ' </proc/$$/cmdline >>/tmp/seen\nexec /usr/bin/restic "$@"\n"""
    world.node.write("/usr/sbin/restic", noted, mode=0o755)
    world.node.run(["kaizen", "offsite", "push"])
    world.node.sh("rm /usr/sbin/restic")
    seen = world.node.read("/tmp/seen")
    assert "/usr/sbin/restic " in seen
    assert "--password-file=/etc/kaizen/offsite/s3.password" in seen
    assert secret not in seen
    assert "COLLECTORSECRET" not in seen


def test_the_collector_s_keys_can_delete_nothing_and_change_no_rule(world: World) -> None:
    before = world.objects()
    assert {key.partition("/")[0] for key in before} == {"config", "data", "index", "keys", "snapshots"}
    for key in before:
        assert world.ask("collector", "DELETE", f"/{key}") == "403"
        assert world.ask("collector", "DELETE", f"/{key}?versionId={world.versions(key)[0]}") == "403"
    for rule, body in (
        ("policy", "{}"),
        ("versioning", VERSIONING.replace("Enabled", "Suspended")),
        ("lifecycle", "<x/>"),
    ):
        assert world.ask("collector", "PUT", f"?{rule}=", body) == "403"
        assert world.ask("collector", "DELETE", f"?{rule}=") in ("403", "405")
    assert world.ask("collector", "DELETE", "") == "403"
    assert world.objects() == before


def test_what_is_overwritten_is_there_as_an_older_version(world: World) -> None:
    objects = world.objects()
    for key in objects:
        assert world.ask("collector", "PUT", f"/{key}", "forged") == "200"
    assert world.node.run(["kaizen", "offsite", "check"], check=False).code != 0
    for key in objects:
        forged, *_ = world.versions(key)
        assert world.ask("owner", "DELETE", f"/{key}?versionId={forged}") == "204"
    world.node.sh("rm -rf /var/lib/kaizen/offsite/cache")
    world.node.run(["kaizen", "offsite", "check", "--everything"])


def test_the_owner_forgets_and_prunes_what_the_collector_made(world: World) -> None:
    world.settings("owner", "/root/owner.yaml", state="/root/owner")
    forget = ["kaizen", "--config", "/root/owner.yaml", "offsite", "forget"]
    world.node.run(forget, at="2026-11-24 12:00:00")
    world.nights.add("2026-11-25", {"etc/name": b"n.example"})
    world.node.run(["kaizen", "history", "rebuild"])
    world.node.run(["kaizen", "verify"])
    world.node.run(["kaizen", "offsite", "push"])
    world.node.run(forget, at="2026-11-25 12:00:00")
    done = world.node.run([*forget, "--prune"], at="2026-12-24 12:00:00", check=False)
    assert done.code == 0, done.describe()
    listed = json.loads(restic(world.node, "snapshots", "--json").out)
    assert [[tag for tag in one["tags"] if "snapshot" in tag] for one in listed] == [["snapshot=2026-11-25"]]


def restic(node: Node, *arguments: str) -> Result:
    """Run restic itself, with the collector's keys."""
    script = 'set -a; . /etc/kaizen/offsite/collector.environment; exec restic --no-cache --no-lock --repo "$0" \\\n'
    script += '--password-file /etc/kaizen/offsite/s3.password "$@"'
    return node.run(["bash", "-c", script, f"s3:http://127.0.0.1:{PORT}/{BUCKET}", *arguments])
