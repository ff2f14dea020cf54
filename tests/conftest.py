"""Who runs what when the fleet's tests run in parallel: a file is one piece of work, and the long ones come first."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The longest first, so that no processor waits at the end for one that has begun late.
_LONG = [
    f"tests/e2e/test_{name}.py"
    for name in (
        "restoring",
        "puppet_server",
        "nodes",
        "faults",
        "states",
        "trouble",
        "units",
        "onboard",
        "cycle",
        "metrics",
        "offsite",
        "hostile",
        "onboard_access",
        "offsite_door",
        "drill",
        "nights",
        "restore",
        "onboard_systems",
        "report",
        "onboard_trouble",
        "drill_live",
        "offsite_s3",
        "find",
        "roles",
        "offsite_chain",
        "door",
    )
]
# Each of its tests can live by itself: they fill what the others leave.
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


def _place(file: str) -> int:
    if file in _LONG:
        return _LONG.index(file)
    return len(_LONG) + (file == _LOOSE)
