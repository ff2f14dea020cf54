"""Who runs what when the fleet's tests run in parallel: a file is one piece of work, and the long ones come first."""

from collections.abc import Sequence

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The longest first, so that no processor waits at the end for one that has begun late.
_LONG = ("tests/e2e/test_nights.py",)
# Each of its tests makes a fleet of its own: they fill what the others leave.
_LOOSE = "tests/lab/test_lab.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first and what is loose last; within a file nothing changes."""
    items.sort(key=lambda item: _place(_file(item.nodeid)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Return the scheduler of `pytest -n`."""
    return _ByFile(config, log)


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """A file's tests share a fleet, so they stay together and in order."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if _file(nodeid) == _LOOSE else _file(nodeid)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _place(file: str, first: Sequence[str] = _LONG) -> int:
    if file == _LOOSE:
        return len(first) + 1
    return first.index(file) if file in first else len(first)
