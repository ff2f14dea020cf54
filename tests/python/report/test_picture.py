"""Pictures of sizes over time."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.report.picture import Curve, picture

SVG = "{http://www.w3.org/2000/svg}"
FIRST = date(2026, 9, 1)


def curve(*values: int, name: str = "size", filled: bool = False) -> Curve:
    return Curve(name, [(FIRST + timedelta(days=n), value) for n, value in enumerate(values)], filled)


def parse(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(drawn).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def draw(*curves: Curve) -> ElementTree.Element:
    return parse(picture(curves, title="Size", description="It grows."))


def ys(path: ElementTree.Element) -> list[float]:
    return [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", path.attrib["d"])]


def test_it_has_a_name_and_words_for_who_does_not_see_it() -> None:
    svg = draw(curve(1, 2))
    title, words = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None
    assert words is not None
    assert (svg.attrib["role"], title.text, words.text) == ("img", "Size", "It grows.")
    assert svg.attrib["aria-labelledby"].split() == [title.attrib["id"], words.attrib["id"]]


def test_it_says_the_first_and_the_last_date_and_sizes_in_their_unit() -> None:
    words = [text.text for text in draw(curve(100 << 20, 370 << 20)).iter(f"{SVG}text")]
    assert words == ["0", "100.0 MiB", "200.0 MiB", "300.0 MiB", "400.0 MiB", "2026-09-01", "2026-09-02"]


def test_more_is_higher_and_equal_is_level() -> None:
    (path,) = (one for one in draw(curve(10, 30, 30, 20)).iter(f"{SVG}path") if "size" in one.attrib["class"])
    one, two, three, four = ys(path)
    assert one > four > two == three


def test_a_filled_curve_has_an_area_beside_its_line() -> None:
    classes = [path.attrib["class"] for path in draw(curve(1, 2, filled=True)).iter(f"{SVG}path")]
    assert classes[-2:] == ["area size", "line size"]


@pytest.mark.parametrize("curves", [[], [curve()], [curve(5)]])
def test_fewer_than_two_dates_are_no_picture(curves: list[Curve]) -> None:
    assert picture(curves, title="Size", description="") == ""


def test_words_are_escaped() -> None:
    drawn = picture([curve(1, 2)], title="<script>", description="a & b")
    assert "&lt;script&gt;" in drawn
    assert "a &amp; b" in drawn


@given(st.lists(st.integers(0, 1 << 60), min_size=2, max_size=50))
def test_whatever_the_sizes_it_is_within_its_frame_and_has_few_lines(values: list[int]) -> None:
    svg = draw(curve(*values))
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    for path in svg.iter(f"{SVG}path"):
        for x, y in re.findall(r"([\d.]+) ([\d.]+)", path.attrib["d"]):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height
    assert len(list(svg.iter(f"{SVG}text"))) <= 10
