"""One host of a fleet:

Run commands in it, reach its files, move its clock, cut its cable, switch it off.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import clock, process, puppet
from lab.clock import When
from lab.process import Process
from lab.result import LabError, Result, decode, encode

if TYPE_CHECKING:
    from lab.fleet import Fleet
    from lab.state import NodeState

Text = str | bytes


class Node:
    """A host. Made by Fleet.add(); `name` is its full name, `address` its IPv4 address."""

    def __init__(self, fleet: Fleet, state: NodeState) -> None:
        self.fleet = fleet
        self.state = state
        self.name = state.name
        self.address = state.address

    def __repr__(self) -> str:
        return f"<Node {self.name} {self.address} of fleet {self.fleet.name}>"

    # -- commands

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        check: bool = True,
        input: Text | None = None,  # noqa: A002 (as subprocess calls it)
        env: Mapping[str, str] | None = None,
        at: When | None = None,
        timeout: float = 300,
        user: str | None = None,
        cwd: str = "/",
    ) -> Result:
        """Run a command to its end. A code that is not 0 raises LabError, unless check=False; so
        does a timeout.

        A command that leaves a daemon behind must not leave it our pipes: redirect its output, as
        in n.sh("nginx >/dev/null 2>&1").
        """
        words = tuple(str(word) for word in argv)
        started = self.popen(
            argv,
            env=env,
            at=at,
            user=user,
            cwd=cwd,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        )
        try:
            out, err = started.communicate(None if input is None else encode(input), timeout)
        except subprocess.TimeoutExpired:
            running = self.plain(["ps", "-e", "-o", "pid,ppid,stat,wchan:20,args", "--cols", "200"]).out
            started.send_signal(9)
            out, err = _rest(started)
            result = Result(words, -9, decode(out), decode(err))
            problem = f"{self.name}: command took longer than {timeout:g} s"
            raise LabError(f"{problem}\n{result.describe()}\nwhat ran then:\n{running}") from None
        except BaseException:
            started.end()
            raise
        result = Result(words, started.returncode, decode(out), decode(err))
        return result.require(self.name) if check else result

    def sh(
        self,
        script: str,
        *args: str,
        check: bool = True,
        input: Text | None = None,  # noqa: A002 (as subprocess calls it)
        env: Mapping[str, str] | None = None,
        at: When | None = None,
        timeout: float = 300,
        user: str | None = None,
        cwd: str = "/",
    ) -> Result:
        """Run a bash script, which ends at its first failure; `args` are its $1, $2, ..."""
        argv = ["bash", "-euo", "pipefail", "-c", script, "bash", *args]
        return self.run(argv, check=check, input=input, env=env, at=at, timeout=timeout, user=user, cwd=cwd)

    def popen(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        at: When | None = None,
        user: str | None = None,
        cwd: str = "/",
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = subprocess.PIPE,
        stderr: int | None = subprocess.PIPE,
    ) -> Process:
        """Start a command and return;

        Kill(), terminate() and send_signal() reach its children too. Streams are bytes.
        """
        line = self.command(argv, env=env, at=at, user=user, cwd=cwd)
        return Process(line, stdin=stdin, stdout=stdout, stderr=stderr)

    def command(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        at: When | None = None,
        user: str | None = None,
        cwd: str = "/",
    ) -> list[str]:
        """The command line that does it from outside, for whoever starts it by other means."""
        words = [str(word) for word in argv]
        ahead = self.state.offset if at is None else clock.offset(at, self.zone)
        if ahead is not None:
            words = [*clock.prefix(ahead), *words]
        account = {"HOME": "/root", "USER": "root", "LOGNAME": "root"}
        if user is not None:
            switch, account = self._account(user)
            words = [*switch, *words]
        complete = {"PATH": process.PATH, "LANG": "C.UTF-8", **account, **(env or {})}
        return process.enter(self.pid, words, complete, cwd)

    def _account(self, user: str) -> tuple[list[str], dict[str, str]]:
        """What becomes that user of the node, and its environment."""
        for line in self.path("/etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == user:
                switch = [
                    "setpriv",
                    f"--reuid={fields[2]}",
                    f"--regid={fields[3]}",
                    "--init-groups",
                ]
                return switch, {"HOME": fields[5], "USER": user, "LOGNAME": user}
        raise LabError(f"{self.name}: there is no user {user!r}")

    def plain(self, argv: Sequence[str], stdin: Text = b"") -> Result:
        """Run a command of the lab's own: as root, on the machine's clock, LabError if it fails."""
        line = process.enter(self.pid, argv, {"PATH": process.PATH, "LANG": "C.UTF-8"}, "/")
        done = subprocess.run(line, input=encode(stdin), capture_output=True, check=False)
        result = Result(tuple(argv), done.returncode, decode(done.stdout), decode(done.stderr))
        return result.require(self.name)

    # -- files

    def path(self, inside: str | Path) -> Path:
        """A path of the node as this process can open it. It does not hold across a power cycle.

        Absolute symlinks lead out of it (they start at the caller's root): resolve them in the node,
        with n.run(["readlink", "-f", ...]), or use read() and write(), which work there.
        """
        return Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")

    def read(self, path: str | Path) -> str:
        """A file's content as text."""
        return self.plain(["cat", "--", str(path)]).out

    def read_bytes(self, path: str | Path) -> bytes:
        """A file's content."""
        return encode(self.read(path))

    def write(self, path: str | Path, content: Text, mode: int = 0o644, owner: str = "root:root") -> None:
        """Write a file in place, making the directories it needs.

        Its times are the machine's, whatever the node's clock.
        """
        script = 'mkdir -p -- "${1%/*}/"; cat >"$1"; chown -- "$3" "$1"; chmod -- "$2" "$1"'
        argv = ["bash", "-euc", script, "bash", str(path), f"{mode:o}", owner]
        self.plain(argv, content)

    # -- clock

    @property
    def zone(self) -> tzinfo:
        """The node's time zone: UTC, unless its /etc/localtime says otherwise."""
        target = self.plain(["readlink", "-f", "/etc/localtime"]).out.strip()
        return clock.zone_of(self.path(target))

    @property
    def at(self) -> When | None:
        """What the node's clock shows now, or None while it is the machine's own.

        Once set, it ticks on from there.
        """
        if self.state.offset is None:
            return None
        return clock.moment(self.state.offset, self.zone)

    @at.setter
    def at(self, when: When | None) -> None:
        self.state.offset = None if when is None else clock.offset(when, self.zone)
        self.fleet.save()

    def now(self) -> datetime:
        """The node's time."""
        return clock.moment(self.state.offset or 0.0, self.zone)

    # -- power and cable

    @property
    def is_on(self) -> bool:
        """Is it switched on?"""
        return self.state.pid is not None

    @property
    def pid(self) -> int:
        """The node's first process, as the machine counts."""
        pid = self.state.pid
        if pid is None:
            raise LabError(f"{self.name} is off: power_on() it first")
        # Never enter a process that only has the same number: it would be one of the machine's.
        expected = f"/bin/bash\0/run/lab/init\0{self.name}\0{pid}\0"
        try:
            found = Path(f"/proc/{pid}/cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            found = ""
        if found != expected:
            raise LabError(f"{self.name} is gone: its first process {pid} has ended")
        return pid

    def power_off(self) -> None:
        """Pull the plug: the disk is kept, everything else is gone at once, without a word to
        anybody on the network.

        Others see an open connection fall silent, and a new one hang: for 3 s, then "No route to
        host", where they have not talked lately; else until their ARP cache gives up (half a minute).
        """
        self.fleet.power_off(self)

    def power_on(self) -> None:
        """Boot it again from its disk; sshd and cron are up when this returns."""
        self.fleet.power_on(self)

    def cut(self) -> None:
        """Unplug the network cable: whatever is sent is lost, and nobody is told."""
        self.fleet.set_link(self, "down")

    def mend(self) -> None:
        """Plug it in again. Whom it could not reach it asks for anew: that takes seconds by itself."""
        self.fleet.set_link(self, "up")
        self.run(["ip", "neigh", "flush", "all"])

    # -- Puppet

    def puppet_apply(
        self,
        manifest: str,
        hiera: Mapping[str, Any] | None = None,
        *,
        check: bool = True,
        noop: bool = False,
    ) -> Result:
        """`puppet apply` with this repository as the module quickstack. Code 0: nothing changed, 2:
        something did.

        Any other code raises, unless check=False. `hiera` stays in the node until the next call
        that gives one.
        """
        return puppet.apply(self, manifest, hiera, check=check, noop=noop)

    def facts(self) -> dict[str, Any]:
        """What Facter says in this node, the external facts of the module included."""
        return puppet.facts(self)


def _rest(started: Process) -> tuple[bytes, bytes]:
    """What a killed command had printed; a daemon that still holds the pipe is not waited for."""
    try:
        return started.communicate(timeout=1)
    except subprocess.TimeoutExpired as still:
        return still.stdout or b"", still.stderr or b""
