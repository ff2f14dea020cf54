"""Nights of a node in a store, made by the test: what stays the same is linked, as a collector does."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from doors import write_sums


class Nights:
    """The snapshots of one node, in the directory of the store that it has there."""

    def __init__(self, store: Path, node: str = "n.example") -> None:
        self.node = node
        self.directory = store / node
        self.directory.mkdir(parents=True)
        for directory in (store, self.directory):
            directory.chmod(0o700)

    def add(self, name: str, files: Mapping[str, bytes]) -> Path:
        """Make a snapshot of these files; one that is as in the newest before it is linked to that."""
        before = sorted(path for path in self.directory.iterdir() if path.name < name)
        root = self.directory / name
        root.mkdir()
        for file, data in files.items():
            path, old = root / file, before[-1] / file if before else root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if old.is_file() and old.read_bytes() == data:
                os.link(old, path)
            else:
                path.write_bytes(data)
                os.utime(path, ns=(0, 1_700_000_000 * 10**9))
        write_sums(root)
        return root

    def remove(self, name: str) -> None:
        """Prune a snapshot."""
        shutil.rmtree(self.directory / name)
