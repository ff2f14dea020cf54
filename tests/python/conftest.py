"""Fixtures for the package's tests: a collector's settings in a directory of the test's own, and snapshots."""

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from certificates import Authority
from kaizen_backups.settings import Keep, Settings, Sources
from stand_in_puppetdb import StandIn

# A loaded machine is no reason for a test to fail.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose every path is below the test's own directory."""
    (tmp_path / "facts").mkdir()
    (tmp_path / "nodes.d").mkdir()
    return Settings(
        store=tmp_path / "store",
        state=tmp_path / "state",
        key=tmp_path / "key",
        sources=Sources(facts=tmp_path / "facts", nodes_d=tmp_path / "nodes.d"),
        keep=Keep(days=8),
    )


@pytest.fixture
def make_snapshot(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of snapshots: a directory with files, a right SHA256SUMS and a backup.info."""

    def make(where: str = "snapshot", **files: bytes) -> Path:
        root = tmp_path / where
        root.mkdir(parents=True)
        content = {"etc/a": b"one\n", "etc/sub/b": b"two\n", **files, "backup.info": b"status = complete\n"}
        lines = []
        for name, data in sorted(content.items()):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            lines.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
        (root / "SHA256SUMS").write_text("".join(lines))
        return root

    return make


_FILE_SYSTEMS = {"ext4": ["mkfs.ext4", "-q"], "xfs": ["mkfs.xfs", "-q"], "btrfs": ["mkfs.btrfs", "-q"]}


@pytest.fixture(params=_FILE_SYSTEMS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Yield `tmp_path/disk`, a file system of its own: of every kind in turn, or of those asked for."""
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(400 << 20)
    subprocess.run([*_FILE_SYSTEMS[request.param], image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the certificate authority that the stand-in for PuppetDB and its clients trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def puppetdb(authority: Authority) -> Iterator[StandIn]:
    """Yield a PuppetDB without nodes."""
    with StandIn(authority) as stand_in:
        yield stand_in
