"""What goes wrong at one node is that node's alone, is named, and harms nothing that is stored."""

import json
import os
import time
from pathlib import Path

import pytest

from cluster import Cluster
from lab import Node, Result
from lab.services import restart_sshd


@pytest.fixture(scope="module")
def ready(cluster: Cluster) -> Cluster:
    """Return the cluster with one snapshot of everybody, collected, of the real today."""
    for node in cluster.nodes:
        node.run(["kaizen-backup", "run"])
    cluster.collector.sh("echo 'retry_seconds: 0' >>/etc/kaizen/collector.yaml && kaizen collect")
    return cluster


def again(node: Node) -> str:
    """Make one more snapshot of a node, and return its name."""
    node.run(["kaizen-backup", "run", "--again"])
    return max(os.listdir(node.path("/backups")), key=lambda name: (name[:10], int((name + ".1").split(".")[1])))


def collect(cluster: Cluster, *arguments: str) -> Result:
    return cluster.collector.run(["kaizen", "collect", *arguments], check=False)


def stored(cluster: Cluster, node: Node) -> list[str]:
    return sorted(os.listdir(cluster.collector.path(f"/backups/nodes/{node.name}")))


def picture(cluster: Cluster) -> str:
    """Return what is published in the store, in everything that counts."""
    return cluster.collector.sh("""cd /backups/nodes
        find . -path './*/[0-9]*' -printf '%p %y %m %U:%G %T@ %s %l\\n' | sort
        find . -path './*/[0-9]*' -type f -print0 | sort -z | xargs -0 sha256sum""").out


def test_a_node_that_is_off_fails_alone_and_is_named(ready: Cluster) -> None:
    ready.compute.power_off()
    snapshot = again(ready.website)
    result = collect(ready)
    ready.compute.power_on()
    assert result.code == 1
    (line,) = result.err.splitlines()
    assert line.startswith(f"kaizen: {ready.compute.name}: {ready.compute.address} port 22 cannot be reached: ")
    assert snapshot in stored(ready, ready.website)
    status = ready.collector.run(["kaizen", "status", "--json"], check=False)
    assert status.code == 1
    worst = json.loads(status.out)["nodes"][0]
    assert (worst["node"], worst["state"]) == (ready.compute.name, "failing")
    assert "cannot be reached" in worst["problem"]
    assert collect(ready).code == 0
    assert ready.collector.run(["kaizen", "status"]).code == 0


def test_a_changed_host_key_is_never_trusted_until_the_facts_say_so(ready: Cluster) -> None:
    ready.compute.sh("rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key")
    restart_sshd(ready.compute)
    snapshot = again(ready.compute)
    result = collect(ready)
    assert result.code == 1
    assert f"{ready.compute.name}: {ready.compute.address} port 22: its host key is not the one" in result.err
    assert snapshot not in stored(ready, ready.compute)
    ready.hand_over_facts([ready.compute])
    assert collect(ready).code == 0
    assert snapshot in stored(ready, ready.compute)


def test_a_key_that_is_not_let_in_is_named(ready: Cluster) -> None:
    keys = "/var/lib/kaizen/.ssh/authorized_keys"
    ready.compute.sh(f"mv {keys} /root/keys")
    result = collect(ready)
    ready.compute.sh(f"mv /root/keys {keys}")
    assert result.code == 1
    assert (
        f"{ready.compute.name}: {ready.compute.address} port 22: it does not accept the collector's key" in result.err
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            "echo evil >etc/nova/nova.conf.x && mv etc/nova/nova.conf.x etc/nova/nova.conf",
            "etc/nova/nova.conf does not have",
        ),
        ("touch etc/extra", "etc/extra is not in SHA256SUMS"),
        ("rm etc/nova/nova.conf", "etc/nova/nova.conf is in SHA256SUMS and not"),
        ("rm SHA256SUMS", "SHA256SUMS: No such file"),
        ("echo '../../x' >>SHA256SUMS", "SHA256SUMS:"),
        ("sed -i s/complete/partial/ backup.info", "backup.info does not say"),
        ("rm backup.info && ln -s /etc/shadow backup.info", "backup.info"),
    ],
)
def test_a_snapshot_that_does_not_verify_is_not_stored(ready: Cluster, change: str, complaint: str) -> None:
    snapshot = again(ready.compute)
    before = picture(ready)
    ready.compute.sh(f"cd /backups/{snapshot} && {change}")
    result = collect(ready)
    ready.compute.sh(f"rm -r /backups/{snapshot}")
    assert result.code == 1
    assert f"kaizen: {ready.compute.name}: {snapshot}: {complaint}" in result.err
    assert picture(ready) == before
    assert collect(ready).code == 0


def test_new_content_under_an_old_size_and_time_is_received_as_it_is(ready: Cluster) -> None:
    """rsync would link it to the last snapshot's file; the sums show that, and contents are compared."""
    first = again(ready.compute)
    assert collect(ready).code == 0
    second = again(ready.compute)
    ready.compute.sh(f"""cd /backups/{second}/etc/nova && cp -p nova.conf new
        printf '[LIBVIRT]\\n' >new && touch -r nova.conf new && mv new nova.conf
        cd /backups/{second} && sum=$(sha256sum etc/nova/nova.conf)
        sed -i "s|.*  etc/nova/nova.conf|$sum|" SHA256SUMS""")
    assert collect(ready).code == 0
    store = ready.collector.path(f"/backups/nodes/{ready.compute.name}")
    assert (store / first / "etc/nova/nova.conf").read_text() == "[libvirt]\n"
    assert (store / second / "etc/nova/nova.conf").read_text() == "[LIBVIRT]\n"


def test_a_snapshot_of_a_future_date_is_refused_and_named(ready: Cluster) -> None:
    newest = again(ready.compute)
    ready.compute.sh(f"cp -a /backups/{newest} /backups/2099-01-01")
    result = collect(ready)
    ready.compute.sh("rm -r /backups/2099-01-01")
    assert result.code == 1
    assert "refused 2099-01-01: it is dated in the future" in result.err
    assert newest in stored(ready, ready.compute)
    assert "2099-01-01" not in stored(ready, ready.compute)


def test_devices_are_not_stored(ready: Cluster) -> None:
    snapshot = again(ready.compute)
    ready.compute.sh(f"mknod /backups/{snapshot}/etc/sda b 8 0; mkfifo /backups/{snapshot}/etc/pipe")
    assert collect(ready).code == 0
    etc = ready.collector.path(f"/backups/nodes/{ready.compute.name}/{snapshot}/etc")
    assert not {"sda", "pipe"} & set(os.listdir(etc))


def test_a_symlink_that_became_a_directory_leads_nowhere(ready: Cluster) -> None:
    """What a node stored on one night must not decide what the next night's links are made to."""
    secret = Path("/etc/kaizen/ssh/id_ed25519")
    there = ready.collector.path(secret)
    before = there.stat(follow_symlinks=False)
    copy = f"cp -p --attributes-only /dev/null $d/id_ed25519; head -c {before.st_size} /dev/zero >$d/id_ed25519"
    first = again(ready.compute)
    ready.compute.sh(f"ln -s {secret.parent} /backups/{first}/etc/trap")
    assert collect(ready).code == 0
    second = again(ready.compute)
    ready.compute.sh(f"""d=/backups/{second}/etc/trap; mkdir $d; {copy}
        chmod 0600 $d/id_ed25519; touch -d @{before.st_mtime_ns / 1e9:.9f} $d/id_ed25519
        cd /backups/{second} && sha256sum etc/trap/id_ed25519 >>SHA256SUMS""")
    assert collect(ready).code == 0
    stolen = ready.collector.path(f"/backups/nodes/{ready.compute.name}/{second}/etc/trap/id_ed25519")
    assert stolen.read_bytes() == bytes(before.st_size)
    after = there.stat(follow_symlinks=False)
    assert (after.st_nlink, after.st_mode, after.st_ino) == (1, before.st_mode, before.st_ino)


def test_an_attribute_that_the_cage_may_not_give_keeps_no_node_away(ready: Cluster) -> None:
    ready.compute.sh("setfattr -n trusted.x -v y /etc/nova/nova.conf && setfattr -n user.y -v z /etc/nova/nova.conf")
    snapshot = again(ready.compute)
    assert collect(ready).code == 0
    stored_file = f"/backups/nodes/{ready.compute.name}/{snapshot}/etc/nova/nova.conf"
    assert "user.y" in ready.collector.run(["getfattr", stored_file]).out


def test_a_bad_snapshot_does_not_keep_a_later_good_one_away(ready: Cluster) -> None:
    bad = again(ready.compute)
    good = again(ready.compute)
    ready.compute.sh(f"touch /backups/{bad}/extra")
    result = collect(ready)
    ready.compute.sh(f"rm -r /backups/{bad}")
    assert result.code == 1
    assert f"{bad}: extra is not in SHA256SUMS" in result.err
    assert good in stored(ready, ready.compute)
    assert bad not in stored(ready, ready.compute)
    assert collect(ready).code == 0


def test_what_a_refused_snapshot_left_does_not_spoil_the_next(ready: Cluster) -> None:
    """Its partial is a basis; a file in it may have the next one's size and time, and other content."""
    file = "etc/nova/policy.yaml"
    bad = again(ready.controller)
    ready.controller.sh(f"cd /backups/{bad} && rm {file} && echo xxxxx >{file} && touch -d 2026-01-01 {file}")
    assert collect(ready).code == 1
    ready.controller.sh(f"rm -r /backups/{bad}; echo yyyyy >/{file} && touch -d 2026-01-01 /{file}")
    good = again(ready.controller)
    assert collect(ready).code == 0
    assert ready.collector.read(f"/backups/nodes/{ready.controller.name}/{good}/{file}") == "yyyyy\n"


def test_a_deep_tree_is_stored_and_let_go_again(ready: Cluster) -> None:
    """Deeper than Python recurses, and than a process may have files open; rsync itself gives up soon after."""
    deep = "/".join(["d"] * 1005)
    ready.compute.sh(f"mkdir -p /etc/nova/{deep} && touch /etc/nova/{deep}/x")
    snapshot = again(ready.compute)
    ready.compute.sh("rm -r /etc/nova/d")
    assert collect(ready).code == 0
    assert snapshot in stored(ready, ready.compute)
    store = f"/backups/nodes/{ready.compute.name}"
    ready.collector.sh(f"cp -a {store}/{snapshot} {store}/.partial-x")
    again(ready.compute)
    assert collect(ready).code == 0
    assert not ready.collector.path(f"{store}/.partial-x").exists()


def test_a_node_that_talks_without_end_is_left_in_time(ready: Cluster) -> None:
    """Its door greets, and then sends a line now and then: never silent, never done."""
    keys = "/var/lib/kaizen/.ssh/authorized_keys"
    ready.compute.sh(f"""cp {keys} /root/keys
        printf '#!/bin/sh\nprintf "@RSYNCD: 32.0 sha512\\n"; while sleep 5; do echo hello; done\n' >/usr/local/bin/talk
        chmod 0755 /usr/local/bin/talk
        sed -i 's|command="[^"]*"|command="/usr/local/bin/talk"|' {keys}""")
    config = ready.collector.read("/etc/kaizen/collector.yaml")
    ready.collector.write("/etc/kaizen/quick.yaml", config + "timeout: 20\n")
    began = time.monotonic()
    result = ready.collector.run(["kaizen", "--config", "/etc/kaizen/quick.yaml", "collect"], check=False)
    ready.compute.sh(f"cp /root/keys {keys}")
    assert result.code == 1
    assert f"{ready.compute.name}: it was not done within 20 s" in result.err
    assert time.monotonic() - began < 60
    assert collect(ready).code == 0


def test_a_node_named_twice_is_collected_once(ready: Cluster) -> None:
    snapshot = again(ready.website)
    result = collect(ready, "-v", ready.website.name, ready.website.name)
    assert (result.code, result.out.count(snapshot)) == (0, 1)


def test_a_collector_killed_at_any_moment_leaves_nothing_half_done_and_the_next_run_completes(ready: Cluster) -> None:
    kills = 60 if os.environ.get("KAIZEN_FAULTS") == "full" else 6
    before = picture(ready)
    caught = 0
    for number in range(kills):
        ready.website.sh(f"head -c 8M /dev/urandom >/var/www/html/large; echo {number} >/var/www/html/number")
        snapshot = again(ready.website)
        running = ready.collector.popen(["kaizen", "collect"], stdout=None, stderr=None)
        time.sleep(0.2 + 1.5 * number / kills)
        if running.poll() is None:
            caught += 1
            running.kill()
        running.wait()
        ready.collector.sh("rm -f /dev/shm/*faketime*")
        after = picture(ready)
        assert set(before.splitlines()) <= set(after.splitlines())
        assert collect(ready).code == 0
        assert snapshot in stored(ready, ready.website)
        assert not [name for name in stored(ready, ready.website) if name.startswith(".")]
        before = picture(ready)
    assert caught >= kills // 3
    ready.collector.sh("for d in /backups/nodes/*/*/; do cd $d && sha256sum --quiet -c SHA256SUMS; done")


def test_a_second_collector_run_exits_75(ready: Cluster) -> None:
    ready.website.cut()
    first = ready.collector.popen(["kaizen", "collect", ready.website.name])
    try:
        time.sleep(1.5)
        result = collect(ready)
    finally:
        first.send_signal(15)
        first.communicate()
        ready.website.mend()
    assert result.code == 75
    assert "another run holds /var/lib/kaizen/collect.lock" in result.err


def test_interrupting_ends_at_once_with_130(ready: Cluster) -> None:
    ready.website.cut()
    running = ready.collector.popen(["kaizen", "collect"])
    time.sleep(1.5)
    began = time.monotonic()
    running.send_signal(2)
    _, err = running.communicate(timeout=30)
    ready.website.mend()
    assert running.returncode == 130
    assert b"interrupted" in err
    assert b"Traceback" not in err
    assert time.monotonic() - began < 10
    assert collect(ready).code == 0


def test_a_dry_run_says_what_it_would_fetch_and_stores_nothing(ready: Cluster) -> None:
    snapshot = again(ready.compute)
    before = picture(ready)
    result = collect(ready, "--dry-run", "--verbose", ready.compute.name)
    assert result.out == f"{ready.compute.name}: would fetch {snapshot}\n"
    assert picture(ready) == before
