"""The status page in a browser, of a fleet with every state in it; and that a collection leaves it."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from certificates import Authority
from doors import Doors
from every_state import HOSTILE, NOW, every_state, pages
from kaizen_backups.history import open_history
from kaizen_backups.report.site import write_report
from kaizen_backups.settings import Settings, Sources
from lab import Fleet
from stand_in_puppetdb import StandIn

WIDTHS = {"phone": 400, "desk": 1280}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WCAG_AA = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site of a collector that shares the fleet with another one, and has a PuppetDB to ask."""
    top = tmp_path_factory.mktemp("report")
    (top / "store").mkdir()
    (top / "state").mkdir()
    with StandIn(Authority(top / "authority")) as puppetdb:
        puppetdb.add("good.example")
        puppetdb.add("bare.example", enabled=False)
        settings = Settings(
            store=top / "store",
            state=top / "state",
            sources=Sources(nodes_d=None, puppetdb=puppetdb.settings),
            exemptions=top / "exemptions.yaml",
        )
        nodes = every_state(settings)
        with open_history(settings.history_file) as history:
            write_report(top / "alone", nodes, settings, history, now=NOW, group=None)
            names = ("backup1.example", "backup2.example")
            shared = settings.model_copy(update={"collectors": names, "name": names[0]})
            write_report(top / "shared", nodes, shared, history, now=NOW, group=None)
    return top


@pytest.fixture(params=[(width, theme) for width in WIDTHS for theme in THEMES], ids="-".join)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Yield an empty page of each width in each theme, which notes what it complains of and asks for."""
    width, theme = request.param
    page = browser.new_page(viewport={"width": WIDTHS[width], "height": 900}, color_scheme=theme)
    yield page
    page.close()


def test_no_page_complains_or_asks_for_anything_and_all_can_be_read(page: Page, site: Path) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened = [path for path in pages(site) if path.parent.name != "node" or path.stem in ("odd", "failing", "new")]
    assert len(opened) == 8
    for path in opened:
        page.goto(path.as_uri())
        found = Axe().run(page, options=WCAG_AA).response
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == [], path
        assert "color-contrast" in {one["id"] for one in found["passes"]}
        # Nothing but the boxes scrolls to the side.
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")
    assert said == []
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri() for path in opened}


def test_what_a_node_sent_is_seen_as_it_was_sent(page: Page, site: Path) -> None:
    page.goto((site / "alone" / "node" / "odd.html").as_uri())
    assert page.get_by_role("rowheader", name=f"mysql/{HOSTILE}.sql.zst").is_visible()
    assert page.locator("script").count() == 0


def test_the_newest_night_is_in_sight_without_scrolling(page: Page, site: Path) -> None:
    page.goto((site / "alone" / "index.html").as_uri())
    newest = page.locator(".map thead th[title='2026-11-24']").bounding_box()
    assert newest
    assert 0 < newest["x"] < page.evaluate("window.innerWidth") - newest["width"]


def test_the_two_themes_differ(browser: Browser, site: Path) -> None:
    grounds = set()
    for theme in THEMES:
        page = browser.new_page(color_scheme=theme)
        page.goto((site / "alone" / "index.html").as_uri())
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


def test_who_looks_without_a_mouse_sees_where_he_is(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "alone" / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "new"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/node/new.html")
    page.get_by_role("link", name="All nodes").click()
    page.wait_for_url("**/index.html")


def test_every_collection_leaves_the_page_as_things_are_then() -> None:
    today = date(2026, 11, 10)
    with Fleet("report") as fleet:
        doors = Doors(fleet, 2, report={"directory": "/srv/www/report"})
        doors.collector.sh("mkdir -p /srv/www")
        one, two = doors.names
        doors.snapshot(one, str(today), {f"dumps/mysql/{HOSTILE.replace('/', '')}.sql.zst": b"x" * 5000})
        assert doors.collect(at=f"{today} 03:00:00").code == 1
        assert headline(doors) == "1 of 2 nodes are safe"
        node = doors.collector.read(f"/srv/www/report/node/{one}.html")
        assert "mysql/&lt;script&gt;alert(1)&lt;script&gt;.sql.zst" in node
        doors.snapshot(two, str(today))
        assert doors.collect(at=f"{today} 04:00:00").code == 0
        assert headline(doors) == "2 of 2 nodes are safe"
        before = doors.collector.read("/srv/www/report/index.html")
        assert doors.collect("--dry-run", at=f"{today + timedelta(days=1)} 03:00:00").code == 0
        assert doors.collector.read("/srv/www/report/index.html") == before
        modes = doors.collector.sh("stat -c '%a %U %G' /srv/www/report /srv/www/report/index.html").out
        assert modes.split("\n")[:2] == ["750 root root", "640 root root"]


def headline(doors: Doors) -> str:
    found = re.search("<h1>(.*?)</h1>", doors.collector.read("/srv/www/report/index.html"))
    assert found
    return found[1]
