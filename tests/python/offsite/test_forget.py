"""What the offsite host lets go of: by the day of arrival, and never what is newest."""

import asyncio
from datetime import date, timedelta

import pytest

from kaizen_backups.errors import DataError
from kaizen_backups.offsite.forget import Arrived, forget, going, prune
from kaizen_backups.settings_offsite import Forget
from offsite_nights import DAYS, NODES, Offsite

TODAY = date(2026, 11, 24)
POLICY = Forget(days=10, weeks=0, months=0, newest=2)


def arrived(node: str, *days_ago: int) -> list[Arrived]:
    return [Arrived(f"{node}-{ago}", node, f"{TODAY - timedelta(ago)}T04:00:00Z") for ago in days_ago]


def names(copies: list[Arrived]) -> list[str]:
    return [copy.id for copy in copies]


def test_what_arrived_in_the_last_days_stays() -> None:
    assert names(going(arrived("n", 30, 11, 10, 9, 0), POLICY, TODAY)) == ["n-30", "n-11", "n-10"]


def test_a_node_keeps_its_newest_however_old_they_are() -> None:
    assert names(going(arrived("n", 300, 200, 100) + arrived("m", 400), POLICY, TODAY)) == ["n-300"]


def test_weeks_and_months_count_by_arrival_too() -> None:
    policy = Forget(days=1, weeks=3, months=2, newest=1)
    assert names(going(arrived("n", 60, 30, 20, 14, 8, 7, 1, 0), policy, TODAY)) == ["n-60", "n-20", "n-8", "n-1"]


def test_a_flood_of_copies_pushes_out_nothing_that_arrived_lately() -> None:
    flood = [Arrived(f"f{number:05}", "n", f"{TODAY}T05:00:00Z") for number in range(11_000)]
    assert going(arrived("n", 9, 5, 1) + flood, POLICY, TODAY) == []


def test_whatever_date_a_copy_bears_what_counts_is_when_it_was_first_seen(offsite: Offsite) -> None:
    """A collector in wrong hands makes copies that look newer, and others that look very old."""
    offsite.receive(NODES[0], DAYS[0])
    offsite.push()
    (real,) = offsite.listed()
    asyncio.run(forget(offsite.restic, "2026-11-24T12:00:00Z"))
    for when in ("2036-01-01 00:00:00", "2036-01-02 00:00:00", "2036-01-03 00:00:00", "2001-01-01 00:00:00"):
        store = offsite.settings.store
        asyncio.run(offsite.restic.require("backup", f"--host={NODES[0]}", f"--time={when}", ".", directory=store))
    assert asyncio.run(forget(offsite.restic, "2026-11-25T12:00:00Z")) == []
    assert asyncio.run(forget(offsite.restic, "2026-12-20T12:00:00Z")) == []
    assert real["id"] in {one["id"] for one in offsite.listed()}


def test_what_no_rule_keeps_goes_and_a_dry_run_only_says_so(offsite: Offsite) -> None:
    policy = Forget(days=1, weeks=0, months=0, newest=1)
    restic = offsite.restic
    object.__setattr__(restic, "stated", restic.stated.model_copy(update={"forget": policy}))
    offsite.receive_all()
    offsite.push()
    assert asyncio.run(forget(restic, "2026-11-24T12:00:00Z")) == []
    would = asyncio.run(forget(restic, "2026-12-01T12:00:00Z", dry_run=True))
    assert len(would) == 2
    assert len(offsite.listed()) == 4
    assert asyncio.run(forget(restic, "2026-12-01T12:00:00Z")) == would
    assert sorted(str(one["hostname"]) for one in offsite.listed()) == sorted(NODES)
    asyncio.run(prune(restic))
    assert asyncio.run(restic.run("check", "--read-data")).code == 0


def test_nothing_is_pruned_where_anything_is_damaged(offsite: Offsite) -> None:
    offsite.receive_all()
    offsite.push()
    offsite.damage()
    before = sorted(path.name for path in (offsite.place / "repository/data").rglob("*"))
    with pytest.raises(DataError, match="it is damaged"):
        asyncio.run(prune(offsite.restic))
    assert sorted(path.name for path in (offsite.place / "repository/data").rglob("*")) == before
