"""Fixtures for what is tested with a real restic."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaizen_backups.history import open_history
from kaizen_backups.settings import Settings
from offsite import Offsite


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a repository is, once a test has made it."""
    return tmp_path_factory.mktemp("template") / "made"


@pytest.fixture
def offsite(settings: Settings, tmp_path: Path, template: Path) -> Iterator[Offsite]:
    """Yield a repository in which nothing is, and a store in which nothing is."""
    with open_history(settings.history_file) as history:
        made = Offsite(settings, history, tmp_path / "elsewhere")
        made.initialize(template)
        yield made
