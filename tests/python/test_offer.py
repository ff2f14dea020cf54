"""The listing of a node's snapshots: what rsync prints, and what a node may make it print."""

import pytest

from kaizen_backups.errors import DataError
from kaizen_backups.offer import parse_listing, require_good
from kaizen_backups.snapshots import Snapshot

MD5 = "60b725f10c9c85c70d97880dfe8191b3"
LISTING = f"""\
                                 4096 ./
                                 4096 2026-11-23/
{MD5} 2 2026-11-23/SHA256SUMS
{MD5} 77 2026-11-23/backup.info
                                 4096 2026-11-24.2/
"""


def one(name: str) -> Snapshot:
    found = Snapshot.parse(name)
    assert found
    return found


def test_snapshots_and_the_hashes_of_their_sums() -> None:
    offer = parse_listing(LISTING.splitlines())
    assert {str(s): o.sums_md5 for s, o in offer.items()} == {"2026-11-23": MD5, "2026-11-24.2": None}
    require_good(one("2026-11-23"), offer[one("2026-11-23")])


def test_one_without_sums_need_not_be_received() -> None:
    snapshot = one("2026-11-24.2")
    with pytest.raises(DataError, match=r"2026-11-24\.2: SHA256SUMS: No such file"):
        require_good(snapshot, parse_listing(LISTING.splitlines())[snapshot])


@pytest.mark.parametrize(("name", "size"), [("backup.info", 1 << 30), ("SHA256SUMS", 1 << 40), ("backup.info", 10**60)])
def test_an_immense_file_is_refused_unread(name: str, size: int) -> None:
    lines = [f"{MD5} 2 2026-11-24/SHA256SUMS", f"{MD5} {size} 2026-11-24/{name}"]
    snapshot = one("2026-11-24")
    with pytest.raises(DataError, match=f"2026-11-24: {name} is larger than"):
        require_good(snapshot, parse_listing(lines)[snapshot])


@pytest.mark.parametrize(
    "line",
    [
        "", "x", "4096 2026-11-24/", f"{MD5} 2 ../2026-11-24/SHA256SUMS", f"{MD5} 2 /2026-11-24/x",
        f"{MD5} -1 2026-11-24/", f"{MD5} 2 2026-11-24", f"{MD5} 2 2026-02-30/", f"{MD5} ٢ 2026-11-24x/",
        r"                 4096 2026-11-24\#012/",
    ],
)  # fmt: skip
def test_what_else_a_line_may_be_is_no_snapshot(line: str) -> None:
    assert parse_listing([line]) == {}
