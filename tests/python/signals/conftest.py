"""Fixtures: a collector with an open history, and what it has collected."""

from collections.abc import Iterator

import pytest

from collected import Collected
from kaizen_backups.history import History, open_history
from kaizen_backups.settings import Settings


@pytest.fixture
def history(settings: Settings) -> Iterator[History]:
    """Yield the collector's history, empty."""
    with open_history(settings.history_file) as history:
        yield history


@pytest.fixture
def collected(settings: Settings, history: History) -> Collected:
    """Return a collector without nodes."""
    return Collected(settings, history)
