"""How `kaizen status` shows nodes to a person."""

from datetime import datetime

import click

from kaizen_backups.cli.table import print_table
from kaizen_backups.days import Day, DayState
from kaizen_backups.errors import printable
from kaizen_backups.history import parse_stamp
from kaizen_backups.status import NodeStatus, State
from kaizen_backups.status_detail import Detail
from kaizen_backups.status_words import but_for, growth, short_age, summary, what_is_wrong
from kaizen_backups.units import many, size

_STYLES = {
    State.NEVER: "bold red",
    State.FAILING: "red",
    State.STALE: "red",
    State.LATE: "yellow",
    State.FRESH: "green",
}
_DAY_STYLES = {
    DayState.GOOD: "green",
    DayState.ODD: "yellow",
    DayState.LATER: "yellow",
    DayState.MISSING: "red",
    DayState.FAILED: "red",
    DayState.ROTTEN: "bold red",
}
_ATTEMPTS = 5


def print_fleet(found: list[NodeStatus], now: datetime, *, offsite: bool = False) -> None:
    """Print a line a node, and how many are safe; with `offsite` how old the newest copies are, too."""
    header = ["NODE", "ROLE", "STATE", "NEWEST", "AGE", "SIZE", "WEEK", "NEW", "KEPT", "PROVEN", "WHAT IS WRONG"]
    rows = [_row(status, now) for status in found]
    if offsite:
        header.insert(-1, "OFFSITE")
        for row, status in zip(rows, found, strict=True):
            row.insert(-1, _offsite(status, now))
    print_table(header, rows, [_STYLES[status.state] for status in found])
    click.echo(summary(found))


def _row(status: NodeStatus, now: datetime) -> list[str]:
    return [
        status.node,
        status.role,
        status.state,
        status.snapshot or "-",
        short_age(status.age(now)),
        size(status.bytes),
        growth(status),
        size(status.new_bytes),
        str(status.kept),
        _proven(status),
        printable(what_is_wrong(status)),
    ]


def _offsite(status: NodeStatus, now: datetime) -> str:
    """Return how old the newest snapshot is that is offsite."""
    return short_age(now - parse_stamp(status.offsite)) if status.offsite else "-"


def _proven(status: NodeStatus) -> str:
    """Return the day of the last drill: on which it was proven that the node can be restored, or was not."""
    if status.drill_failed:
        return f"failed {status.drill_failed[:10]}"
    return f"{status.proven[:10]}{but_for(status.unchecked)}" if status.proven else "-"


def print_node(detail: Detail, now: datetime) -> None:
    """Print all that is known of a node."""
    status = detail.status
    facts = {
        "node": f"{status.node} ({status.role}), {detail.address}, known from {detail.origin}",
        "state": f"{status.state}{': ' + status.problem if status.problem else ''}",
        "newest": _newest(status, now),
        "kept": f"{many(status.kept, 'snapshot')}, all read {detail.verified or 'never'}",
        "proven": _proven(status),
        "offsite": f"{_offsite(status, now)} old" if status.offsite else "no copy",
    }
    for name, value in facts.items():
        click.echo(f"{name:8} {printable(value)}")
    if detail.days:
        click.echo()
        header = ["DATE", "", "SNAPSHOT", "CAME (UTC)", "FILES", "SIZE", "NEW FILES", "NEW", "STORED"]
        rows = [row for day in detail.days for row in _day_rows(day, set(detail.stored))]
        print_table(header, [row for row, _ in rows], [_DAY_STYLES[state] for _, state in rows])
    _print_remarks(detail.days)
    for problem in detail.drill_problems:
        click.echo(printable(f"{(status.drill_failed or '')[:10]}: drill: {problem}"))
    _print_attempts(detail)


def _newest(status: NodeStatus, now: datetime) -> str:
    if not status.snapshot:
        return "none"
    what = f"{size(status.bytes)} in {many(status.files or 0, 'file')}, {short_age(status.age(now))} old"
    return f"{status.snapshot}, {what}, {growth(status)} in a week"


def _day_rows(day: Day, stored: set[str]) -> list[tuple[list[str], DayState]]:
    if not day.nights:
        return [([str(day.date), day.state, *["-"] * 7], day.state)]
    return [
        (
            [
                str(day.date),
                day.state,
                night.snapshot,
                night.received[:16].replace("T", " "),
                str(night.files),
                size(night.bytes),
                str(night.new_files),
                size(night.new_bytes),
                "yes" if night.snapshot in stored else "expired",
            ],
            day.state,
        )
        for night in day.nights
    ]


def _print_remarks(found: list[Day]) -> None:
    """Print every warning, what was unusual, and what went wrong, by date."""
    lines = []
    for day in found:
        for night in day.nights:
            lines += [f"{night.snapshot}: unusual: {words}" for words in night.unusual]
            lines += [f"{night.snapshot}: warning: {words}" for words in night.warnings]
        lines += [f"{day.date}: {problem}" for problem in day.problems]
    if lines:
        click.echo()
    for line in lines:
        click.echo(printable(line))


def _print_attempts(detail: Detail) -> None:
    if not detail.attempts:
        return
    click.echo("\nlast asked (UTC):")
    for attempt in detail.attempts[:_ATTEMPTS]:
        came = many(attempt.received, "snapshot") if attempt.received else "nothing new"
        click.echo(
            printable(f"  {attempt.at[:16].replace('T', ' ')}  {attempt.seconds:.1f} s  {attempt.problem or came}")
        )
