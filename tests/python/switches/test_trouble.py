"""Fifty switches at once, some of which are in trouble: each of these is named, and all others are stored."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import Result

from fake_switch import BY_FAMILY, KEYS, FakeSwitch
from switch_site import Site

GOOD = [f"good{number:02}" for number in range(40)]
PASSWORD, ENABLE = "p4ssw0rd", "en4ble"


@dataclass
class Night:
    """One run over all of them."""

    site: Site
    result: Result
    seen: list[str]
    """What stood in the argument lists and environments of all processes while switches were asked."""
    refusing: FakeSwitch
    flaky: FakeSwitch

    def said(self, name: str) -> str:
        """Return what was said of a switch, in one line."""
        lines = [line for line in self.result.stderr.splitlines() if line.startswith(f"kaizen: {name}: ")]
        assert len(lines) == 1, self.result.stderr
        return lines[0].removeprefix(f"kaizen: {name}: ")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """Yield what a night has left."""
    site = Site(tmp_path_factory.mktemp("trouble"), retry_seconds=2)
    seen: list[str] = []
    nos, icx = BY_FAMILY["nos"], BY_FAMILY["fastiron"]
    with ExitStack() as stack:

        def start(name: str, switch: FakeSwitch, *, known: bool = True, **more: object) -> FakeSwitch:
            site.add(name, stack.enter_context(switch), known=known, **more)
            return switch

        for name in GOOD:
            start(name, FakeSwitch(icx if name.endswith("0") else nos, watch=lambda: seen.extend(_argument_lists())))
        flaky = start("flaky", FakeSwitch(nos))
        flaky.watch = lambda: setattr(flaky, "cuts", flaky.sessions == 1)
        start("hangs", FakeSwitch(nos, hangs=True), timeout=2)
        start("mute", FakeSwitch(nos, mute=True), timeout=2)
        start("blabs", FakeSwitch(nos, answer=["% Error: p4ssw0rd is too short"]))
        start("blurts", FakeSwitch(replace(nos, config=["p4ssw0rd it is"] * 6), cuts=True))
        start("refuses", FakeSwitch(nos)).__exit__()
        start("changed", FakeSwitch(nos, key=KEYS[1]), known=False)
        site.know("changed", KEYS[0])
        start("unknown", FakeSwitch(nos), known=False)
        start("cuts", FakeSwitch(nos, cuts=True))
        start("short", FakeSwitch(icx, answer=["ver 08.0.95d", "!", "username x password 7 s3cr3tHash"]))
        start("errs", FakeSwitch(nos, answer=["% Error: the configuration cannot be shown now"]))
        start("nothing", FakeSwitch(nos, answer=[]))
        refusing = start("denies", FakeSwitch(nos, password="another"))
        start("guarded", FakeSwitch(icx), enable={"environment": "TEST_WRONG"})
        result = site.kaizen("switches", "--verbose", env={"TEST_WRONG": "wr0ng-en4ble"})
        yield Night(site, result, seen, refusing, flaky)


def _argument_lists() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield process.read_text(errors="replace")
        except OSError:
            continue


def test_those_that_are_well_are_stored(night: Night) -> None:
    for name in GOOD:
        assert night.site.stored(name).endswith(("end\n", "!\n")), name
    assert night.result.exit_code == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hangs", "it was not done within 2 s"),
        ("mute", "it was not done within 2 s"),
        ("blabs", "with: % Error: *** is too short"),
        ("blurts", "it closed the connection half-way; the last it said: *** it is"),
        ("refuses", "Connection refused"),
        ("changed", "its host key has changed"),
        ("unknown", "its host key is not known"),
        ("cuts", "it closed the connection half-way"),
        ("short", "the configuration is cut short: after 3 lines it ends with: username x password ***"),
        ("errs", "it answered 'show running-config' with: % Error: the configuration cannot be shown now"),
        ("nothing", "it answered nothing to 'show running-config'"),
        ("denies", "it does not let backup in"),
        ("guarded", "it does not give the privilege (enable)"),
    ],
)
def test_one_in_trouble_is_named_with_its_reason_and_nothing_of_it_is_stored(
    night: Night, name: str, words: str
) -> None:
    assert words in night.said(name)
    assert night.site.snapshots(name) == []


def test_it_is_said_how_an_unknown_key_is_added(night: Night) -> None:
    file = night.site.known_hosts
    assert f"compare that with what the switch's console says, then add it: kaizen switches keys unknown >>{file}" in (
        night.said("unknown")
    )


def test_one_whose_trouble_passes_is_asked_again_and_stored(night: Night) -> None:
    assert night.flaky.sessions == 2
    assert night.site.stored("flaky").endswith("!\n")
    assert not any(line.startswith("kaizen: flaky: ") for line in night.result.stderr.splitlines())


def test_a_password_is_tried_once_so_that_no_account_is_locked(night: Night) -> None:
    assert night.refusing.sessions == 0
    assert night.refusing.tries == 1


def test_no_password_is_in_an_argument_list_nor_in_anything_that_is_said_or_kept(night: Night) -> None:
    assert any("pytest" in line for line in night.seen), "nobody looked"
    kept = b"".join(path.read_bytes() for path in (night.site.root / "state").rglob("*") if path.is_file())
    status = night.site.kaizen("status", "--json").output
    for secret in (PASSWORD, ENABLE, "s3cr3tHash"):
        assert not any(secret in line for line in night.seen)
        assert secret not in night.result.output
        assert secret not in status
        assert secret.encode() not in kept


def test_status_tells_who_is_safe_and_who_never_was(night: Night) -> None:
    found = {node["node"]: node for node in json.loads(night.site.kaizen("status", "--json").output)["nodes"]}
    assert {found[name]["state"] for name in [*GOOD, "flaky"]} == {"fresh"}
    assert {node["role"] for node in found.values()} == {"switch"}
    assert found["errs"]["state"] == "never"
    assert "cannot be shown now" in found["errs"]["problem"]
