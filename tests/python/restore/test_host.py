"""HOST:DIR, and the ssh that goes there; what it does is tried on the fleet."""

from pathlib import Path

import pytest

from kaizen_backups.onboard.administrator import Administrator
from kaizen_backups.onboard.ssh import Target
from kaizen_backups.restore.host import parse_host, ssh_options


def test_what_has_a_colon_before_any_slash_is_a_host() -> None:
    assert parse_host("one.example:/") == (Target("one.example", "one.example"), "/")
    assert parse_host("root@one:/tmp/a:b c\n") == (Target("one", "one", "root"), "/tmp/a:b c\n")
    for root in ("one:/", "one://", "one:///"):
        assert parse_host(root) == (Target("one", "one"), "/")
    for here in ("/tmp/x", "./a:b", "x/y:z", "x"):
        assert parse_host(here) is None


@pytest.mark.parametrize("text", ["-oProxyCommand=x:/", "a b:/", ":/x", "one:relative", "one:", "$(id):/", "-l@one:/"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be HOST:/DIR"):
        parse_host(text)


@pytest.mark.parametrize("text", ["one:/.", "one:/tmp/../", "one:/x/./y"])
def test_a_roundabout_way_to_a_directory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="without"):
        parse_host(text)


def test_no_key_is_trusted_on_first_use_and_nothing_is_forwarded(tmp_path: Path) -> None:
    options = ssh_options(tmp_path, tmp_path / "known_hosts", batch=True)
    for option in ("StrictHostKeyChecking=yes", "ForwardAgent=no", "ClearAllForwardings=yes", "BatchMode=yes"):
        assert option in options
    assert not [option for option in options if option.startswith(("IdentityFile", "UserKnownHostsFile"))]


def test_ssh_runs_as_the_administrator_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    line = Administrator("alice", "/home/alice", 1000, 100).command(["ssh", "x"])
    assert line[:4] == ["setpriv", "--reuid=1000", "--regid=100", "--init-groups"]
    assert {"HOME=/home/alice", "SSH_AUTH_SOCK=/tmp/agent", "USER=alice"} <= set(line)
    assert "LD_PRELOAD" not in " ".join(line)
    assert "setpriv" not in Administrator("root", "/root").command(["ssh", "x"])
