"""Which names a pattern means."""

import random
import re

import pytest

from kaizen_backups.search.pattern import PatternError, name_pattern

PATHS = [
    "/etc/nova/nova.conf",
    "/etc/nova/conf.d/a.conf",
    "/etc/nova.conf/x",
    "/var/.hidden",
    "/var/a[1]",
    "/var/a*b",
    "/var/new\nline",
    "/srv/\udcff.conf",
    "/srv/CAFÉ",
]


def matching(text: str, *, regex: bool = False, ignore_case: bool = False) -> list[str]:
    pattern = name_pattern(text, regex=regex, ignore_case=ignore_case)
    found = [path for path in PATHS if pattern.matches(path)]
    assert all(pattern.literal in path.encode("utf-8", "surrogateescape") for path in found)
    return [path.replace("/etc/nova/", "~") for path in found]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("nova.conf", ["~nova.conf"]),
        ("nova?conf", ["~nova.conf"]),
        ("nova", []),
        ("*.conf", ["~nova.conf", "~conf.d/a.conf", "/srv/\udcff.conf"]),
        ("?.conf", ["~conf.d/a.conf", "/srv/\udcff.conf"]),
        ("[!a].conf", ["/srv/\udcff.conf"]),
        ("[^a].conf", ["/srv/\udcff.conf"]),
        ("[]a-b].conf", ["~conf.d/a.conf"]),
        ("*hidden", ["/var/.hidden"]),
        ("a[[]1]", ["/var/a[1]"]),
        (r"a\[1\]", ["/var/a[1]"]),
        (r"a\*b", ["/var/a*b"]),
        ("new*line", ["/var/new\nline"]),
        ("\udcff.*", ["/srv/\udcff.conf"]),
        ("CAF?", ["/srv/CAFÉ"]),
    ],
)
def test_a_glob_without_a_slash_means_the_name_alone(pattern: str, found: list[str]) -> None:
    assert matching(pattern) == found


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/etc/nova/*.conf", ["~nova.conf"]),
        ("/etc/nova/**.conf", ["~nova.conf", "~conf.d/a.conf"]),
        ("/etc/**/*.conf", ["~nova.conf", "~conf.d/a.conf"]),
        ("/etc/nova/**/*.conf", ["~nova.conf", "~conf.d/a.conf"]),
        ("**/a.conf", ["~conf.d/a.conf"]),
        ("/v**line", ["/var/new\nline"]),
        ("/etc/nova?nova.conf", []),
        ("/etc/nova[/]nova.conf", []),
        ("/etc/nova[!x]nova.conf", []),
        ("/etc/*", []),
        ("/var/a*b", ["/var/a*b"]),
        ("nova/nova.conf", ["~nova.conf"]),
        ("ova/nova.conf", []),
        ("/nova/nova.conf", []),
        ("etc/nova/nova.conf", ["~nova.conf"]),
        ("/etc/nova/***/a.conf", ["~conf.d/a.conf"]),
    ],
)
def test_a_glob_with_a_slash_means_the_path_and_a_star_stays_in_its_directory(pattern: str, found: list[str]) -> None:
    assert matching(pattern) == found


def test_case_counts_unless_told() -> None:
    assert matching("café") == matching("NOVA.CONF") == []
    assert matching("café", ignore_case=True) == ["/srv/CAFÉ"]
    assert matching("nova/NOVA.conf", ignore_case=True) == ["~nova.conf"]
    assert matching(r"NOVA\.C", regex=True, ignore_case=True) == ["~nova.conf", "/etc/nova.conf/x"]


def test_a_regular_expression_is_searched_in_the_whole_path() -> None:
    assert matching("nova.*[.]conf$", regex=True) == ["~nova.conf", "~conf.d/a.conf"]
    assert matching("^/etc/nova/[^/]*$", regex=True) == ["~nova.conf"]


def test_a_slash_at_the_end_means_directories() -> None:
    assert name_pattern("nova/").directories
    assert not name_pattern("nova").directories


@pytest.mark.parametrize(
    ("pattern", "regex", "place", "complaint"),
    [
        ("etc[a", False, 3, "[ without ]"),
        ("a\\", False, 1, "backslash at the end"),
        ("", False, 0, "empty"),
        ("", True, 0, "empty"),
        ("//", False, 0, "names nothing"),
        ("x[z-a]", False, 1, "bad character range"),
        ("ab(c", True, 2, "missing )"),
        ("ab**", True, 3, "multiple repeat"),
    ],
)
def test_a_bad_pattern_is_shown_with_the_place(pattern: str, regex: bool, place: int, complaint: str) -> None:
    with pytest.raises(PatternError) as raised:
        name_pattern(pattern, regex=regex)
    first, shown, mark = str(raised.value).split("\n")
    assert complaint in first
    assert shown == f"  {pattern}"
    assert mark == " " * (place + 2) + "^"


def test_a_glob_means_what_trying_every_way_would_find() -> None:
    """A quick way through stars must not miss what a slow one finds."""
    some = random.Random(8)
    for _ in range(3000):
        glob = "".join(some.choice(["a", "b", "*", "*", "?", "/", "**"]) for _ in range(some.randint(1, 8))).strip("/")
        path = "/" + "".join(some.choice("aab/") for _ in range(8)).strip("/").replace("//", "/a/")
        if glob and "***" not in glob:
            assert bool(name_pattern(glob).matches(path)) == slow(glob, path), (glob, path)


def slow(glob: str, path: str) -> bool:
    if "/" not in glob:
        path = path.rpartition("/")[2]
    regex = re.sub(r"(^|/)\*\*/", r"\1<", glob)
    for wild, meaning in (("**", ">"), ("*", "[^/]*"), ("?", "[^/]"), ("<", "(.*/)?"), (">", ".*")):
        regex = regex.replace(wild, meaning)
    # What the first replacements left must not be replaced again.
    return bool(re.fullmatch((".*/" if "/" in glob else "") + regex, path))


def test_a_name_made_to_be_slow_is_as_quick_as_another() -> None:
    """Trying every way through these stars would take years."""
    pattern = name_pattern("*a*a*a*a*a*a*a*a*a*a*a*b")
    assert not pattern.matches("/" + "a" * 255)
