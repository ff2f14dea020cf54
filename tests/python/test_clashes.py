"""Two nodes can't be one: what says that they are is named, with both."""

from kaizen_backups.clashes import clashes
from kaizen_backups.node import fingerprint
from samples import host_key, make_node

ONE, OTHER = host_key("one"), host_key("other", "ssh-rsa")


def test_nodes_of_their_own_do_not_clash() -> None:
    assert clashes([make_node("a", address="10.0.0.1"), make_node("b", address="10.0.0.2")]) == []


def test_two_nodes_with_the_same_host_keys_are_named_in_one_problem() -> None:
    keys = [ONE, OTHER]
    (problem,) = clashes([make_node("a", host_keys=keys), make_node("b", host_keys=keys, address="10.0.0.2")])
    prints = f"(ssh-ed25519 {fingerprint(ONE)}, ssh-rsa {fingerprint(OTHER)})"
    assert problem.message == f"a and b have the same host key {prints}; is one a copy of the other?"


def test_one_key_of_several_is_enough() -> None:
    (problem,) = clashes([make_node("a", host_keys=[ONE, OTHER]), make_node("b", host_keys=[ONE], address="b")])
    assert problem.message.startswith("a and b have the same host key (ssh-ed25519 ")


def test_two_nodes_at_the_same_address_and_port_are_named() -> None:
    (problem,) = clashes([make_node("a", port=2222), make_node("b", port=2222), make_node("c")])
    assert problem.message == "a and b have the same address and port, 10.0.0.1 port 2222"


def test_the_same_address_by_another_way_of_writing_it_is_the_same() -> None:
    (problem,) = clashes([make_node("a", address="2001:db8::1"), make_node("b", address="2001:DB8:0::0:1")])
    assert "a and b" in problem.message
    (problem,) = clashes([make_node("a", address="10.0.0.1"), make_node("b", address="::ffff:10.0.0.1")])
    assert "a and b" in problem.message


def test_only_an_administrator_can_say_that_a_host_has_several_doors() -> None:
    doors = {user: {"host_keys": [ONE], "user": user} for user in ("web", "mail")}
    assert clashes([make_node(user, origin="onboarded", **fields) for user, fields in doors.items()]) == []
    assert len(clashes([make_node(user, origin="facts", **fields) for user, fields in doors.items()])) == 2
    assert len(clashes([make_node(name, origin="onboarded", host_keys=[ONE]) for name in ("web", "mail")])) == 2


def test_of_many_the_first_are_named() -> None:
    (problem,) = clashes([make_node(f"n{number}") for number in range(9)])
    assert problem.message.startswith("n0, n1, n2, n3 and 5 more have ")
