"""The digest: its subject says it all, and what it says of nodes can do no harm."""

from html.parser import HTMLParser

import pytest

from kaizen_backups.signals.digest import digest
from kaizen_backups.signals.told import Told
from kaizen_backups.signals.verdict import Trouble, Verdict
from kaizen_backups.status import NodeStatus, State

EVIL = '<script>alert("x")</script>\r\nBcc: evil@example.com\x1b[31m'


def status(node: str, state: State, problem: str | None = None, *, unusual: tuple[str, ...] = ()) -> NodeStatus:
    snapshot = None if state is State.NEVER else "2026-11-24"
    return NodeStatus(node, "generic", state, snapshot, None, 3, 2048, 2, problem, unusual=list(unusual))


def verdict(*found: NodeStatus, troubles: tuple[Trouble, ...] = ()) -> Verdict:
    return Verdict("backup.example", found, "1.0 TiB of 2.0 TiB free", troubles)


FRESH = [status(f"n{number}", State.FRESH) for number in range(212)]
LATE = status("late", State.LATE, "today's snapshot is not here yet")
STALE = status("stale", State.STALE, "nothing newer than 2026-11-20")
NEVER = status("new", State.NEVER, "never collected")
ODD = status("odd", State.FRESH, unusual=("half of its files are new",))
ROOM = Trouble("too little room", "/backups/nodes: 3 GiB are missing")


@pytest.mark.parametrize(
    ("what", "subject", "well"),
    [
        (verdict(NEVER, STALE, *FRESH), "kaizen: 2 of 214 nodes not safe", False),
        (verdict(*FRESH, LATE), "kaizen: all 213 nodes safe", True),
        (verdict(*FRESH, ODD), "kaizen: all 213 nodes safe, 1 unusual", False),
        (verdict(STALE, troubles=(ROOM,)), "kaizen: 1 of 1 node not safe, too little room", False),
        (verdict(FRESH[0]), "kaizen: 1 node safe", True),
        (verdict(FRESH[0], troubles=(ROOM,)), "kaizen: 1 node safe, too little room", False),
        (verdict(), "kaizen: no node is known", False),
    ],
)
def test_the_subject_says_it_all(what: Verdict, subject: str, well: bool) -> None:
    assert digest(what, Told()).subject == subject
    assert what.all_is_well == well


def test_the_text_says_who_is_not_safe_and_why_and_what_else_there_is() -> None:
    last = Told("2026-11-23", frozenset({"n7", "stale", "gone"}))
    text = digest(verdict(NEVER, STALE, *FRESH, ODD, troubles=(ROOM,)), last).text
    assert text == (
        "kaizen: 2 of 215 nodes not safe, 1 unusual, too little room\n\n"
        "Not safe\n"
        "  new: never: never collected (no snapshot)\n"
        "  stale: stale: nothing newer than 2026-11-20 (newest snapshot 2026-11-24)\n\n"
        "This collector\n  too little room: /backups/nodes: 3 GiB are missing\n\n"
        "Unusual\n  odd: half of its files are new\n\n"
        "Safe again\n  n7: it was not on 2026-11-23\n\n"
        "Collector backup.example; store: 1.0 TiB of 2.0 TiB free.\n"
        "'kaizen status' shows all nodes, 'kaizen status NODE' all that is known of one.\n"
    )


def test_what_there_is_nothing_to_say_of_has_no_heading() -> None:
    made = digest(verdict(STALE), Told())
    for heading in ("Unusual", "Safe again", "This collector"):
        assert heading not in made.text + made.html


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_text_of_a_node_is_text_in_html_and_one_line_without_control_characters_in_both() -> None:
    evil = verdict(status("n", State.FAILING, EVIL, unusual=(EVIL,)), troubles=(Trouble("certificate", EVIL),))
    made = digest(evil, Told())
    page = _Tags()
    page.feed(made.html)
    assert page.tags == {"html", "head", "meta", "body", "h2", "h3", "table", "tr", "td", "b", "p"}
    for body in (made.text, page.text):
        assert body.count('<script>alert("x")</script>\\r\\nBcc: evil@example.com\\x1b[31m') == 3
        assert "\r" not in body
        assert "\x1b" not in body
