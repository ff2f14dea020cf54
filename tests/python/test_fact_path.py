"""Facts are found by the name that Puppet has for them."""

import pytest

from kaizen_backups.fact_path import dig

FACTS = {
    "networking": {"ip": "10.0.0.4", "interfaces": {"eth0.100": {"ip": "10.1.0.4"}, "br-ex": {"ip": 5}}},
    "a": None,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("networking.ip", "10.0.0.4"),
        ('networking.interfaces."eth0.100".ip', "10.1.0.4"),
        ("networking.interfaces.br-ex.ip", 5),
        ("networking.ip.more", None),
        ("networking.interfaces.eth0.100.ip", None),
        ("a.b", None),
        ("b", None),
    ],
)
def test_a_value_is_where_its_path_leads(path: str, value: object) -> None:
    assert dig(FACTS, path) == value
    assert dig("no facts", path) is None
