"""What is known about running fleets: /run/kaizen-lab/FLEET/{lock,state.json,keep,disks}.

A fleet is alive as long as somebody holds the kernel lock on its `lock` file. The fleet's anchor
inherits that lock, so there is no process id to mistrust: when the last process of the fleet is
gone, so is the lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.result import LabError

ROOT = Path("/run/kaizen-lab")
_FLEET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


@dataclass
class NodeState:
    """One node, as other processes need to know it."""

    name: str
    address: str
    size: str
    pid: int | None = None
    offset: float | None = None


@dataclass
class FleetState:
    """One fleet, as other processes need to know it."""

    name: str
    anchor: int
    owner: int
    wheelhouse: str | None = None
    nodes: list[NodeState] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Does the fleet outlive its owner?"""
        return (ROOT / self.name / "keep").exists()

    def save(self) -> None:
        """Write it at once or not at all."""
        directory = ROOT / self.name
        fresh = directory / f".state.{os.getpid()}"
        fresh.write_text(json.dumps(asdict(self), indent=2) + "\n")
        fresh.replace(directory / "state.json")


def check_fleet_name(name: str) -> str:
    """The name, if it can be a directory's name and nothing else."""
    if not _FLEET_NAME.fullmatch(name):
        raise LabError(f"{name!r} is not a fleet name: use a-z, 0-9, '.', '_' and '-', 40 at most")
    return name


def claim(name: str) -> int | None:
    """Take the name. Returns the lock's descriptor, or None while a live fleet has it."""
    lock = ROOT / check_fleet_name(name) / "lock"
    for _ in range(50):
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        if _try_lock(handle) and _same_file(handle, lock):
            _clear(lock.parent)
            return handle
        os.close(handle)
        time.sleep(0.002)  # a look by is_alive() holds the lock for an instant
    return None


def is_alive(name: str) -> bool:
    """Is a fleet of that name up?"""
    try:
        handle = os.open(ROOT / name / "lock", os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def load(name: str) -> FleetState:
    """The state of a live fleet, or LabError that says which fleets there are."""
    if not is_alive(check_fleet_name(name)):
        others = ", ".join(names()) or "none"
        raise LabError(f"no fleet {name!r} is up (up: {others}); start it with: lab up {name} NODE...")
    try:
        raw = json.loads((ROOT / name / "state.json").read_text())
    except FileNotFoundError:
        raise LabError(f"fleet {name!r} is still coming up; try again in a second") from None
    nodes = [NodeState(**node) for node in raw.pop("nodes")]
    return FleetState(**raw, nodes=nodes)


def names() -> list[str]:
    """Every live fleet, by name. Forgets those that died without a chance to tidy up."""
    if not ROOT.is_dir():
        return []
    found = sorted(entry.name for entry in ROOT.iterdir() if entry.is_dir())
    alive = [name for name in found if is_alive(name)]
    for name in set(found) - set(alive):
        forget(name)
    return alive


def forget(name: str) -> None:
    """Remove what is on record of a fleet, unless it is alive."""
    handle = claim(name)
    if handle is None:
        return
    shutil.rmtree(ROOT / name, ignore_errors=True)
    os.close(handle)
    with suppress(OSError):  # other fleets are up
        ROOT.rmdir()


def wait_dead(name: str, seconds: float = 60) -> None:
    """Return when no process of the fleet is left."""
    deadline = time.monotonic() + seconds
    while is_alive(name):
        if time.monotonic() > deadline:
            raise LabError(f"fleet {name!r} is still there {seconds:g} s after it was told to end")
        time.sleep(0.005)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_file(handle: int, path: Path) -> bool:
    """Is the file that we hold still the one that the path names? forget() may have been faster."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _clear(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
