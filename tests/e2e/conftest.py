"""One cluster for all tests of a file, furnished and configured; what a test changes, it must be able to live with."""

from collections.abc import Iterator

import pytest

from cluster import WHEELHOUSE, Cluster
from lab import Fleet


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Yield a cluster that Puppet has configured; its clocks are real."""
    with Fleet("e2e", wheelhouse=WHEELHOUSE) as fleet:
        cluster = Cluster(fleet)
        cluster.furnish()
        cluster.apply_puppet()
        yield cluster
