"""Switches that answer by ssh as each family does: banner, prompts, echo, `enable`, paging, a slow configuration."""

import itertools
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

import paramiko

KEYS = [paramiko.ECDSAKey.generate() for _ in range(2)]
"""Host keys: the one that every switch has, and the one of whoever sits in between."""


@dataclass(frozen=True)
class Kind:
    """How one family speaks; `{n}` in its configuration is another number each time that it is shown."""

    family: str
    config: Sequence[str]
    stored: Sequence[str]
    """The configuration as it is to be stored."""
    prompts: tuple[str, str] = ("sw# ", "sw# ")
    """Before `enable` and after it."""
    enable: str | None = None
    """What `enable` asks for; None when it asks for nothing."""
    no_paging: str = "terminal length 0"
    command: str = "show running-config"


_BODY = [f"interface {number}" for number in range(1, 40)]


def _kind(family: str, head: Sequence[str], tail: Sequence[str], volatile: Sequence[str] = (), **more: object) -> Kind:
    stored = [*head, "username admin password 7 s3cr3tHash", *_BODY, *tail]
    kind = Kind(family, [*volatile, *stored], stored)
    return replace(kind, **more)  # type: ignore[arg-type]


KINDS = [
    _kind("nos", ["root enable", "!"], ["!"]),
    _kind(
        "fastiron",
        ["!", "ver 08.0.95d"],
        ["!", "end"],
        ["Current configuration : {n} bytes"],
        prompts=("SSH@icx1>", "SSH@icx1#"),
        enable="en4ble",
        no_paging="skip-page-display",
    ),
    _kind(
        "nxos",
        ["version 9.3(8)", "hostname leaf1"],
        ["line vty"],
        ["!Running configuration last done at: {n}", "!Time: {n}"],
        prompts=("leaf1# ", "leaf1# "),
    ),
    _kind(
        "cumulus",
        ["- header:", "    model: VX", "- set:"],
        ["    vrf: {}"],
        prompts=("cumulus@leaf2:mgmt:~$ ", "cumulus@leaf2:mgmt:~$ "),
        command="nv config show --color off",
    ),
    _kind(
        "cumulus-nclu",
        ["net del all"],
        ["net commit"],
        prompts=("cumulus@leaf3:~$ ", "cumulus@leaf3:~$ "),
        command="net show configuration commands",
    ),
    _kind(
        "mlnx-os",
        ["##", '## Running database "initial"'],
        ["##"],
        ["## Generated at {n}"],
        prompts=("sx1 [standalone: master] > ", "sx1 [standalone: master] # "),
        no_paging="no cli session paging enable",
    ),
    _kind(
        "enos",
        ["!", 'version "7.11.3"', 'access user administrator-password "{hex}"'],
        ["!", "end"],
        ["Current configuration:"],
        prompts=("RS G8264>", "RS G8264#"),
        no_paging="terminal-length 0",
    ),
    _kind("cnos", ["!", 'version "10.4.2.0"'], ["!", "end"], ["Current configuration:"], prompts=("ne1# ", "ne1# ")),
    _kind(
        "dell-os6",
        ["!Current Configuration:", '!System Description "N4032"'],
        ["exit"],
        prompts=("n4032>", "n4032#"),
        enable="en4ble",
    ),
    _kind(
        "dell-os9",
        ["! Version 9.14(0.1)"],
        ["!", "end"],
        ["Current Configuration ...", "! Last configuration change at {n} by admin"],
        prompts=("s4810>", "s4810#"),
        enable="en4ble",
    ),
    _kind(
        "dell-os10",
        ["! Version 10.5.2.3"],
        ["!"],
        ["! Last configuration change at {n}"],
        prompts=("OS10# ", "OS10# "),
    ),
]
BY_FAMILY = {kind.family: kind for kind in KINDS}


@dataclass
class FakeSwitch:
    """A switch on a port of this host. Its fields say what is wrong with it, and may be changed while it runs."""

    kind: Kind
    password: str = "p4ssw0rd"
    key: paramiko.PKey = field(default_factory=lambda: KEYS[0])
    more_keys: Sequence[paramiko.PKey] = ()
    """Host keys of other types."""
    old: bool = False
    """Whether it knows nothing newer than SHA-1."""
    mute: bool = False
    """Whether it takes a connection, and says nothing at all."""
    hangs: bool = False
    cuts: bool = False
    answer: Sequence[str] | None = None
    """What it says in place of its configuration."""
    watch: Callable[[], None] = lambda: None
    """Called while it is asked for the configuration."""
    sessions: int = 0
    tries: int = 0
    """How often a password was tried."""
    lets_in: paramiko.PKey | None = None
    """Whose key it lets in."""
    offered: list[str] = field(default_factory=list)
    """The fingerprints of the keys that it was offered."""

    def __enter__(self) -> Self:
        self._counter = itertools.count(1)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=20)
        self.port = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # it may have been turned off already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        if self.mute:
            connection.recv(1 << 16)
            threading.Event().wait()
        transport = paramiko.Transport(connection)
        self._transports.append(transport)
        transport.add_server_key(self.key)
        for key in self.more_keys:
            transport.add_server_key(key)
        if self.old:
            options = transport.get_security_options()
            options.key_types, options.kex, options.digests = (
                ("ssh-rsa",),
                ("diffie-hellman-group14-sha1",),
                ("hmac-sha1",),
            )
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=_Door(self))
            channel = transport.accept(60)
            if channel:
                self.sessions += 1
                with channel:
                    _Shell(self, channel).run()
        transport.close()

    def lines(self) -> list[str]:
        """Return what it shows as its configuration, this time."""
        number = next(self._counter)
        return [line.replace("{n}", str(number)).replace("{hex}", f"{number:032x}") for line in self.kind.config]


class _Door(paramiko.ServerInterface):  # type: ignore[misc]  # paramiko has no types
    """Lets `backup` in by a password."""

    def __init__(self, switch: FakeSwitch) -> None:
        self._switch = switch

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        self._switch.tries += 1
        good = (username, password) == ("backup", self._switch.password)
        return int(paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._switch.offered.append(key.fingerprint)
        good = (username, key) == ("backup", self._switch.lets_in)
        return int(paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return True


class _Shell:
    """What one session sees."""

    def __init__(self, switch: FakeSwitch, channel: paramiko.Channel) -> None:
        self._switch = switch
        self._kind = switch.kind
        self._channel = channel
        self._privileged = self._kind.prompts[0] == self._kind.prompts[1]
        self._paging = True
        self._typed = b""

    def run(self) -> None:
        self._say("\r\nAuthorized use only #1>\r\n\r\n")
        if self._switch.hangs:
            self._channel.recv(1 << 16)
            threading.Event().wait()
        self._prompt()
        while (line := self._read()) is not None:
            self._say(f"{line}\r\n")
            if not self._obey(line.strip()):
                return
            self._prompt()

    def _obey(self, line: str) -> bool:
        """Do what was typed; return whether the session goes on."""
        if line == self._kind.no_paging:
            self._paging = False
        elif line == "enable":
            self._enable()
        elif line == self._kind.command:
            self._switch.watch()
            return self._show(self._switch.lines() if self._switch.answer is None else self._switch.answer)
        elif line == "exit":
            return False
        elif line and not line.startswith("terminal"):
            self._say("% Invalid input detected at '^' marker.\r\n")
        return True

    def _enable(self) -> None:
        if self._kind.enable:
            self._say("Password:")
            if self._read() != self._kind.enable:
                self._say("\r\nError - incorrect password.\r\n")
                return
            self._say("\r\n")
        self._privileged = True

    def _show(self, lines: Sequence[str]) -> bool:
        if not self._privileged:
            lines = ["% Permission denied"]
        pages = self._paging and "$" not in self._kind.prompts[0]
        for number, line in enumerate(lines):
            if self._switch.cuts and number == len(lines) // 2:
                return False
            if pages and number and number % 24 == 0:
                self._say("--More--")
                self._channel.recv(1)
                self._say("\r        \r")
            # In pieces, and now and then in the middle of a line.
            self._say(line[:3])
            self._say(f"{line[3:]}\r\n")
        return True

    def _prompt(self) -> None:
        self._say(self._kind.prompts[self._privileged])

    def _read(self) -> str | None:
        """Return a line that was typed; None when nobody types any more."""
        while not (end := min((i for i in map(self._typed.find, (b"\r", b"\n")) if i >= 0), default=-1)) >= 0:
            data = self._channel.recv(1 << 12)
            if not data:
                return None
            self._typed += data
        line, self._typed = self._typed[:end], self._typed[end + 1 :]
        return line.decode()

    def _say(self, text: str) -> None:
        self._channel.sendall(text.encode())
