"""PuppetDB is asked in pages, over TLS that is verified both ways, and its troubles are named in a line."""

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from certificates import Authority
from kaizen_backups import puppetdb as client
from kaizen_backups.errors import ConfigError, UnavailableError
from kaizen_backups.puppetdb import ask
from stand_in_puppetdb import Answer, StandIn

QUERY = ("inventory", ["facts.networking.ip"], 'nodes { node_state = "active" }')


def names(puppetdb: StandIn) -> list[str]:
    (rows,) = ask(puppetdb.settings, QUERY)
    return [row["certname"] for row in rows]


def fill(puppetdb: StandIn, count: int) -> list[str]:
    added = [f"n{number:03}.example" for number in range(count)]
    for name in added:
        puppetdb.add(name)
    return added


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 10, 11])
def test_every_node_comes_once_whatever_the_pages(
    puppetdb: StandIn, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(client, "PAGE", 4)
    added = fill(puppetdb, count)
    assert names(puppetdb) == added


def test_a_node_that_goes_while_the_pages_are_read_makes_nobody_be_missed(
    puppetdb: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 4)
    added = fill(puppetdb, 10)

    def lose_one(right: Answer) -> Answer:
        puppetdb.nodes.pop(added[0], None)
        return right

    puppetdb.answer = lose_one
    assert names(puppetdb) == added[1:]


def test_a_list_that_never_stands_still_is_given_up(puppetdb: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    fill(puppetdb, 4)

    def add_in_front(right: Answer) -> Answer:
        puppetdb.add(f"a{1000 - len(puppetdb.seen)}.example")
        return right

    puppetdb.answer = add_in_front
    with pytest.raises(UnavailableError, match="its list changed while it was read"):
        names(puppetdb)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: (500, b"boom\n\x1b[2Jbang"), r"it answers with status 500: boom \\x1b\[2Jbang"),
        (lambda _: (403, b"denied"), "status 403: denied; its allowlist must name this host's certificate"),
        (lambda _: (302, b""), "it redirects to somewhere else"),
        (lambda _: (200, b"[" * 100_000), "it answers what is no list|its answer is nested too deeply|cut off"),
        (lambda _: (503, b""), "it answers with status 503: Service Unavailable"),
        (lambda right: (200, right[1][:20]), "cannot be reached: .*IncompleteRead|its answer is cut off"),
        (lambda right: (200, right[1][:-1] + b" "), "its answer is cut off, or no JSON"),
        (lambda right: (200, b"null".ljust(len(right[1]))), "it answers what is no list of nodes"),
        (lambda right: (200, b'["a"]'.ljust(len(right[1]))), "it answers what is no list of nodes"),
        (lambda right: (200, b'[{"certname": 5}]'.ljust(len(right[1]))), "it answers what is no list of nodes"),
        (lambda right: (200, b"\xff".ljust(len(right[1]))), "its answer is cut off, or no JSON"),
    ],
)
def test_an_answer_that_is_none_is_named(puppetdb: StandIn, answer: Callable[[Answer], Answer], reason: str) -> None:
    fill(puppetdb, 3)
    puppetdb.answer = answer
    with pytest.raises(UnavailableError, match=reason) as error:
        names(puppetdb)
    assert str(error.value).startswith(f"PuppetDB {puppetdb.settings.url}: ")
    assert "\n" not in str(error.value)


def test_an_answer_that_trickles_in_ends_with_the_timeout(puppetdb: StandIn) -> None:
    fill(puppetdb, 3)
    puppetdb.trickle = 0.1
    puppetdb.settings = puppetdb.settings.model_copy(update={"timeout": 1})
    with pytest.raises(UnavailableError, match=r"it has not answered within 1 s \(sources\.puppetdb\.timeout\)"):
        names(puppetdb)


def test_a_closed_port_is_named(puppetdb: StandIn) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{free.getsockname()[1]}"
    puppetdb.settings = puppetdb.settings.model_copy(update={"url": url})
    with pytest.raises(UnavailableError, match=f"PuppetDB {re.escape(url)}: cannot be reached: Connection refused"):
        names(puppetdb)


def test_a_server_of_another_ca_is_not_believed(puppetdb: StandIn, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    puppetdb.settings = puppetdb.settings.model_copy(update={"ca": other.ca})
    with pytest.raises(
        UnavailableError, match=r"self-signed certificate in certificate chain|unable to get local issuer"
    ):
        names(puppetdb)
    assert puppetdb.seen == []


def test_a_server_of_another_name_is_not_believed(puppetdb: StandIn) -> None:
    url = puppetdb.settings.url.replace("127.0.0.1", "localhost")
    puppetdb.settings = puppetdb.settings.model_copy(update={"url": url})
    with pytest.raises(UnavailableError, match="Hostname mismatch"):
        names(puppetdb)


def test_a_certificate_that_puppetdb_does_not_know_is_refused(puppetdb: StandIn, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "other").sign("stranger.example")
    puppetdb.settings = puppetdb.settings.model_copy(update={"cert": stranger.cert, "key": stranger.key})
    with pytest.raises(UnavailableError, match="cannot be reached"):
        names(puppetdb)


def test_the_environment_changes_nothing(puppetdb: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert names(puppetdb) == []


@pytest.mark.parametrize("key", ["ca", "cert", "key"])
def test_a_missing_certificate_file_is_named(puppetdb: StandIn, key: str) -> None:
    puppetdb.settings = puppetdb.settings.model_copy(update={key: Path("/nowhere.pem")})
    with pytest.raises(ConfigError, match=rf"sources\.puppetdb\.{key}: /nowhere\.pem: No such file or directory"):
        names(puppetdb)


@pytest.mark.parametrize("key", ["ca", "cert", "key"])
@pytest.mark.parametrize("content", ["", "junk\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_certificate_file_that_is_none_is_named(puppetdb: StandIn, tmp_path: Path, key: str, content: str) -> None:
    (tmp_path / "junk.pem").write_text(content)
    puppetdb.settings = puppetdb.settings.model_copy(update={key: tmp_path / "junk.pem"})
    with pytest.raises(
        ConfigError, match=r"sources\.puppetdb\.(ca|cert, key): \S*/junk\.pem|, \S*/junk\.pem: "
    ) as error:
        names(puppetdb)
    assert "\n" not in str(error.value)


def test_another_certificates_key_is_named(puppetdb: StandIn, authority: Authority) -> None:
    puppetdb.settings = puppetdb.settings.model_copy(update={"key": authority.sign("other.example").key})
    with pytest.raises(ConfigError, match=r"sources\.puppetdb\.cert, key: .*: not a certificate and its key, in PEM"):
        names(puppetdb)
