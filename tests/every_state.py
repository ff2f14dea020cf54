"""A fleet with every state in it, on a date of the test's own: store, history, node list."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kaizen_backups.history import open_history, stamp
from kaizen_backups.node import Node
from kaizen_backups.nodes_yaml import to_yaml
from kaizen_backups.settings import Settings
from samples import make_node

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
MIB = 1 << 20


class Past:
    """What a collector's history has of the days before NOW; a day is given by how many days ago it was."""

    def __init__(self, settings: Settings, now: datetime = NOW) -> None:
        self.settings = settings
        self.now = now
        with open_history(settings.history_file):
            pass

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Add rows to a table."""
        rows = list(rows)
        if rows:
            with closing(sqlite3.connect(self.settings.history_file)) as connection, connection:
                places = ", ".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)

    def name(self, ago: int) -> str:
        """Return the name of the snapshot of that day."""
        return str((self.now - timedelta(days=ago)).date())

    def stamp(self, ago: int, hours: int = 3) -> str:
        """Return a moment of that day."""
        return stamp((self.now - timedelta(days=ago)).replace(hour=hours, minute=30))

    def night(
        self,
        node: str,
        ago: int,
        *,
        size: int = 300 * MIB,
        came: int | None = None,
        dumps: Mapping[str, int] | None = None,
        warnings: Sequence[str] = (),
        unusual: Sequence[str] = (),
        rotten: bool = False,
        stored: bool | None = None,
    ) -> None:
        """Let a snapshot come, on its day or on another; it is stored for eight days, unless told."""
        received = self.stamp(ago if came is None else came)
        numbers = (1200, size, 12, size // 40)
        texts = (json.dumps(dumps or {}), json.dumps(list(warnings)), json.dumps(list(unusual)))
        self.insert("nights", [(node, self.name(ago), received, *numbers, *texts)])
        if ago < 8 if stored is None else stored:
            (self.settings.store / node / self.name(ago)).mkdir(parents=True)
            self.insert("snapshots", [(node, self.name(ago), received, *numbers, "0" * 64, received, int(rotten))])
        self.attempt(node, ago if came is None else came, received=1)

    def attempt(self, node: str, ago: int, problem: str | None = None, received: int = 0) -> None:
        """Let an attempt at a node end."""
        self.insert("attempts", [(node, self.stamp(ago), 4.25, received, problem, 0)])

    def drill(self, node: str, ago: int, problems: Sequence[str] = (), unchecked: Sequence[str] = ()) -> None:
        """Let a drill of a node end."""
        lists = (json.dumps(list(problems)), "{}", json.dumps(list(unchecked)))
        self.insert("drills", [(node, self.stamp(ago, 9), 61.0, self.name(ago), *lists)])

    def room(self, free: Iterable[int], total: int) -> None:
        """Let the store have so many free bytes, day by day until today."""
        values = list(free)
        self.insert("room", [(self.stamp(len(values) - 1 - n), one, total) for n, one in enumerate(values)])


def every_state(settings: Settings, now: datetime = NOW) -> list[Node]:
    """Make the fleet, with what a hostile node may have sent, and write its node list; return its nodes."""
    past = Past(settings, now)
    for ago in reversed(range(90)):
        for number, name in enumerate(("fresh", "odd", "late", "rotten", "failing", "stale")):
            _usual_night(past, name, ago, (200 + 40 * number) * MIB)
    past.attempt("failing", 1, "cannot be reached: No route to host")
    past.attempt("failing", 0, f"cannot be reached: {HOSTILE}")
    past.attempt("stale", 0)
    past.attempt("refused", 0, "the door does not open: Permission denied (publickey)")
    past.drill("fresh", 2)
    past.drill("late", 4, unchecked=["/dumps/a.age", f"/dumps/{HOSTILE}.age"])
    past.drill("odd", 3, [f"dump {HOSTILE} cannot be loaded"])
    past.insert("runs", [(n + 1, past.stamp(9 - n), past.stamp(9 - n, 4), 8, n % 3, 6, 4 << 30) for n in range(9)])
    past.insert("runs", [(10, past.stamp(0), None, 8, None, None, None)])
    past.room([(900 - 9 * day) << 30 for day in range(60)], 1 << 40)
    nodes = [
        make_node(name, address=f"10.0.0.{number}", role="compute")
        for number, name in enumerate(("fresh", "odd", "late", "rotten", "failing", "stale", "refused", "new"), 1)
    ]
    settings.nodes_file.write_text(to_yaml(nodes))
    return nodes


def _usual_night(past: Past, name: str, ago: int, size: int) -> None:
    """Let a night pass as it does for the node of that name."""
    size += (90 - ago) * MIB
    if ago in {"stale": range(5), "late": (0,), "failing": (0, 1), "fresh": (20, 21, 40)}.get(name, ()):
        return
    if name == "late" and ago == 10:
        past.night(name, ago, size=size, came=9)
        return
    odd = name == "odd" and ago in (0, 12)
    past.night(
        name,
        ago,
        size=size // 3 if odd else size,
        dumps={"mysql/nova.sql.zst": size // 4, f"mysql/{HOSTILE}.sql.zst": size // 9},
        warnings=[f"/srv/{HOSTILE} changed while it was read", "\x1b[31mred\u202egnp.exe"] if odd else (),
        unusual=[f"dump {HOSTILE} shrank: 10.0 MiB, where 40.0 MiB are usual"] if odd else (),
        rotten=name == "rotten" and ago in (0, 4),
    )


def pages(site: Path) -> list[Path]:
    """Return all pages of a site."""
    return sorted(site.rglob("*.html"))
