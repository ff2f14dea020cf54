"""Whose system files these are."""

import pytest

from kaizen_backups.restore.system import is_node, is_system


@pytest.mark.parametrize("path", ["/", "/etc", "/etc/nova/nova.conf", "/boot", "/usr", "/var/lib/nova", "/root/x"])
def test_the_whole_and_what_every_linux_is_made_of_are_the_system(path: str) -> None:
    assert is_system(path.encode())


@pytest.mark.parametrize("path", ["/srv/www", "/home/x/etc", "/etcetera", "/dumps/mysql", "/var/tmp/x", "/data"])
def test_data_is_not(path: str) -> None:
    assert not is_system(path.encode())


@pytest.mark.parametrize(
    ("host", "node", "same"),
    [
        ("one.example", "one.example", True),
        ("ONE.example", "one.example", True),
        ("one", "one.example", True),
        ("one", "one", True),
        ("one.other", "one.example", False),
        ("two", "one.example", False),
        ("one.example", "one", False),
        ("", "one.example", False),
    ],
)
def test_a_host_is_the_node_by_its_name(host: str, node: str, same: bool) -> None:
    assert is_node(host, node) == same
