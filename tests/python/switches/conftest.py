"""A collector with switches."""

import pytest

from switch_site import Site


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a collector without switches."""
    return Site(tmp_path_factory.mktemp("site"))
