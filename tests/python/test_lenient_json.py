"""One absurd value makes nothing else unreadable, and what is no JSON stays none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_backups.lenient_json import DEEPEST, _is_deep, _pruned, loads

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_json_is_read_as_it_is(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(values)
def test_what_is_not_too_deep_is_left_alone(value: Any) -> None:
    text = json.dumps(value)
    assert _pruned(text) == text


@given(
    st.lists(
        st.sampled_from(["[%s]", "[1, %s]", '{"a": %s}', '{"]}": "]}", "a": %s}', ' [ { "[": %s } ]']), min_size=18
    )
)
def test_no_nesting_is_overlooked_that_the_parser_would_give_up_at(levels: list[str]) -> None:
    text = "1"
    for level in levels:
        text = level % text
    depth = sum(2 if "{ " in level else 1 for level in levels)
    assert _is_deep(text.encode()) == (depth > DEEPEST)
    assert _is_deep(f"[{text}, {{}}]".encode()) == (depth + 1 > DEEPEST)


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_the_neighbours_of_an_absurd_value_are_told() -> None:
    rows = f'[{{"a": 1, "b": "]}}"}}, {{"a": {deep(100_000)}, "b": {"7" * 5000}}}, {{"a": "\\"[", "b": {{"c": 2}}}}]'
    first, second, third = loads(rows.encode())
    assert (first, third) == ({"a": 1, "b": "]}"}, {"a": '"[', "b": {"c": 2}})
    assert second["b"] == "7" * 5000
    levels = 2
    while second["a"]:
        (second["a"],) = second["a"]
        levels += 1
    assert levels == DEEPEST


@pytest.mark.parametrize(
    "text", ["", "[", "[1", deep(5000)[:-1], deep(5000) + "]", '["' + deep(5000), "7" * 5000 + "x"]
)
def test_what_is_no_json_stays_none(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        loads(text.encode())


def test_what_is_no_utf_8_is_no_json() -> None:
    with pytest.raises(UnicodeDecodeError):
        loads(b'["\xff"]')
