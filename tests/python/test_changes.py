"""Two lists' differences, as a person asks for them."""

from kaizen_backups.changes import changes, key_changes
from kaizen_backups.node import fingerprint
from samples import host_key, make_node

ONE, OTHER, RSA = host_key("one"), host_key("other"), host_key("one", "ssh-rsa")


def test_every_difference_is_named_by_node() -> None:
    old = [make_node("gone"), make_node("same"), make_node("moved", address="10.0.0.1", role="compute")]
    new = [make_node("same"), make_node("new"), make_node("moved", address="10.0.0.2", role="compute", port=2222)]
    assert [str(change) for change in changes(old, new)] == [
        "- gone 10.0.0.1 generic (facts)",
        "~ moved address: 10.0.0.1 -> 10.0.0.2",
        "~ moved port: 22 -> 2222",
        "+ new 10.0.0.1 generic (facts)",
    ]


def test_host_keys_are_compared_by_type() -> None:
    old, new = [make_node("a", host_keys=[ONE])], [make_node("a", host_keys=[OTHER, RSA])]
    assert [str(change) for change in changes(old, new)] == [
        f"~ a ssh-ed25519: {fingerprint(ONE)} -> {fingerprint(OTHER)}",
        f"~ a ssh-rsa: none -> {fingerprint(RSA)}",
    ]
    assert len(key_changes(old, new)) == 2


def test_the_same_keys_in_another_order_are_the_same() -> None:
    assert changes([make_node("a", host_keys=[ONE, OTHER])], [make_node("a", host_keys=[OTHER, ONE])]) == []


def test_only_a_key_of_a_node_that_stayed_is_a_changed_key() -> None:
    assert key_changes([make_node("gone")], [make_node("new")]) == []
    assert key_changes([make_node("a", port=1)], [make_node("a", port=2)]) == []
