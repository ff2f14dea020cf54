"""The mail digest: what a person should know after a night, as text and as HTML."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from kaizen_backups.errors import printable
from kaizen_backups.signals.told import Told
from kaizen_backups.signals.verdict import Verdict
from kaizen_backups.status import NodeStatus


@dataclass(frozen=True)
class Section:
    """A heading, and lines of text below it, from outside in part: a node and what is said of it."""

    heading: str
    lines: list[tuple[str, str]]
    below: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What stands below a node's line: of a switch, the lines of a diff."""


@dataclass(frozen=True)
class Digest:
    """A mail's subject, and its body in two forms."""

    subject: str
    text: str
    html: str


def digest(verdict: Verdict, last: Told) -> Digest:
    """Return the digest; `last` is what the one before had to say."""
    sections = [section for section in _sections(verdict, last) if section.lines]
    return Digest(verdict.title, _text(verdict, sections), _html(verdict, sections))


def _sections(verdict: Verdict, last: Told) -> Iterator[Section]:
    yield Section("Not safe", [(status.node, _why(status)) for status in verdict.not_safe])
    yield Section("This collector", [(trouble.kind, trouble.text) for trouble in verdict.troubles])
    yield Section("Rotten", [(status.node, _rotten(status)) for status in verdict.rotten])
    yield Section("Not restorable", [(status.node, _drill(status)) for status in verdict.not_proven])
    yield Section("Unusual", [(status.node, "; ".join(status.unusual)) for status in verdict.unusual])
    yield _changed(verdict)
    bad = {status.node for status in verdict.not_safe}
    names = [status.node for status in verdict.found if status.node in last.concerns - bad]
    yield Section("Safe again", [(name, f"it was not on {last.date}") for name in sorted(names)])


def _changed(verdict: Verdict) -> Section:
    lines = [(change.node, f"{change.old} -> {change.new}, secrets left out:") for change in verdict.changed]
    return Section("Changed configurations", lines, {change.node: change.diff for change in verdict.changed})


def _why(status: NodeStatus) -> str:
    newest = f"newest snapshot {status.snapshot}" if status.snapshot else "no snapshot"
    return f"{status.state}: {status.problem or 'no reason is known'} ({newest})"


def _rotten(status: NodeStatus) -> str:
    return f"in {', '.join(status.rotten)}; 'kaizen verify {status.node}' names the files"


def _drill(status: NodeStatus) -> str:
    return f"its drill of {status.drill_failed} failed; 'kaizen status {status.node}' says why"


def _footer(verdict: Verdict) -> list[str]:
    return [
        f"Collector {verdict.collector}; store: {verdict.room}.",
        "'kaizen status' shows all nodes, 'kaizen status NODE' all that is known of one.",
    ]


def _text(verdict: Verdict, sections: Iterable[Section]) -> str:
    lines = [verdict.title, ""]
    for section in sections:
        lines.append(section.heading)
        for name, text in section.lines:
            lines.append(printable(f"  {name}: {text}"))
            lines += (printable(f"    {line}") for line in section.below.get(name, ()))
        lines.append("")
    return "\n".join([*lines, *map(printable, _footer(verdict)), ""])


def _html(verdict: Verdict, sections: Iterable[Section]) -> str:
    parts = [f"<h2>{_safe(verdict.title)}</h2>"]
    for section in sections:
        rows = "".join(
            f"<tr><td><b>{_safe(name)}</b></td><td>{_safe(text)}{_block(section.below.get(name, ()))}</td></tr>\n"
            for name, text in section.lines
        )
        parts.append(f'<h3>{_safe(section.heading)}</h3>\n<table cellpadding="4">\n{rows}</table>')
    parts += [f"<p>{_safe(line)}</p>" for line in _footer(verdict)]
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{body}\n</body></html>\n'


def _block(lines: Sequence[str]) -> str:
    return "<pre>" + "\n".join(map(_safe, lines)) + "</pre>" if lines else ""


def _safe(text: str) -> str:
    return escape(printable(text))
