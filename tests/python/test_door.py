"""The command lines that lead to a node: nothing is trusted on first use, and no name becomes an option."""

from datetime import date
from pathlib import Path

import pytest

from kaizen_backups.door import failed_pull, master_command, pull_arguments, rsync_command
from kaizen_backups.errors import DataError, KaizenError, NoRoomError, UnavailableError
from kaizen_backups.run import Result
from kaizen_backups.settings import Settings
from kaizen_backups.snapshots import Snapshot
from samples import make_node

NODE = make_node(port=2222, user="saver")


def test_the_host_key_is_checked_against_the_node_lists_alone(settings: Settings) -> None:
    command = " ".join(master_command(NODE, settings, Path("/run/m")))
    for option in (
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={settings.known_hosts_file}",
        "GlobalKnownHostsFile=/dev/null",
        "HostKeyAlias=node1.kaizen.example",
        "UpdateHostKeys=no",
        "-F /dev/null",
    ):
        assert option in command


def test_addresses_and_names_stand_after_a_double_dash(settings: Settings) -> None:
    assert master_command(NODE, settings, Path("/run/m"))[-6:] == ["-l", "saver", "-p", "2222", "--", "10.0.0.1"]
    command = rsync_command(NODE, ["-a"], "2026-11-24/", "/store/x/", silence=120)
    assert command[-3:] == ["--", "saver@node1.kaizen.example::backups/2026-11-24/", "/store/x/"]


def test_a_pull_fills_a_fresh_directory_with_links_to_its_bases() -> None:
    arguments = pull_arguments(["2026-11-23", ".partial-x"], checksum=False)
    assert arguments[-2:] == ["--link-dest=/store/2026-11-23", "--link-dest=/store/.partial-x"]
    assert "--no-D" in arguments
    assert arguments.index("--filter=+x user.*") < arguments.index("--filter=-x *")
    assert "--numeric-ids" in arguments
    assert not {"--inplace", "--delete", "--checksum"} & set(arguments)
    assert "--checksum" in pull_arguments([], checksum=True)


@pytest.mark.parametrize(
    ("code", "err", "meaning"),
    [
        (12, "rsync: connection unexpectedly closed", UnavailableError),
        (137, "", UnavailableError),  # killed, for want of memory, say
        (143, "", UnavailableError),
        (153, "", DataError),  # a file larger than any may be
        (2, "protocol incompatibility", DataError),
        (11, "rsync: write failed: No space left on device (28)", NoRoomError),
    ],
)
def test_what_may_pass_is_no_fault_of_the_nodes(code: int, err: str, meaning: type[KaizenError]) -> None:
    failure = failed_pull(Snapshot(date(2026, 11, 24)), Result(code, "", err))
    assert type(failure) is meaning
    assert f"2026-11-24: rsync ended with code {code}" in str(failure)
