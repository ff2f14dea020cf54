"""The webhook: called when something else is wrong than before, tried again, and never for long."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from collected import Collected
from kaizen_backups.errors import UnavailableError
from kaizen_backups.history import History
from kaizen_backups.settings import Settings
from kaizen_backups.settings_told import Notify
from kaizen_backups.signals import webhook
from kaizen_backups.signals.verdict import judge
from kaizen_backups.signals.webhook import call, send_change
from kaizen_backups.status import State, fleet_status
from receivers import WebServer
from stand_in_puppetdb import StandIn

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[WebServer]:
    """Yield a web server that takes everything."""
    with WebServer() as server:
        yield server


class Nights:
    """A collector's nights, each with a call or without."""

    def __init__(self, settings: Settings, collected: Collected, history: History, server: WebServer) -> None:
        self.settings = settings.model_copy(update={"notify": Notify(url=server.url)})
        self.collected, self.history, self.server = collected, history, server

    def send(self, now: datetime = NOW) -> list[str]:
        """Call the URL if that is due; return the titles of what came."""
        before = len(self.server.calls)
        found = fleet_status(self.collected.nodes, self.settings, self.history, now)
        sent = send_change(self.settings, judge(self.settings, found, now), now)
        titles = [str(one["title"]) for one in self.server.calls[before:]]
        assert sent == bool(titles)
        return titles


@pytest.fixture
def nights(settings: Settings, collected: Collected, history: History, server: WebServer) -> Nights:
    """Return a collector that calls the server."""
    return Nights(settings, collected, history, server)


def test_it_is_called_on_changes_alone(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-24")
    nights.collected.node("two", "2026-11-24")
    assert nights.send() == ["kaizen: all 2 nodes safe"], "nothing was said before"
    assert nights.send() == []
    nights.history.add_attempt("two", 1.0, 0, "cannot be reached")
    assert nights.send() == ["kaizen: 1 of 2 nodes not safe"]
    nights.history.add_attempt("two", 1.0, 0, "refuses us")
    assert nights.send(NOW + timedelta(days=1)) == []
    nights.history.add_attempt("two", 1.0, 0, None)
    assert nights.send() == ["kaizen: all 2 nodes safe"]
    assert nights.send() == []


def test_rot_and_what_is_unusual_are_changes_too_and_are_named(nights: Nights) -> None:
    for day in range(10, 24):
        nights.collected.receive("one", f"2026-11-{day}", size=1 << 30)
    nights.collected.node("one", "2026-11-24", size=1000)
    nights.history.set_verdict("one", ["2026-11-23"], rotten=True)
    assert nights.send() == ["kaizen: 1 node safe, 1 rotten, 1 unusual"]
    (sent,) = nights.server.calls
    assert (sent["all_well"], sent["rotten"]) == (False, {"one": ["2026-11-23"]})
    assert sent["unusual"] == {"one": ["much smaller: 1000 B, where 1.0 GiB are usual"]}
    assert "one: rotten: 2026-11-23\none: much smaller" in sent["text"]


def test_a_collector_tells_of_anothers_nodes_only_when_that_one_cannot(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-24")
    found = fleet_status(nights.collected.nodes, nights.settings, nights.history, NOW)
    other = replace(found[0], node="two", state=State.STALE, problem="nothing newer", collector="other.example")
    heard = judge(nights.settings, [*found, other], NOW)
    assert (heard.title, heard.all_is_well) == ("kaizen: 1 node safe", True)
    unheard = judge(nights.settings, [*found, replace(other, unheard=True)], NOW)
    assert (unheard.title, unheard.all_is_well) == ("kaizen: 1 of 2 nodes not safe", False)


def test_a_node_that_left_the_list_is_no_longer_wrong(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-24")
    nights.collected.node("two", "2026-11-20")
    nights.send()
    nights.collected.forget("two")
    assert nights.send() == ["kaizen: 1 node safe"]


def test_the_collectors_own_trouble_is_a_change_however_its_words_change(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-24")
    nights.settings = nights.settings.model_copy(update={"floor": 1 << 60})
    assert nights.send() == ["kaizen: 1 node safe, too little room"]
    nights.settings = nights.settings.model_copy(update={"floor": 1 << 61})
    assert nights.send() == []


def test_what_is_sent_says_in_words_and_in_data_what_is_wrong(nights: Nights) -> None:
    nights.collected.node("one", "2026-11-24")
    nights.collected.node("two", "2026-11-24", problem="refused\x1b[31m")
    nights.send()
    (sent,) = nights.server.calls
    assert sent["text"] == "kaizen: 1 of 2 nodes not safe\ntwo: failing: refused\\x1b[31m"
    assert (sent["all_well"], sent["nodes"], sent["at"]) == (False, 2, "2026-11-24T06:00:00Z")
    assert sent["not_safe"] == [{"node": "two", "state": "failing", "problem": "refused\x1b[31m"}]
    nights.history.add_attempt("two", 1.0, 0, None)
    nights.send()
    sent = nights.server.calls[-1]
    assert (sent["all_well"], sent["safe_again"]) == (True, ["two"])
    assert "two: safe again" in sent["text"]


@pytest.mark.parametrize(
    ("codes", "calls", "said"),
    [
        ([503, 429, 200], 3, None), ([200], 1, None), ([500], 3, "it answered 500; tried 3 times"),
        ([404], 1, r"it answered 404; is the URL right\?"), ([302], 1, "it answered 302"),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_three_times(codes: list[int], calls: int, said: str | None) -> None:
    pauses: list[float] = []
    with WebServer(codes) as server:
        notify = Notify(url=server.url)
        if said:
            with pytest.raises(UnavailableError, match=said) as failed:
                call(notify, {}, pauses.append)
            assert "secret-token" not in str(failed.value)
        else:
            call(notify, {}, pauses.append)
        assert server.paths == ["/secret-token"] * calls
    assert len(pauses) == calls - 1
    assert sum(pauses) <= 5


def test_one_that_is_not_there_is_named_without_the_secret_and_called_next_time(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_PAUSES", (0.0, 0.0))
    nights.collected.node("one", "2026-11-20")
    with WebServer() as gone:
        url = gone.url
    good = nights.settings
    nights.settings = good.model_copy(update={"notify": Notify(url=url)})
    with pytest.raises(UnavailableError) as failed:
        nights.send()
    assert str(failed.value) == "notify: 127.0.0.1: cannot be reached; tried 3 times"
    nights.settings = good
    assert nights.send() == ["kaizen: 1 of 1 node not safe"]


def test_one_that_never_ends_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_IN_ALL", 0.1)
    over = threading.Event()
    with WebServer([500]) as server:
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1: no end after 0 s"):
            call(Notify(url=server.url), {}, lambda _: None if over.wait(60) else pytest.fail("it was waited for"))
        over.set()


def test_a_certificate_that_nobody_vouches_for_is_refused(puppetdb: StandIn) -> None:
    with pytest.raises(UnavailableError, match="its certificate is not good"):
        call(Notify(url=f"{puppetdb.settings.url}/secret-token"), {})


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/secret-token", "ftp://hooks.example/secret-token", "https:///secret-token",
        "https://hooks.example:99999/secret-token", "https://hooks.example/secret-token\r\nX: y", "secret-token",
        "https://[::1/secret-token",
    ],
)  # fmt: skip
def test_a_wrong_url_is_refused_and_its_secret_not_shown(url: str) -> None:
    with pytest.raises(ValidationError, match="must be https://HOST/") as refused:
        Notify(url=url)
    assert all("secret-token" not in error["msg"] for error in refused.value.errors())
    good = "https://hooks.example/services/secret-token?tpl=yes"
    assert Notify(url=good).url == good
    assert "secret-token" not in repr(Notify(url=good))
