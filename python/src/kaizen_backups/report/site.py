"""The site's files: rendered into a directory of their own, which takes the place of the one before in one step."""

import base64
import grp
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kaizen_backups.errors import ConfigError, KaizenError, printable
from kaizen_backups.history import History, parse_stamp
from kaizen_backups.lock import only_run
from kaizen_backups.node import Node
from kaizen_backups.report.data import Gathered, NodePage
from kaizen_backups.report.heatmap import LOOKS, months, row
from kaizen_backups.report.pictures import room_picture, size_picture
from kaizen_backups.settings import Settings
from kaizen_backups.status_words import but_for, growth, short_age, what_is_wrong
from kaizen_backups.store import exchange, sync
from kaizen_backups.units import many, size

MARKER = ".kaizen-report"
_MARK = "kaizen report made this directory, and replaces all of it: put nothing here.\n"
_LONGEST = 250  # a file name has 255 bytes at most
_DAYS = 60
_ATTEMPTS = 20
_FIRST = 100


def write_report(
    directory: Path, nodes: Sequence[Node], settings: Settings, history: History, *, now: datetime, group: str | None
) -> None:
    """Write the site; at every moment there is the old one or the new one at its place. `group` may read it.

    Raises KaizenError when something else is there, LockedError when another run writes one, and OSError.
    """
    gid = _gid(group)
    with only_run(settings.state / "report.lock"):
        place = _checked(directory, settings)
        _tidy_up(place)
        fresh = Path(tempfile.mkdtemp(prefix=f".{place.name}.new-", dir=place.parent))
        try:
            (fresh / MARKER).write_text(_MARK)
            _render(fresh, Gathered(nodes, settings, history, now))
            _open_to(fresh, gid)
            sync(fresh)
            _put(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _put(fresh: Path, place: Path) -> None:
    """Give the new site its place; what was there is afterwards where the new one was made, if anything was."""
    try:
        exchange(fresh, place)
    except FileNotFoundError:
        fresh.rename(place)


def _checked(directory: Path, settings: Settings) -> Path:
    """Return where the site goes. Raises KaizenError when that is no place for it."""
    if not directory.parent.is_dir():
        raise KaizenError(f"{directory}: its parent directory is missing; make that first")
    place = directory.parent.resolve() / directory.name
    if not all(map(_is_trusted, place.parents)):
        raise KaizenError(
            f"{directory}: others could exchange what is written there;"
            " the directories above it must belong to root, and nobody else may write to them"
        )
    store = settings.store.resolve()
    if place.is_relative_to(store) or store.is_relative_to(place):
        raise KaizenError(f"{directory}: the report can't be in the store; choose another directory")
    if os.path.lexists(place) and not _is_ours(place):
        raise KaizenError(f"{directory} holds something that is no report, and is left alone; choose another directory")
    return place


def _is_trusted(directory: Path) -> bool:
    """Say whether nobody else can put something in the place of what is in it."""
    found = directory.stat()
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    return found.st_uid in (0, os.geteuid()) and not others_write


def _is_ours(path: Path) -> bool:
    """Say whether this is a report, or a directory with nothing in it."""
    if path.is_symlink() or not path.is_dir():
        return False
    return (path / MARKER).is_file() or not any(path.iterdir())


def _tidy_up(place: Path) -> None:
    """Remove what a run that was killed left beside the site."""
    for left in place.parent.glob(f".{place.name}.new-*"):
        if _is_ours(left):
            shutil.rmtree(left)


def _gid(group: str | None) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid if group else None
    except KeyError:
        raise ConfigError(f"report: group: there is no group {printable(str(group))} here") from None


def _open_to(fresh: Path, gid: int | None) -> None:
    """Let the group read, and nobody else: names, sizes and troubles of all nodes are not everybody's business."""
    for path in [*fresh.rglob("*"), fresh]:
        if gid is not None:
            os.chown(path, -1, gid, follow_symlinks=False)
        path.chmod(0o750 if path.is_dir() else 0o640)


def _render(fresh: Path, gathered: Gathered) -> None:
    """Write all pages. Those of the nodes come first, and leave of each the row that the map shows of it."""
    fleet = gathered.fleet
    environment = _environment()
    environment.globals.update(fleet=fleet, now=fleet.made)
    (fresh / "node").mkdir()
    node_page, rows = environment.get_template("node.html.j2"), []
    for page in gathered.pages():
        name = page.detail.status.node
        (fresh / page_of(name)).write_text(node_page.render(_node_words(page)), encoding="utf-8")
        rows.append(row(page, fleet.dates))
    picture = room_picture(fleet.store)
    index = environment.get_template("index.html.j2")
    words = {"rows": rows, "months": months(fleet.dates), "picture": picture, "looks": LOOKS.values(), "first": _FIRST}
    (fresh / "index.html").write_text(index.render(words), encoding="utf-8")


def _node_words(page: NodePage) -> dict[str, object]:
    # What this collector saw of another one's node, before it moved there, says nothing of today.
    days = [] if page.collector else page.detail.days
    newest = next((day.nights[-1] for day in reversed(days) if day.nights), None)
    return {
        "page": page,
        "status": page.detail.status,
        "newest": newest,
        "days": days[: -_DAYS - 1 : -1],
        "attempts": [] if page.collector else page.detail.attempts[:_ATTEMPTS],
        "picture": size_picture(days),
        "looks": LOOKS,
    }


def page_of(node: str) -> str:
    """Return where a node's page is in the site."""
    name = node if len(node) <= _LONGEST else hashlib.sha256(node.encode()).hexdigest()
    return f"node/{name}.html"


def _environment() -> Environment:
    """Return the templates' world: every value is escaped, and shows its control characters."""
    environment = Environment(
        loader=PackageLoader("kaizen_backups.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    filters = {"size": size, "many": many, "age": short_age, "moment": _moment}
    environment.filters.update(filters)
    style, digest = _style(environment)
    environment.globals.update(
        style=style, style_hash=digest, page_of=page_of, what_is_wrong=what_is_wrong, growth=growth, but_for=but_for
    )
    return environment


def _style(environment: Environment) -> tuple[Markup, str]:
    """Return the style sheet, and its hash by which the pages allow it and nothing else."""
    source, *_ = PackageLoader("kaizen_backups.report").get_source(environment, "style.css")
    return Markup(source), base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()  # noqa: S704  # ours


def _moment(stamp: str | datetime | None, zone: datetime) -> str:
    """Return a moment as a person reads it, in the time zone of another one: the collector's."""
    if not stamp:
        return "-"
    moment = parse_stamp(stamp) if isinstance(stamp, str) else stamp
    return f"{moment.astimezone(zone.tzinfo):%Y-%m-%d %H:%M}"
