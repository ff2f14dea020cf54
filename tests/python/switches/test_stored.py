"""A switch in the store: every command that knows nodes knows it."""

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import paramiko
import pytest
import yaml
from paramiko.hostkeys import HostKeys

from fake_switch import BY_FAMILY, FakeSwitch, Kind
from kaizen_backups.collect import Waits
from kaizen_backups.lock import only_run
from kaizen_backups.switches import session
from switch_site import Site

ICX = BY_FAMILY["fastiron"]
OS10 = BY_FAMILY["dell-os10"]


def other(kind: Kind, old: str, new: str) -> Kind:
    """Return a kind of switch with another line in its configuration."""
    return replace(kind, config=[new if line == old else line for line in kind.config])


@pytest.fixture
def switch(site: Site) -> Iterator[FakeSwitch]:
    """Yield a switch, of which one configuration is stored, a day old."""
    with FakeSwitch(OS10) as switch:
        site.add("leaf1", switch)
        assert site.kaizen("switches").exit_code == 0
        site.a_day_passes()
        yield switch


def test_a_snapshot_is_as_a_nodes_is(site: Site, switch: FakeSwitch) -> None:
    (snapshot,) = site.snapshots("leaf1")
    assert {path.name for path in snapshot.iterdir()} == {"running-config", "SHA256SUMS", "backup.info"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in snapshot.iterdir()} == {0o600}
    info = (snapshot / "backup.info").read_text()
    for line in ("host = leaf1", "role = switch", "status = complete", "device_type = dell_os10"):
        assert f"{line}\n" in info
    verified = site.kaizen("verify")
    assert verified.exit_code == 0, verified.output
    (snapshot / "running-config").write_text("tampered with\n")
    assert site.kaizen("verify").exit_code == 65


def test_a_change_is_seen_with_history_and_found(site: Site, switch: FakeSwitch) -> None:
    switch.kind = other(OS10, "interface 7", "interface 7000")
    assert site.kaizen("switches", "leaf1").exit_code == 0
    diff = site.kaizen("history", "leaf1", "/running-config", "--diff").output.splitlines()
    assert [line for line in diff if re.match(r"[+-]\w", line)] == ["-interface 7", "+interface 7000"]
    found = json.loads(site.kaizen("find", "--contents", "interface 7000", "--json").output)
    assert (found["node"], found["path"]) == ("leaf1", "/running-config")


def test_a_second_run_of_a_day_stores_only_what_has_changed(site: Site, switch: FakeSwitch) -> None:
    site.kaizen("switches")
    site.kaizen("switches")
    assert len(site.snapshots("leaf1")) == 2
    switch.kind = other(OS10, "interface 7", "interface 7000")
    site.kaizen("switches")
    names = [path.name for path in site.snapshots("leaf1")]
    assert names[2] == f"{names[1]}.2"
    assert "interface 7000" in site.stored("leaf1")


def test_a_dry_run_logs_in_and_stores_nothing(site: Site, switch: FakeSwitch) -> None:
    result = site.kaizen("switches", "--dry-run")
    assert re.fullmatch(r"leaf1: would fetch \d{4}-\d\d-\d\d\n", result.output)
    assert switch.sessions == 2
    assert len(site.snapshots("leaf1")) == 1


def test_json_has_an_event_a_line(site: Site, switch: FakeSwitch) -> None:
    events = [json.loads(line) for line in site.kaizen("switches", "--json").output.splitlines()]
    assert [event["event"] for event in events] == ["asking", "stored", "done"]
    assert events[-1]["problems"] == []
    assert events[-1]["received"] == [events[1]["snapshot"]]


def test_what_is_out_of_date_goes(site: Site, switch: FakeSwitch) -> None:
    site.a_day_passes()
    site.kaizen("switches")
    assert len(site.snapshots("leaf1")) == 2
    for _ in range(8):
        site.a_day_passes()
    site.kaizen("switches")
    assert len(site.snapshots("leaf1")) == 1


def test_nothing_goes_of_a_switch_that_fails(site: Site, switch: FakeSwitch) -> None:
    for _ in range(9):
        site.a_day_passes()
    switch.answer = ["% Error"]
    assert site.kaizen("switches").exit_code == 1
    assert len(site.snapshots("leaf1")) == 1
    status = json.loads(site.kaizen("status", "leaf1", "--json").output)
    assert (status["state"], status["origin"]) == ("failing", "switches")


def test_a_rotten_file_is_not_linked_to(site: Site, switch: FakeSwitch) -> None:
    (before,) = site.snapshots("leaf1")
    (before / "backup.info").write_text("rotten\n")
    assert site.kaizen("verify").exit_code == 65
    assert site.kaizen("switches").exit_code == 0
    old, new = (path / "running-config" for path in site.snapshots("leaf1"))
    assert not old.samefile(new)
    assert old.read_bytes() == new.read_bytes()


def test_one_that_loses_half_its_lines_is_stored_with_a_warning(site: Site, switch: FakeSwitch) -> None:
    switch.answer = ["! Version 10.5.2.3", *OS10.stored[1:12]]
    assert site.kaizen("switches").exit_code == 0
    status = json.loads(site.kaizen("status", "leaf1", "--json").output)
    assert status["warnings"] == ["the configuration has 12 lines, where it had 42: is it whole?"]


def test_the_nightly_collection_asks_switches_by_ssh_and_never_by_rsync(site: Site, switch: FakeSwitch) -> None:
    result = site.kaizen("collect")
    assert (result.exit_code, result.output) == (0, "")
    assert len(site.snapshots("leaf1")) == 2
    named = site.kaizen("collect", "leaf1")
    assert str(named.exception) == "leaf1: it is a switch; 'kaizen switches leaf1' fetches its configuration"


def test_a_broken_switches_yaml_is_named_and_the_collection_goes_on(site: Site, switch: FakeSwitch) -> None:
    site.inventory.write_text("switches: {leaf1: {adress: 10.0.0.1}}\n")
    result = site.kaizen("collect")
    assert result.exit_code == 1
    assert f"{site.inventory}:1: switches.leaf1.adress: Extra inputs are not permitted" in result.stderr
    assert f"kaizen: leaf1: {site.inventory} cannot be used; 'kaizen switches check' says why" in result.stderr


def test_a_node_and_a_switch_of_one_name_are_told_apart(site: Site, switch: FakeSwitch) -> None:
    line = f"{switch.key.get_name()} {switch.key.get_base64()}"
    (site.root / "nodes.d" / "leaf1.yaml").write_text(f'address: 10.0.0.1\nhost_keys: ["{line}"]\n')
    result = site.kaizen("nodes", "refresh")
    assert result.exit_code == 1
    assert (
        "kaizen: leaf1: nodes.d has a node of that name, and switches.yaml a switch, which is left out;"
        " call one of them otherwise\n"
    ) in result.stderr
    shown = json.loads(site.kaizen("nodes", "show", "leaf1", "--json").output)
    assert shown["origin"] == "onboarded"
    assert str(site.kaizen("switches", "leaf1").exception) == (
        "leaf1: it is a node, and no switch; 'kaizen collect leaf1' collects it"
    )


def test_there_is_one_run_at_a_time(site: Site, switch: FakeSwitch) -> None:
    with only_run(site.settings.lock_file):
        result = site.kaizen("switches")
    assert result.exception
    assert getattr(result.exception, "exit_code", None) == 75


def test_a_switch_is_drilled_and_restored_as_a_node_is(site: Site, switch: FakeSwitch) -> None:
    drilled = site.kaizen("drill", "leaf1", "--live")
    assert drilled.exit_code == 0, drilled.output
    to = site.root / "here"
    restored = site.kaizen("restore", "leaf1", "/running-config", "--to", str(to), "--yes")
    assert restored.exit_code == 0, restored.output
    assert (to / "running-config").read_text() == site.stored("leaf1")


def test_a_copy_to_show_has_no_secrets(site: Site, switch: FakeSwitch) -> None:
    shown = site.kaizen("switches", "redact", "leaf1").output
    assert shown == site.stored("leaf1").replace("7 s3cr3tHash", "***")
    assert "s3cr3tHash" in site.stored("leaf1")
    site.kaizen("switches", "redact", "leaf1", "--at", "yesterday", "--to", str(site.root / "copy"))
    assert (site.root / "copy").read_text() == shown


def test_a_key_that_is_added_lets_the_switch_be_asked(site: Site) -> None:
    with FakeSwitch(ICX) as switch:
        site.add("icx1", switch, known=False)
        assert site.kaizen("switches").exit_code == 1
        keys = site.kaizen("switches", "keys", "icx1")
        assert "icx1: ecdsa-sha2-nistp256 SHA256:" in keys.stderr
        site.known_hosts.write_text(keys.stdout)
        assert site.kaizen("switches").exit_code == 0


def test_a_switch_that_knows_nothing_newer_than_sha_1_is_asked_all_the_same(site: Site) -> None:
    with FakeSwitch(OS10, key=paramiko.RSAKey.generate(2048), old=True) as switch:
        site.add("old", switch)
        result = site.kaizen("switches")
        assert (result.exit_code, result.output) == (0, "")


def test_a_switch_is_offered_its_own_key_and_none_of_the_users(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    own, personal = (paramiko.ECDSAKey.generate() for _ in range(2))
    (site.root / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(site.root))
    for key, path in ((own, site.root / "key"), (personal, site.root / ".ssh" / "id_ecdsa")):
        key.write_private_key_file(str(path))
    with FakeSwitch(OS10, lets_in=own) as good, FakeSwitch(OS10) as refusing:
        site.add("good", good, key=str(site.root / "key"), password=None)
        site.add("refusing", refusing, key=str(site.root / "key"), password=None)
        assert "refusing: it does not let backup in" in site.kaizen("switches").stderr
    assert site.stored("good")
    assert {*good.offered, *refusing.offered} == {own.fingerprint}


def test_no_part_of_a_password_is_in_what_is_said_of_a_session(
    site: Site, switch: FakeSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise ValueError("x" * 145 + "p4ssw0rd")

    monkeypatch.setattr(session, "_converse", fail)
    assert f"({'x' * 145}***)" in site.kaizen("switches").stderr


def test_no_part_of_a_password_is_in_what_is_said_of_an_answer_or_its_last_line(site: Site, switch: FakeSwitch) -> None:
    switch.answer = ["% Error: " + "x" * 87 + "p4ssw0rd"]
    assert f"{'x' * 87}***\n" in site.kaizen("switches").stderr
    switch.answer, switch.cuts = ["x" * 96 + "p4ssw0rd"] * 6, True
    assert f"the last it said: {'x' * 96}***\n" in site.kaizen("switches").stderr


def test_a_bad_line_of_known_hosts_that_is_nobodys_is_named_and_every_switch_is_fetched(
    site: Site, switch: FakeSwitch
) -> None:
    good = site.known_hosts.read_bytes()
    site.known_hosts.write_bytes(b"# those of R\xf6w two\n\nleaf2 ssh-ed25519 AAAAC3Nza\n" + good)
    complaint = f"kaizen: {site.known_hosts}:3: it is no host key: a line is 'NAME TYPE KEY', as"
    for command in ("switches", "collect"):
        result = site.kaizen(command)
        assert result.exit_code == 0
        assert result.stderr.startswith(complaint)
        assert result.stderr.count("\n") == 1
    assert switch.sessions == 3
    assert '"problem": "' + complaint.removeprefix("kaizen: ") in site.kaizen("switches", "--json").stdout


@pytest.mark.parametrize("mark", ["", "@revoked ", "other,"])
def test_of_a_bad_line_only_the_switch_suffers_whose_line_it_is(site: Site, switch: FakeSwitch, mark: str) -> None:
    with FakeSwitch(OS10) as second:
        site.add("leaf2", second)
        with site.known_hosts.open("a") as file:
            file.write(f"{mark}leaf2 ssh-ed25519 AAAAC3Nza\n")
        result = site.kaizen("switches")
    assert result.exit_code == 1
    assert result.stderr == (
        f"kaizen: leaf2: {site.known_hosts}:3: it is no host key: a line is 'NAME TYPE KEY',"
        " as 'kaizen switches keys' prints it\n"
    )
    assert (len(site.snapshots("leaf1")), len(site.snapshots("leaf2"))) == (2, 0)
    assert second.sessions == 0


def test_a_name_may_be_hashed_as_ssh_does_it(site: Site, switch: FakeSwitch) -> None:
    key = site.known_hosts.read_text().split(" ", 1)[1]
    site.known_hosts.write_text(f"{HostKeys.hash_host('leaf1')} {key}")
    assert site.kaizen("switches").exit_code == 0
    site.known_hosts.write_text(f"{HostKeys.hash_host('leaf2')} {key}")
    assert "its host key is not known" in site.kaizen("switches").stderr


@pytest.mark.parametrize("line", ["leaf1", "leaf1 ssh-ed25519", "leaf1 ssh-ed25519 A", "leaf1 ssh-new AAAAC3Nza"])
def test_what_is_no_host_key_is_not_waited_for_until_the_deadline(
    site: Site, switch: FakeSwitch, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    waits: list[bool] = []
    monkeypatch.setattr(Waits, "next", lambda _, *, soon, later: waits.append(soon or later))
    site.known_hosts.write_text(line)
    result = site.kaizen("collect", "--until", f"{datetime.now().astimezone() + timedelta(hours=1):%H:%M}")
    assert waits == [False]
    assert f"kaizen: leaf1: {site.known_hosts}:1: it is no host key" in result.stderr
    assert result.exit_code == 1


def test_whatever_else_netmiko_knows_is_described_in_the_file(site: Site) -> None:
    with FakeSwitch(replace(OS10, config=["begin of it", *OS10.config, "end of it"])) as switch:
        site.add(
            "eos1",
            switch,
            family=None,
            device_type="cisco_ios",
            command="show running-config",
            begins="begin of .*",
            ends="end of it",
            volatile=["! Last .*"],
        )
        result = site.kaizen("switches")
        assert (result.exit_code, result.output) == (0, "")
        assert site.stored("eos1").splitlines() == ["begin of it", *OS10.stored, "end of it"]
        switch.answer = ["begin of it", *OS10.stored]
        assert "the configuration is cut short" in site.kaizen("switches").stderr


def test_the_status_page_and_the_metrics_have_it(site: Site, switch: FakeSwitch) -> None:
    settings = yaml.safe_load(site.config.read_text())
    (site.root / "metrics").mkdir()
    told = {"report": {"directory": str(site.root / "page")}, "metrics": {"directory": str(site.root / "metrics")}}
    site.config.write_text(yaml.safe_dump({**settings, **told}))
    assert site.kaizen("switches").output == ""
    assert any("leaf1" in page.read_text() for page in (site.root / "page").rglob("*.html"))
    assert 'node="leaf1"' in (site.root / "metrics" / "kaizen.prom").read_text()


def test_a_lost_history_is_made_anew(site: Site, switch: FakeSwitch) -> None:
    site.kaizen("switches")
    for file in site.root.glob("state/history.sqlite*"):
        file.unlink()
    assert site.kaizen("history", "rebuild").output == "2 snapshots put on record\n"
    assert site.kaizen("verify").exit_code == 0
