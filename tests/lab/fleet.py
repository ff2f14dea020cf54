"""A fleet: nodes on a bridge of their own, which end when their owner does.

    machine
      └─ anchor (anchor.py): net, mount and pid namespace; the bridge; a tmpfs per node's disk
           ├─ node (boot.sh, init.sh): net, mount, pid, uts and ipc namespace; an overlay of /
           └─ node ...

Nothing of it is named or mounted on the machine itself, except for a directory below
/run/kaizen-lab with the fleet's state.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from lab import process, spawn, state
from lab.disk import Disk
from lab.node import Node
from lab.result import LabError
from lab.state import FleetState, NodeState

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
NETWORK = ipaddress.ip_network("10.77.0.0/24")
TOOLS = ("unshare", "nsenter", "setsid", "mount", "ip", "sshd", "cron", "ssh-keygen")
BASE_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_NODE_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


class Fleet:
    """Some hosts on a network of their own. `with Fleet() as fleet:` ends it in any case, unless
    keep() was called.

    name: where `lab list` shows it. When a live fleet has that name, "-2", "-3", ... is added, so
    that tests can run side by side; with keep=True it is an error.
    wheelhouse: a directory of wheels, the only place that pip in the nodes looks in.
    """

    def __init__(self, name: str = "test", *, keep: bool = False, wheelhouse: Path | str | None = None) -> None:
        _check_machine()
        self.wheelhouse = Path(wheelhouse).resolve() if wheelhouse is not None else None
        if self.wheelhouse is not None and not self.wheelhouse.is_dir():
            raise LabError(f"the wheelhouse {self.wheelhouse} is not a directory")
        self._nodes: dict[str, Node] = {}
        self._lock = threading.RLock()
        self._closed = False
        self.name, lock = _claim(name, exact=keep)
        try:
            self._process, anchor = spawn.start_anchor(state.ROOT / self.name, lock)
        finally:
            os.close(lock)  # the anchor has it now
        self._state = FleetState(
            self.name,
            anchor,
            os.getpid(),
            None if self.wheelhouse is None else str(self.wheelhouse),
        )
        self.save()
        if keep:
            self.keep()

    @classmethod
    def attach(cls, name: str) -> Fleet:
        """A handle on a fleet that another process started."""
        fleet = cls.__new__(cls)
        fleet._state = state.load(name)
        fleet.name = name
        house = fleet._state.wheelhouse
        fleet.wheelhouse = None if house is None else Path(house)
        fleet._nodes = {node.name: Node(fleet, node) for node in fleet._state.nodes}
        fleet._lock = threading.RLock()
        fleet._closed = False
        fleet._process = None
        return fleet

    _process: subprocess.Popen[str] | None

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.kept:
            self.close()

    # -- nodes

    @property
    def nodes(self) -> list[Node]:
        """Every node, in the order they were added."""
        return list(self._nodes.values())

    def __getitem__(self, name: str) -> Node:
        """A node by its full name, or by its short name where only one has it."""
        found = [node for node in self.nodes if name in (node.name, node.name.partition(".")[0])]
        if len(found) != 1:
            known = ", ".join(self._nodes) or "none"
            raise LabError(f"fleet {self.name!r} has no node {name!r} (nodes: {known})")
        return found[0]

    @property
    def hosts(self) -> str:
        """The /etc/hosts that a new node gets; the others get its line added."""
        return BASE_HOSTS + "".join(_hosts_line(node) for node in self.nodes)

    def add(self, name: str, *, address: str | None = None, size: str = "2g") -> Node:
        """Boot a new node.

        `size` is what its disk holds (a tmpfs: it takes memory only as it fills).
        """
        node = self._register(name, address, size)
        self._first_boot(node)
        return node

    def add_all(self, names: Sequence[str], *, size: str = "2g") -> list[Node]:
        """Boot several at once; addresses are given out in the order of the names."""
        nodes = [self._register(name, None, size) for name in names]
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(self._first_boot, nodes))
        return nodes

    def _register(self, name: str, address: str | None, size: str) -> Node:
        if not _NODE_NAME.fullmatch(name):
            raise LabError(f"{name!r} is not a host name")
        with self._lock:
            taken = {node.address for node in self.nodes}
            free = (str(host) for host in NETWORK.hosts() if str(host) not in taken)
            chosen = address or next(free)
            if name in self._nodes or chosen in taken:
                raise LabError(f"fleet {self.name!r} has {name} or {chosen} already")
            if ipaddress.ip_address(chosen) not in NETWORK:
                raise LabError(f"{chosen} is not in {NETWORK}")
            node = Node(self, NodeState(name, chosen, size))
            self._nodes[name] = node
            self._state.nodes.append(node.state)
            self.save()
        return node

    def _first_boot(self, node: Node) -> None:
        disk = self._disk(node)
        disk.path.mkdir()
        options = f"mode=755,size={node.state.size}"
        place = _disk_path(self.name, node)
        self._in_anchor("--mount", "mount", "-t", "tmpfs", "-o", options, "disk", place)
        disk.create(node.name, self.hosts, self.wheelhouse)
        self.power_on(node)

    def _disk(self, node: Node) -> Disk:
        return Disk(Path(f"/proc/{self._state.anchor}/root{_disk_path(self.name, node)}"))

    def written(self, node: Node) -> Path:
        """Return the layer that holds everything ever written to a node's disk, and nothing of the machine's."""
        return self._disk(node).upper

    # -- what nodes are switched with

    def power_on(self, node: Node) -> None:
        """Boot a node from its disk."""
        if node.is_on:
            raise LabError(f"{node.name} is on already")
        namespaces = ["--mount", "--net", "--uts", "--ipc", "--pid", "--propagation=private"]
        argv = ["setsid", "--fork", "unshare", *namespaces, "--fork", "--kill-child"]
        line = _nsenter(self._state.anchor, "--mount", "--net", "--pid")
        booting = subprocess.Popen(
            [*line, *argv, str(HERE / "boot.sh")],
            env=self._boot_environment(node),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        word, _, pid = spawn.first_line(booting).partition(" ")
        booting.wait()  # only nsenter: the node is the anchor's child by now
        if word != "up":
            raise LabError(f"{node.name} does not boot:\n{pid}")
        with self._lock:
            node.state.pid = int(pid)
            self._sync_hosts()
            self.save()

    def power_off(self, node: Node) -> None:
        """Take a node off the network, then kill all of it."""
        pid = node.pid
        # The cable first: the kernel would say goodbye on the node's open connections.
        self._in_anchor("--net", "ip", "link", "delete", _port(node))
        spawn.kill(pid)
        with self._lock:
            node.state.pid = None
            self.save()

    def set_link(self, node: Node, how: str) -> None:
        """Set the bridge's port of a node "up" or "down"."""
        self._in_anchor("--net", "ip", "link", "set", "dev", _port(node), how)

    def _boot_environment(self, node: Node) -> dict[str, str]:
        octets = ipaddress.ip_address(node.address).packed
        return {
            "PATH": process.PATH,
            "LANG": "C.UTF-8",
            "LAB_PATH": process.PATH,
            "LAB_NAME": node.name,
            "LAB_ADDRESS": node.address,
            # The same after a power cycle, so that nobody's ARP cache is wrong.
            "LAB_MAC": "02:00:" + ":".join(f"{octet:02x}" for octet in octets),
            "LAB_PORT": _port(node),
            "LAB_DISK": _disk_path(self.name, node),
            "LAB_ANCHOR": str(self._state.anchor),
            "LAB_REPO": str(REPO),
            "LAB_WHEELHOUSE": str(self.wheelhouse or ""),
        }

    def _in_anchor(self, *words: str) -> None:
        """Run a command in some of the fleet's own namespaces: options of nsenter first."""
        options = [word for word in words if word in process.NAMESPACES]
        command = words[len(options) :]
        line = [*_nsenter(self._state.anchor, *options), *command]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"fleet {self.name!r}: {' '.join(command)}: {done.stderr.strip()}")

    def _sync_hosts(self) -> None:
        """Every node that is on knows every node."""
        lines = [_hosts_line(node) for node in self.nodes]
        for node in self.nodes:
            if node.is_on:
                with node.path("/etc/hosts").open("r+") as file:
                    known = file.read()
                    file.writelines(line for line in lines if line not in known)

    # -- the end

    @property
    def kept(self) -> bool:
        """Does it outlive this process?"""
        return self._state.kept

    def keep(self) -> None:
        """Hand the fleet over: it stays up until `lab down`, whatever becomes of this process."""
        (state.ROOT / self.name / "keep").touch()

    def save(self) -> None:
        """Write down what `lab list`, `lab shell` and `lab exec` need."""
        with self._lock:
            self._state.save()

    def close(self) -> None:
        """End it: every process, mount and interface. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        spawn.kill(self._state.anchor)
        if self._process is not None:
            self._process.wait()
        state.wait_dead(self.name)
        state.forget(self.name)
        for node in self.nodes:
            node.state.pid = None


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts: run it as root")
    search = f"{os.environ.get('PATH', '')}:{process.PATH}"
    missing = [tool for tool in TOOLS if shutil.which(tool, path=search) is None]
    if missing:
        raise LabError(f"the lab needs {', '.join(missing)}: see the packages in the README")


def _claim(name: str, exact: bool) -> tuple[str, int]:
    """Take the name, or the next free one that starts with it."""
    state.names()  # forgets the dead
    for number in range(1, 1000):
        candidate = name if number == 1 else f"{name}-{number}"
        lock = state.claim(candidate)
        if lock is not None:
            return candidate, lock
        if exact:
            break
    raise LabError(f"fleet {name!r} is up already: end it with: lab down {name}")


def _nsenter(pid: int, *namespaces: str) -> list[str]:
    return ["nsenter", f"--target={pid}", *namespaces, "--"]


def _port(node: Node) -> str:
    """The bridge's port of a node."""
    return "port" + node.address.rpartition(".")[2]


def _disk_path(fleet: str, node: Node) -> str:
    """Where a node's disk is mounted, in the anchor's mount namespace."""
    return f"{state.ROOT}/{fleet}/disks/{node.address}"


def _hosts_line(node: Node) -> str:
    short = node.name.partition(".")[0]
    names = node.name if short == node.name else f"{node.name} {short}"
    return f"{node.address}\t{names}\n"
