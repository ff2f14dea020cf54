"""Who is let in: collectors by key and by certificate, hosts that nobody logs in to; and each locked out again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from bare_host import BareHosts, make_collector
from lab import Fleet, Node
from lab.services import restart_sshd

KEY = "/etc/kaizen/ssh/id_ed25519"


@pytest.fixture(scope="module")
def bare() -> Iterator[BareHosts]:
    with Fleet("onboard-access") as fleet:
        bare = BareHosts(fleet, "www", "db", "island", "managed")
        second, third = fleet.add_all(["second.kaizen.example", "third.kaizen.example"])
        for node in (second, third):
            make_collector(node)
            node.sh("rm -rf /backups/nodes/*")
        for name in ("www", "db"):
            assert bare.add(name, "--role", "generic").code == 0
        for node in (second, third):
            for file in bare.collector.path("/etc/kaizen/nodes.d").iterdir():
                node.write(f"/etc/kaizen/nodes.d/{file.name}", file.read_text())
        yield bare


@pytest.fixture(scope="module")
def second(bare: BareHosts) -> Node:
    return bare.fleet["second"]


@pytest.fixture(scope="module")
def third(bare: BareHosts) -> Node:
    return bare.fleet["third"]


def hand_over_key(bare: BareHosts, node: Node) -> str:
    """Carry a collector's public key to the first one, and return where it is."""
    path = f"/root/{node.name}.pub"
    bare.collector.write(path, node.read(f"{KEY}.pub"))
    return path


def gets_in(collector: Node, *names: str) -> bool:
    """Does a collector get in at every one of these hosts? At all or at none, or it is no answer."""
    tried = collector.run(["kaizen", "collect", "--dry-run", *names], check=False)
    refused = tried.err.count("does not accept the collector's key")
    assert refused in (0, len(names)), tried.describe()
    assert tried.err.count("it has no snapshot") == len(names) - refused, tried.describe()
    return refused == 0


HOSTS = ("www.kaizen.example", "db.kaizen.example")


def test_a_second_collector_is_let_in_by_its_key_and_locked_out_again(bare: BareHosts, second: Node) -> None:
    assert not gets_in(second, *HOSTS)
    key = hand_over_key(bare, second)
    let_in = bare.onboard("collector", second.name, key)
    assert let_in.code == 0, let_in.describe()
    assert gets_in(second, *HOSTS)
    hiera = yaml.safe_load(bare.collector.read("/etc/kaizen/hiera.yaml"))
    assert second.read(f"{KEY}.pub").strip() in hiera["quickstack::backups::collector_keys"]
    managed = bare.hosts["managed"]
    managed.puppet_apply("include quickstack::backups", hiera=hiera)
    entry = {
        "address": managed.address,
        "host_keys": [" ".join(managed.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])],
    }
    second.write("/etc/kaizen/nodes.d/managed.kaizen.example.yaml", yaml.safe_dump(entry))
    assert gets_in(second, managed.name)
    assert bare.onboard("collector", second.name, key).out.count("nothing to change") == 2
    assert bare.onboard("collector", second.name, "--remove").code == 0
    assert not gets_in(second, *HOSTS)
    managed.puppet_apply(
        "include quickstack::backups", hiera=yaml.safe_load(bare.collector.read("/etc/kaizen/hiera.yaml"))
    )
    assert not gets_in(second, managed.name)
    assert gets_in(bare.collector, *HOSTS)


def test_addresses_take_effect_once_those_of_all_are_known_and_nobody_is_locked_out(
    bare: BareHosts, second: Node
) -> None:
    key, www, door = hand_over_key(bare, second), bare.hosts["www"], "/var/lib/kaizen/.ssh/authorized_keys"
    before = www.read(door)
    noted = bare.onboard("collector", second.name, key, "--from", second.address)
    assert noted.code == 0
    assert "addresses are noted, and take effect as soon as that of this collector is known" in noted.err
    assert "from=" not in www.read(door)
    assert gets_in(second, *HOSTS)
    own = bare.onboard("collector", bare.collector.name, f"{KEY}.pub", "--from", bare.collector.address)
    assert own.code == 0, own.describe()
    assert own.err == ""
    assert f'from="{",".join(sorted([bare.collector.address, second.address]))}"' in www.read(door)
    for collector in (bare.collector, second):
        assert gets_in(collector, *HOSTS)
    stated = www.read(door)
    refused = bare.onboard("collector", second.name, key)
    assert refused.code == 78
    assert f"every key would be good from anywhere: say where {second.name} comes from" in refused.err
    assert www.read(door) == stated
    for name in (second.name, bare.collector.name):
        assert bare.onboard("collector", name, "--remove").code == 0
    assert www.read(door) == before


def test_a_host_that_is_off_is_named_and_catches_up(bare: BareHosts, second: Node) -> None:
    bare.hosts["db"].cut()
    key = hand_over_key(bare, second)
    partly = bare.onboard("collector", second.name, key)
    assert partly.code == 69
    assert "db.kaizen.example cannot be reached" in partly.err
    assert gets_in(second, "www.kaizen.example")
    bare.hosts["db"].mend()
    assert bare.onboard("upgrade", "--all").code == 0
    assert gets_in(second, *HOSTS)
    assert bare.onboard("collector", second.name, "--remove").code == 0


def test_a_third_collector_is_let_in_by_a_certificate_alone_and_locked_out_again(
    bare: BareHosts, second: Node, third: Node
) -> None:
    assert bare.onboard("ca", "init").code == 0
    assert bare.onboard("ca", "init").out.count("nothing to change") == 2
    before = bare.hosts["www"].read("/var/lib/kaizen/.ssh/authorized_keys")
    for node in (second, third):
        assert not gets_in(node, *HOSTS)
        key = hand_over_key(bare, node)
        signed = bare.onboard("ca", "sign", node.name, key, "--from", node.address)
        assert signed.code == 0, signed.describe()
        node.write(f"{KEY}-cert.pub", bare.collector.read(f"/etc/kaizen/ca/certs/{node.name}-cert.pub"))
        assert gets_in(node, *HOSTS)
    assert bare.hosts["www"].read("/var/lib/kaizen/.ssh/authorized_keys") == before
    # The certificate opens the door, and nothing else.
    shell = third.run(
        ["ssh", "-i", KEY, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "kaizen@www.kaizen.example", "id"],
        check=False,
    )
    assert "uid=" not in shell.out
    # Whoever has it elsewhere can do nothing with it.
    thief = bare.hosts["island"]
    for name in ("", ".pub", "-cert.pub"):
        thief.write(f"{KEY}{name}", third.read(f"{KEY}{name}"), mode=0o600)
    stolen = thief.run(
        ["ssh", "-i", KEY, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "kaizen@www.kaizen.example"],
        check=False,
    )
    assert "Permission denied" in stolen.err
    # What stands in the way is found before any host trusts another authority, or none of it is done.
    wrong = "/etc/kaizen/nodes.d/wrong.yaml"
    bare.collector.write(wrong, "address: 192.0.2.1\nonboarded: {login: {host: 7}}\n")
    authority = bare.collector.read("/etc/kaizen/ca/ca.pub")
    assert bare.onboard("ca", "revoke", third.name).code == 78
    assert bare.collector.read("/etc/kaizen/ca/ca.pub") == authority
    assert gets_in(second, *HOSTS)
    bare.collector.sh(f"rm {wrong}")
    revoked = bare.onboard("ca", "revoke", third.name)
    assert revoked.code == 0, revoked.describe()
    assert not gets_in(third, *HOSTS)
    second.write(f"{KEY}-cert.pub", bare.collector.read(f"/etc/kaizen/ca/certs/{second.name}-cert.pub"))
    assert gets_in(second, *HOSTS)
    shown = json.loads(bare.onboard("ca", "show", "--json").out)
    assert [certificate["name"] for certificate in shown["certificates"]] == [second.name]
    managed = bare.hosts["managed"]
    managed.puppet_apply(
        "include quickstack::backups", hiera=yaml.safe_load(bare.collector.read("/etc/kaizen/hiera.yaml"))
    )
    assert gets_in(second, managed.name)


def test_a_certificate_that_has_ended_lets_nobody_in_and_status_warns_before(bare: BareHosts, third: Node) -> None:
    key = hand_over_key(bare, third)
    assert bare.onboard("ca", "sign", third.name, key, "--days", "30").code == 0
    third.write(f"{KEY}-cert.pub", bare.collector.read(f"/etc/kaizen/ca/certs/{third.name}-cert.pub"))
    assert gets_in(third, *HOSTS)
    now = datetime.now(UTC)
    for days, said in ((10, None), (17, "certificate ends on"), (31, "certificate ended on")):
        told = third.run(["kaizen", "status"], at=now + timedelta(days=days), check=False)
        assert (said in told.err) if said else ("certificate" not in told.err), told.describe()
    # Let in by its key, too, and locked out again: that it still gets in is said.
    assert bare.onboard("collector", third.name, key).code == 0
    locked = bare.onboard("collector", third.name, "--remove")
    assert locked.code == 1
    assert f"'kaizen-onboard ca revoke {third.name}' ends that" in locked.err
    assert gets_in(third, *HOSTS)
    ends = json.loads(third.run(["kaizen", "status", "--json"], check=False).out)["certificate"]["ends"]
    assert ends.startswith(f"{now + timedelta(days=30):%Y-%m-%d}")
    www = bare.hosts["www"]
    restart_sshd(www, "faketime", "-f", "+31d")
    try:
        assert not gets_in(third, www.name)
    finally:
        restart_sshd(www)


def test_a_host_that_nobody_logs_in_to_is_protected_by_a_script_and_a_line(bare: BareHosts) -> None:
    island = bare.hosts["island"]
    island.sh("rm -rf /root/.ssh /etc/kaizen")
    script = bare.onboard("bundle", island.name, "--role", "generic", "--keep-days", "3")
    assert script.code == 0
    assert "\n|keep_days = 3\n" in script.out  # it can be read
    island.write("/root/install.sh", script.out)
    cut = island.run(["bash"], input=script.out[: len(script.out) // 2], check=False)
    assert cut.code != 0
    assert not island.path("/etc/kaizen").exists()
    ran = island.run(["bash", "/root/install.sh"])
    line = ran.out.strip().splitlines()[-1]
    assert line.startswith("kaizen-onboard accept 'kaizen1 ")
    assert bare.collector.sh(line, check=False).code == 1  # nobody has confirmed the key
    accepted = bare.collector.sh(f"{line} --yes")
    assert "the door opens" in accepted.out
    assert bare.onboard("check", island.name).code == 0
    assert bare.onboard("list").out.splitlines()[-2].split()[:1] == [island.name]
    again = island.run(["bash", "/root/install.sh"])
    assert again.out.strip().splitlines()[-1] == line
    for wrong in (line.replace("kaizen1 ", "kaizen1 x"), "kaizen-onboard accept x", f"{line[:-20]}'"):
        refused = bare.collector.sh(wrong, check=False)
        assert (refused.code, "Traceback" in refused.err) == (1, False)
    upgraded = bare.onboard("upgrade", island.name)
    assert upgraded.code == 1
    assert "make a new bundle" in upgraded.err
    everybody = bare.onboard("upgrade", "--all")
    assert everybody.code == 0, everybody.describe()
    assert f"nobody logs in to {island.name}: left alone" in everybody.err
    island.run(["bash"], input=bare.onboard("bundle", island.name, "--remove").out)
    assert not island.path("/etc/kaizen").exists()
    assert bare.onboard("remove", island.name, "--forget").code == 0
