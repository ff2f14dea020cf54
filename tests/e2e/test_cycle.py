"""The whole cycle on a fleet: Puppet, cron, agent, door, collector; compared by means that are not ours."""

import json
import os
from pathlib import Path

import pytest

from cluster import Cluster
from lab import Node

NIGHTS = ("2026-11-22", "2026-11-23", "2026-11-24")


@pytest.fixture(scope="module")
def lived(cluster: Cluster) -> Cluster:
    """Return the cluster after three nights; what each node then has is what it had in the last one."""
    for node in (cluster.controller, cluster.compute, cluster.website):
        cluster.let_administrator_in(node)
    cluster.night(NIGHTS[0])
    cluster.controller.sh("echo second >/var/lib/nova/state; echo new >/etc/nova/appeared; rm /etc/glance/policy.yaml")
    cluster.website.sh("chmod 0600 /var/www/html/img/2.svg; touch -d 2020-01-01 /var/www/html/img/3.svg")
    cluster.night(NIGHTS[1])
    cluster.controller.sh("rm /etc/nova/appeared")
    cluster.night(NIGHTS[2])
    return cluster


def store(cluster: Cluster, node: Node, night: str) -> Path:
    return cluster.collector.path(f"/backups/nodes/{node.name}/{night}")


def test_every_node_and_night_is_stored_and_nothing_else(lived: Cluster) -> None:
    assert sorted(os.listdir(lived.collector.path("/backups/nodes"))) == sorted(node.name for node in lived.nodes)
    for node in lived.nodes:
        assert sorted(os.listdir(lived.collector.path(f"/backups/nodes/{node.name}"))) == list(NIGHTS)


def test_sha256sum_agrees_with_every_stored_snapshot(lived: Cluster) -> None:
    lived.collector.sh("""
        for snapshot in /backups/nodes/*/*/; do
            cd "$snapshot"
            sha256sum --quiet --strict -c SHA256SUMS
            listed=$(wc -l <SHA256SUMS) found=$(find . -type f ! -path ./SHA256SUMS -printf '\\n' | wc -l)
            [[ $listed -eq $found && $listed -gt 5 ]]
        done""")


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("controller", ["/etc/nova", "/etc/keystone", "/etc/mysql", "/var/lib/nova", "/var/log/nova"]),
        ("compute", ["/etc/nova", "/etc/libvirt", "/var/lib/nova"]),
        ("website", ["/etc/nginx", "/var/www", "/usr/local", "/root"]),
    ],
)
def test_rsync_finds_no_difference_between_source_and_store(lived: Cluster, name: str, paths: list[str]) -> None:
    node: Node = getattr(lived, name)
    excludes = ["--exclude=/var/lib/nova/instances", "--exclude=/var/www/cache", "--exclude=/root/.cache"]
    compare = ["rsync", "-naHAXcR", "--no-D", "--numeric-ids", "--delete", "--itemize-changes", *excludes]
    sources = [f"root@{node.name}:{paths[0]}", *(f":{path}" for path in paths[1:])]
    found = lived.collector.run([*compare, *sources, f"/backups/nodes/{node.name}/{NIGHTS[-1]}/"])
    assert found.out == ""


def test_unchanged_files_share_an_inode_from_night_to_night_and_changed_ones_do_not(lived: Cluster) -> None:
    def inode(node: Node, night: str, file: str) -> int:
        return (store(lived, node, night) / file).lstat().st_ino

    for night in NIGHTS[1:]:
        assert inode(lived.controller, night, "etc/nova/nova.conf") == inode(
            lived.controller, NIGHTS[0], "etc/nova/nova.conf"
        )
    for node, file in (
        (lived.controller, "var/lib/nova/state"),
        (lived.website, "var/www/html/img/2.svg"),
        (lived.website, "var/www/html/img/3.svg"),
    ):
        assert inode(node, NIGHTS[0], file) != inode(node, NIGHTS[1], file)
        assert inode(node, NIGHTS[1], file) == inode(node, NIGHTS[2], file)


def test_each_night_holds_what_there_was_that_night(lived: Cluster) -> None:
    first, second, third = (store(lived, lived.controller, night) for night in NIGHTS)
    assert (first / "var/lib/nova/state").read_text() == "state\n"
    assert (second / "var/lib/nova/state").read_text() == "second\n"
    assert [(night / "etc/nova/appeared").exists() for night in (first, second, third)] == [False, True, False]
    assert [(night / "etc/glance/policy.yaml").exists() for night in (first, second, third)] == [True, False, False]
    images = [store(lived, lived.website, night) / "var/www/html/img/2.svg" for night in NIGHTS]
    assert [image.stat().st_mode & 0o777 for image in images] == [0o644, 0o600, 0o600]


def test_what_is_excluded_is_not_there(lived: Cluster) -> None:
    assert not (store(lived, lived.controller, NIGHTS[-1]) / "var/lib/nova/instances").exists()
    assert not (store(lived, lived.website, NIGHTS[-1]) / "var/www/cache").exists()
    assert not (store(lived, lived.collector, NIGHTS[-1]) / "backups").exists()


def test_a_real_server_loads_the_dump_and_has_every_row(lived: Cluster) -> None:
    dump = store(lived, lived.controller, NIGHTS[-1]) / "dumps/mysql/nova.sql.zst"
    lived.controller.run(["mariadb", "-e", "CREATE DATABASE again"])
    lived.controller.write("/tmp/nova.sql.zst", dump.read_bytes())
    lived.controller.sh("zstd -dc /tmp/nova.sql.zst | mariadb again")
    for table in ("instances", "flavors"):
        sums = lived.controller.run(["mariadb", "-N", "-e", f"CHECKSUM TABLE nova.{table}, again.{table}"]).out.split()
        assert sums[1] == sums[3]
        assert sums[1] != "0"
    triggers = "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = 'again'"
    assert lived.controller.run(["mariadb", "-N", "-e", triggers]).out.strip() == "1"


def test_the_store_and_the_history_are_for_root_alone(lived: Cluster) -> None:
    modes = lived.collector.run(
        ["stat", "-c", "%a %U:%G", "/backups", "/backups/nodes", "/var/lib/kaizen/history.sqlite"]
    )
    assert modes.out.splitlines() == ["700 root:root", "700 root:root", "600 root:root"]


def test_status_says_that_all_are_fresh(lived: Cluster) -> None:
    status = lived.collector.run(["kaizen", "status", "--json"])
    data = json.loads(status.out)
    assert data["summary"]["fresh"] == len(lived.nodes)
    assert all(node["kept"] == 3 and node["files"] > 5 for node in data["nodes"])


def test_every_night_of_a_node_is_on_record_with_its_dumps_and_the_agents_warnings(lived: Cluster) -> None:
    shown = json.loads(lived.collector.run(["kaizen", "status", lived.controller.name, "--json"]).out)
    assert [day["date"] for day in shown["days"]] == list(NIGHTS)
    assert shown["stored"] == list(NIGHTS)
    for night in NIGHTS:
        (recorded,) = next(day["nights"] for day in shown["days"] if day["date"] == night)
        snapshot = store(lived, lived.controller, night)
        assert recorded["dumps"]["mysql/nova.sql.zst"] == (snapshot / "dumps/mysql/nova.sql.zst").stat().st_size
        info = (snapshot / "backup.info").read_text().splitlines()
        assert recorded["warnings"] == [line[10:] for line in info if line.startswith("warning = ")]


def test_a_dump_that_is_half_of_what_it_was_is_named(lived: Cluster) -> None:
    """Four usual nights make a habit; then most rows are gone."""
    for number, rows in ((2, None), (3, None), (4, 3)):
        if rows:
            lived.controller.run(["mariadb", "nova", "-e", f"DELETE FROM instances WHERE id > {rows}"])
        lived.controller.run(["kaizen-backup", "run", "--again"], at=f"{NIGHTS[2]} 12:00:00")
        lived.collector.run(["kaizen", "collect", lived.controller.name], at=f"{NIGHTS[2]} 13:00:00")
        shown = json.loads(lived.collector.run(["kaizen", "status", lived.controller.name, "--json"]).out)
        assert shown["snapshot"] == f"{NIGHTS[2]}.{number}"
        said = [words for words in shown["unusual"] if words.startswith("dump mysql/nova.sql.zst shrank: ")]
        assert bool(said) == bool(rows)


def test_puppet_applied_again_changes_nothing(lived: Cluster) -> None:
    assert {role: lived.apply(role) for role in lived.roles} == dict.fromkeys(lived.roles, 0)


def test_nothing_new_is_nothing_done_and_nothing_said(lived: Cluster) -> None:
    result = lived.collector.run(["kaizen", "collect"])
    assert (result.out, result.err) == ("", "")


def test_old_nights_leave_the_node_and_the_store_by_their_date(lived: Cluster) -> None:
    """The node keeps 3 days, the store 8; nights 4 to 10 are lived through without cron's minute."""
    for day in range(25, 31):
        date = f"2026-11-{day}"
        lived.compute.run(["kaizen-backup", "run"], at=f"{date} 01:00:00")
        lived.collector.run(["kaizen", "collect", lived.compute.name], at=f"{date} 03:00:00")
    assert sorted(os.listdir(lived.compute.path("/backups"))) == ["2026-11-28", "2026-11-29", "2026-11-30"]
    stored = sorted(os.listdir(lived.collector.path(f"/backups/nodes/{lived.compute.name}")))
    assert stored == [f"2026-11-{day}" for day in range(23, 31)]
