"""A node with nights in a store, and what the index says of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kaizen_backups.search.find import find
from kaizen_backups.search.index import open_index
from kaizen_backups.search.pattern import name_pattern
from kaizen_backups.settings import Settings
from stored import Nights

Spans = dict[str, list[tuple[str, str]]]


@pytest.fixture
def nights(settings: Settings) -> Nights:
    """Return a node without snapshots."""
    return Nights(settings.store)


@pytest.fixture
def ask(settings: Settings, nights: Nights) -> Callable[..., Spans]:
    """Return what says, for each name that matches, from when to when its versions are there, the newest first."""

    def spans(pattern: str = "*") -> Spans:
        index = open_index(settings, nights.node)
        assert (index.problems, index.unsaved) == ([], None)
        found = find(index, name_pattern(pattern))
        return {f.path.decode(errors="backslashreplace"): [(v.first, v.last) for v in f.versions] for f in found}

    return spans


@pytest.fixture
def index_file(settings: Settings, nights: Nights) -> Path:
    """Return where the node's index is, once there is one."""
    return settings.index_directory / f"{nights.node}.sqlite"
