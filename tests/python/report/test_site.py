"""The status page as files: what is on it, what must never be in it, and how it takes its place."""

import base64
import grp
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from every_state import HOSTILE, NOW, Past, every_state, pages
from kaizen_backups.errors import ConfigError, KaizenError, LockedError
from kaizen_backups.history import open_history
from kaizen_backups.history_offsite import Copy
from kaizen_backups.lock import only_run
from kaizen_backups.node import Node
from kaizen_backups.report import site as module
from kaizen_backups.report.heatmap import LOOKS
from kaizen_backups.report.site import MARKER, page_of, write_report
from kaizen_backups.settings import Settings
from kaizen_backups.sharing import shares
from kaizen_backups.status_detail import node_detail
from samples import make_node
from stand_in_puppetdb import StandIn

VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, its text, and the rows of its tables."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.text = ""
        self.style = ""
        self.feed(path.read_text())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{self.path}: </{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def write(settings: Settings, nodes: list[Node], place: Path, group: str | None = None) -> Path:
    with open_history(settings.history_file) as history:
        write_report(place, nodes, settings, history, now=NOW, group=group)
    return place


@pytest.fixture
def nodes(settings: Settings) -> list[Node]:
    settings.store.mkdir()
    settings.state.mkdir()
    return every_state(settings)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "www").mkdir()
    return tmp_path / "www" / "report"


@pytest.fixture
def site(settings: Settings, nodes: list[Node], place: Path) -> Path:
    return write(settings, nodes, place)


def index(site: Path) -> Page:
    return Page(site / "index.html")


# -- what is on it


def test_it_says_first_how_many_nodes_are_safe_and_then_what_to_do_worst_first(site: Path) -> None:
    page = index(site)
    text = " ".join(page.text.split())
    head = "3 of 8 nodes are safe - kaizen 3 of 8 nodes are safe 2 never 2 failing 1 stale 1 late 2 fresh as of "
    assert text.startswith(head)
    assert text.index("What to do first") < text.index("Every night")
    todo = text[text.index("What to do first") : text.index("Every night")]
    places = [
        todo.index(command)
        for command in (
            "kaizen collect -v new",
            "kaizen collect -v refused",
            "kaizen collect -v failing",
            "kaizen verify rotten",
            "kaizen-backup status",
            "kaizen drill odd",
        )
    ]
    assert places == sorted(places)
    assert "Permission denied (publickey)" in todo


def test_every_state_is_named_and_every_node_has_its_page(site: Path, nodes: list[Node]) -> None:
    tags = {
        (a["class"] or "").split()[-1] for a in index(site).all("span") if (a.get("class") or "").startswith("tag ")
    }
    assert tags == {"never", "failing", "stale", "late", "fresh"}
    assert {path.name for path in pages(site)} == {"index.html", *(f"{node.name}.html" for node in nodes)}
    for node in nodes:
        assert Page(site / "node" / f"{node.name}.html").text.count(node.name) >= 2


def test_the_map_agrees_with_what_became_of_each_node_on_each_date(
    settings: Settings, site: Path, nodes: list[Node]
) -> None:
    page = index(site)
    rows = {row[0]: row[1:] for row in page.rows if len(row) == 61}
    shown = [str((NOW - timedelta(days=ago)).date()) for ago in reversed(range(60))]
    assert [attributes["title"] for attributes in page.all("th") if "title" in attributes] == shown
    signs = set()
    with open_history(settings.history_file) as history:
        for node in nodes:
            became = {str(day.date): day for day in node_detail(node, nodes, settings, history, NOW).days}
            expected = [LOOKS[became[date].state].sign if date in became else "" for date in shown]
            assert rows[node.name] == expected
            signs |= set(expected)
    assert signs == {"", *(look.sign for look in LOOKS.values())}


def test_the_signs_of_the_map_differ_without_colour_and_are_explained(site: Path) -> None:
    assert len({look.sign for look in LOOKS.values()}) == len(LOOKS)
    for look in LOOKS.values():
        assert look.words in index(site).text


def test_a_cell_that_is_not_good_says_why(site: Path) -> None:
    titles = [attributes["title"] or "" for attributes in index(site).all("td") if "title" in attributes]
    assert f"2026-11-24 failed; cannot be reached: {HOSTILE}" in titles
    assert any(title.startswith("2026-11-24 odd; dump ") for title in titles)


def test_a_node_has_its_dumps_warnings_attempts_drills_and_a_picture_with_words(site: Path) -> None:
    page = Page(site / "node" / "odd.html")
    for words in (
        "Dumps in 2026-11-24",
        "mysql/nova.sql.zst",
        "changed while it was read",
        "unusual: dump",
        "The log's end",
        "Drills",
        "cannot be loaded",
        "10.0.0.2, known from facts",
        "the drill of 2026-11-21 09:30 failed",
        "241.0 MiB on 2026-08-27, 110.0 MiB on 2026-11-24; at least 106.0 MiB, at most 329.0 MiB.",
    ):
        assert words in page.text
    assert [tag for tag, _ in page.elements].count("svg") == 1
    assert [
        "2026-11-13",
        "· good",
        "2026-11-13",
        "2026-11-13 03:30",
        "1200",
        "319.0 MiB",
        "12",
        "8.0 MiB",
        "expired",
    ] in page.rows
    assert "restorable, on 2026-11-22 09:30" in Page(site / "node" / "fresh.html").text


def test_of_encrypted_dumps_nobody_says_that_they_are_proven(site: Path) -> None:
    text = Page(site / "node" / "late.html").text
    assert "restorable, on 2026-11-20 09:30, but for 2 encrypted dumps" in text
    assert "all of it was brought back, and is good, but for 2 encrypted dumps" in text
    assert "but for" not in Page(site / "node" / "fresh.html").text


def test_a_node_says_how_old_its_copy_is_where_there_is_a_repository(
    settings: Settings, nodes: list[Node], place: Path
) -> None:
    page = Page(write(settings, nodes, place) / "node" / "fresh.html")
    assert "offsite" not in page.text
    stated = {name: {"repository": f"/srv/{name}"} for name in ("one", "two")}
    settings = Settings.model_validate({**settings.model_dump(), "offsite": stated})
    with open_history(settings.history_file) as history:
        for name, node, received in (
            ("one", "fresh", "2026-11-24T03:30:00Z"),
            ("two", "fresh", "2026-11-23T03:30:00Z"),
            ("one", "odd", "2026-11-24T03:30:00Z"),
        ):
            history.add_copy(name, Copy(f"{name}{node}", node, received[:10], received, "0" * 64))
    write(settings, nodes, place)
    fresh, odd = (Page(place / "node" / f"{name}.html") for name in ("fresh", "odd"))
    assert "what came by 2026-11-23 03:30" in fresh.text  # the repository that is worst off
    assert "no copy of it" in odd.text  # one of the two has none
    assert {"class": "bad"} in odd.all("dd")
    assert {"class": "bad"} not in fresh.all("dd")


def test_the_store_and_the_last_collections_are_on_it(settings: Settings, nodes: list[Node], place: Path) -> None:
    text = index(write(settings.model_copy(update={"floor": 0}), nodes, place)).text
    assert "in about 40 days" in text
    assert "In use: 124.0 GiB on 2026-09-26, 655.0 GiB on 2026-11-24, of 1.0 TiB then." in text
    assert "not ended" in text


def test_nobody_is_safe_where_nobody_is_known(settings: Settings, nodes: list[Node], place: Path) -> None:
    page = index(write(settings, [], place))
    assert "0 of 0 nodes are safe" in page.text
    assert "kaizen nodes refresh" in page.text
    assert page.all("header") == [{"class": "bad"}]


def test_the_collectors_own_trouble_is_on_it_though_all_are_safe(
    settings: Settings, nodes: list[Node], place: Path
) -> None:
    full = settings.model_copy(update={"floor": 1 << 60})
    page = index(write(full, [node for node in nodes if node.name in ("fresh", "late")], place))
    assert page.all("header") == [{"class": "bad"}]
    assert "This collector: too little room" in page.text.partition("What to do first")[2]
    assert "now: nothing more is collected" in page.text


def test_all_is_well_where_all_are_safe(settings: Settings, nodes: list[Node], place: Path) -> None:
    page = index(write(settings, [node for node in nodes if node.name in ("fresh", "late")], place))
    assert page.all("header") == [{"class": "good"}]
    assert "What to do first" not in page.text


def test_nodes_of_other_collectors_are_there_with_what_is_known(
    settings: Settings, nodes: list[Node], place: Path
) -> None:
    names = ("one.example", "two.example")
    shared = settings.model_copy(update={"collectors": names, "name": names[0]})
    others = shares(nodes, shared)["two.example"]
    assert 0 < len(others) < len(nodes)
    page = index(write(shared, nodes, place))
    rows = {row[0]: row[1:] for row in page.rows}
    for node in others:
        assert rows[node.name] == ["two.example has it, newest unknown: never"]
        text = Page(place / page_of(node.name)).text
        assert "two.example, whose status has more" in text
        assert "The last" not in text
    assert rows["one.example (this one)"][0] == str(len(nodes) - len(others))
    assert rows["two.example"] == [str(len(others)), "0", "-"]


def test_who_is_not_backed_up_is_on_it_where_there_is_a_puppetdb_to_ask(
    settings: Settings, nodes: list[Node], place: Path, puppetdb: StandIn
) -> None:
    assert "Not backed up" not in index(write(settings, nodes, place)).text
    puppetdb.add("good.example")
    puppetdb.add("off.example", enabled=False)
    sources = settings.sources.model_copy(update={"puppetdb": puppetdb.settings})
    asked = settings.model_copy(update={"sources": sources, "exemptions": place.parent / "none.yaml"})
    text = index(write(asked, nodes, place)).text
    assert "1 of 2 active nodes; 0 more are exempt" in text
    assert "off.example" in text
    puppetdb.nodes.clear()
    text = index(write(asked, nodes, place)).text
    assert "That can't be told: PuppetDB" in text
    assert "it names no active node at all" in text


# -- what must never be in it


def test_what_came_from_a_node_stays_text(site: Path) -> None:
    for path in pages(site):
        page = Page(path)
        assert "<script" not in path.read_text()
        assert not page.all("script")
        assert not any(name.startswith("on") or name == "style" for _, attrs in page.elements for name in attrs)
    assert HOSTILE in index(site).text
    odd = Page(site / "node" / "odd.html").text
    assert f"mysql/{HOSTILE}.sql.zst" in odd
    assert f"/srv/{HOSTILE} changed" in odd
    assert f"dump {HOSTILE} cannot be loaded" in odd
    assert "\\x1b[31mred\\u202egnp.exe" in odd
    assert f"cannot be reached: {HOSTILE}" in Page(site / "node" / "failing.html").text


def test_every_link_leads_to_a_page_of_the_site_and_nothing_is_loaded(site: Path) -> None:
    for path in pages(site):
        page = Page(path)
        for tag, attributes in page.elements:
            assert "src" not in attributes
            target = attributes.get("href")
            if target is not None and (tag, target) != ("link", "data:,"):
                assert (path.parent / target).resolve() in [one.resolve() for one in pages(site)]
        assert "url(" not in page.style
        assert "@import" not in page.style


def test_the_policy_allows_the_style_sheet_and_nothing_else(site: Path) -> None:
    for path in pages(site):
        page = Page(path)
        (policy,) = (a["content"] or "" for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules.pop("style-src") == f"'sha256-{digest}'"
        assert rules == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def test_headings_go_in_order_and_a_page_says_what_it_is(site: Path) -> None:
    for path in pages(site):
        page = Page(path)
        headings = [tag for tag, _ in page.elements if tag in ("h1", "h2", "h3")]
        assert headings[0] == "h1"
        assert set(headings[1:]) <= {"h2"}
        assert page.all("html") == [{"lang": "en"}]
        assert not page.open


# -- how it takes its place


def test_root_and_the_group_can_read_it_and_nobody_else(settings: Settings, nodes: list[Node], place: Path) -> None:
    old = os.umask(0o077)
    try:
        write(settings, nodes, place, group="daemon")
    finally:
        os.umask(old)
    for path in [place, *place.rglob("*")]:
        assert path.stat().st_mode & 0o7777 == (0o750 if path.is_dir() else 0o640)
        assert path.stat().st_gid == grp.getgrnam("daemon").gr_gid


def test_a_group_that_is_not_there_is_an_error_and_changes_nothing(
    settings: Settings, nodes: list[Node], site: Path
) -> None:
    before = (site / "index.html").stat().st_ino
    with pytest.raises(ConfigError, match="there is no group nobodys-friends here"):
        write(settings, nodes, site, group="nobodys-friends")
    assert (site / "index.html").stat().st_ino == before


class Watch:
    """Looks, before whatever this process does to a file, whether a file is there."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.looks = 0
        self.missed: list[str] = []
        self.on = False
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event.startswith(("open", "os.", "shutil.")):
            self.on = False
            self.looks += 1
            if not self.file.exists():
                self.missed.append(f"{event} {arguments}")
            self.on = True


def test_at_no_moment_is_there_no_index(settings: Settings, nodes: list[Node], site: Path) -> None:
    watch = Watch(site / "index.html")
    watch.on = True
    before = (site / "index.html").stat().st_ino
    write(settings, nodes[:2], site)
    watch.on = False
    assert watch.looks > 20  # each page is made, opened to the group and removed
    assert watch.missed == []
    assert (site / "index.html").stat().st_ino != before
    assert [path.name for path in site.parent.iterdir()] == ["report"]
    assert len(pages(site)) == 3


@pytest.mark.parametrize("step", ["sync", "exchange"])
def test_a_run_that_is_killed_leaves_the_old_site_and_the_next_one_tidies_up(
    settings: Settings, nodes: list[Node], site: Path, tmp_path: Path, step: str
) -> None:
    before = {path: path.read_bytes() for path in pages(site)}
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    script = f"""
import os, signal, sys
from pathlib import Path
from datetime import datetime
from kaizen_backups.history import open_history
from kaizen_backups.nodelist import read_list
from kaizen_backups.report import site
from kaizen_backups.settings import Settings
settings = Settings.model_validate_json(Path({str(tmp_path / "settings.json")!r}).read_text())
site.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with open_history(settings.history_file) as history:
    site.write_report(Path({str(site)!r}), read_list(settings.nodes_file), settings, history,
        now=datetime.fromisoformat({NOW.isoformat()!r}), group=None)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert {path: path.read_bytes() for path in pages(site)} == before
    assert len(list(site.parent.iterdir())) == 2
    write(settings, nodes, site)
    assert [path.name for path in site.parent.iterdir()] == ["report"]


def test_a_site_that_cannot_be_finished_leaves_the_old_one_and_nothing_beside_it(
    settings: Settings, nodes: list[Node], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (site / "index.html").read_bytes()

    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "sync", fail)
    with pytest.raises(OSError, match="No space left"):
        write(settings, nodes[:1], site)
    assert (site / "index.html").read_bytes() == before
    assert [path.name for path in site.parent.iterdir()] == ["report"]


def test_two_runs_at_once_are_one_too_many(settings: Settings, nodes: list[Node], site: Path) -> None:
    with only_run(settings.state / "report.lock"), pytest.raises(LockedError):
        write(settings, nodes, site)


@pytest.fixture(
    params=[
        "a directory with files",
        "a file",
        "a symlink",
        "in the store",
        "the store",
        "no parent",
        "others' parent",
        "open parent",
    ]
)
def no_place(request: pytest.FixtureRequest, settings: Settings, nodes: list[Node], place: Path) -> Path:
    """Return a place where no site may go."""
    elsewhere = place.parent / "elsewhere"
    elsewhere.mkdir()
    match request.param:
        case "a directory with files":
            place.mkdir()
            (place / "index.html").write_text("somebody's own")
        case "a file":
            place.write_text("somebody's own")
        case "a symlink":
            place.symlink_to(elsewhere)
        case "in the store":
            place = settings.store / "report"
        case "the store":
            place = settings.store
        case "no parent":
            place = place.parent / "missing" / "report"
        case "others' parent":
            os.chown(place.parent, 65534, -1)
        case "open parent":
            place.parent.chmod(0o775)
    return place


def test_it_never_takes_the_place_of_anything_but_a_report(
    settings: Settings, nodes: list[Node], no_place: Path
) -> None:
    top = settings.store.parent
    before = {(path, path.lstat().st_ino) for path in top.rglob("*") if path.parent != settings.state}
    with pytest.raises(KaizenError, match=str(no_place)):
        write(settings, nodes, no_place)
    assert {(path, path.lstat().st_ino) for path in top.rglob("*") if path.parent != settings.state} == before


def test_what_only_looks_like_its_own_leftover_stays(settings: Settings, nodes: list[Node], place: Path) -> None:
    other = place.parent / ".report.new-mine"
    other.mkdir()
    (other / "notes").write_text("mine")
    write(settings, nodes, place)
    assert (other / "notes").read_text() == "mine"
    shutil.rmtree(other)


def test_a_parent_like_tmp_in_which_nobody_can_move_anothers_files_will_do(
    settings: Settings, nodes: list[Node], place: Path
) -> None:
    place.parent.chmod(0o1777)
    assert index(write(settings, nodes, place)).text


def test_an_empty_directory_will_do(settings: Settings, nodes: list[Node], place: Path) -> None:
    place.mkdir()
    write(settings, nodes, place)
    assert (place / MARKER).exists()
    assert pages(place)


def test_a_node_with_the_longest_name_has_a_page_too(settings: Settings, nodes: list[Node], place: Path) -> None:
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(name) == 253
    write(settings, [make_node(name)], place)
    assert name in (place / page_of(name)).read_text()


def test_times_and_dates_are_the_collectors(settings: Settings, place: Path) -> None:
    past = Past(settings)
    past.night("n", 0)
    with open_history(settings.history_file) as history:
        now = NOW.astimezone(timezone(timedelta(hours=5)))
        write_report(place, [make_node("n")], settings, history, now=now, group=None)
    assert "came 2026-11-24 08:30" in Page(place / "node" / "n.html").text
