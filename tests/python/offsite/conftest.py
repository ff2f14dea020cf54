"""A collector with two nights of a node, and a repository in a directory that a real restic keeps."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kaizen_backups.history import open_history
from kaizen_backups.offsite.password import initialize
from kaizen_backups.settings import Settings
from offsite_nights import Offsite
from offsite_site import DAYS, NAME, SECRET, Site


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with an empty repository and its password: a copy is as good as a new one, and quicker."""
    place = tmp_path_factory.mktemp("empty")
    with open_history(place / "history") as history:
        asyncio.run(initialize(Site(Settings(state=place / "state"), history, place).restic))
    return place


@pytest.fixture
def site(settings: Settings, make_snapshot: Callable[..., Path], tmp_path: Path, empty: Path) -> Iterator[Site]:
    """Yield a collector whose repository is made and empty."""
    for day in DAYS:
        root = make_snapshot(f"store/n.example/{day}", **{"etc/day": day.encode(), NAME: SECRET})
        if day != DAYS[0]:
            (root / "etc/a").unlink()
            os.link(settings.store / "n.example" / DAYS[0] / "etc/a", root / "etc/a")
    with open_history(settings.history_file) as history:
        site = Site(settings, history, tmp_path)
        site.verify()
        shutil.copytree(empty / "repository", tmp_path / "repository")
        shutil.copy(empty / "password", tmp_path / "password")
        yield site


@pytest.fixture
def offsite(settings: Settings, tmp_path: Path, empty: Path) -> Iterator[Offsite]:
    """Yield a repository in which nothing is, and a store of two nodes in which nothing is."""
    shutil.copytree(empty, tmp_path / "elsewhere")
    with open_history(settings.history_file) as history:
        yield Offsite(settings, history, tmp_path / "elsewhere")
