"""The command `lab`: bring fleets up, look into them, take them down."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from lab import state
from lab.fleet import Fleet
from lab.node import Node
from lab.result import LabError

EXAMPLES = """\
examples:
  lab up demo controller.kaizen.example compute01.kaizen.example
  lab list
  lab shell demo controller
  lab exec demo controller -- hostname -f
  lab exec demo controller --at '2026-11-24 01:00:00' -- date
  lab down demo
  lab down --all

exit codes: 0 good, 1 something failed and it is named, 2 usage; `lab exec` and `lab shell` pass on
the command's own code
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    # What follows `--` is not ours to parse.
    command = words[words.index("--") + 1 :] if "--" in words else []
    arguments = _parser().parse_args(words[: words.index("--")] if "--" in words else words)
    arguments.command = command
    try:
        if os.geteuid() != 0:
            raise LabError("run it as root: it makes namespaces and mounts")
        act: Callable[[argparse.Namespace], int] = arguments.act
        return act(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab",
        description="Fleets of test hosts on this machine, each fleet on a network of its own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start a fleet, which stays up until `lab down`")
    up.add_argument("fleet", metavar="FLEET")
    up.add_argument("nodes", metavar="NODE", nargs="+", help="a host's full name")
    up.add_argument("--size", default="2g", help="what a node's disk holds (default: %(default)s)")
    up.add_argument("--wheelhouse", metavar="DIR", help="the only place that pip in the nodes looks in")
    up.set_defaults(act=_up)
    commands.add_parser("list", help="every fleet and its nodes").set_defaults(act=_list)
    shell = commands.add_parser("shell", help="a shell in a node")
    _add_target(shell)
    shell.set_defaults(act=_shell)
    run = commands.add_parser(
        "exec",
        help="run a command in a node; its exit code is passed on",
        usage="lab exec FLEET NODE [--at 'DATE TIME'] [--user USER] -- CMD...",
    )
    _add_target(run)
    run.set_defaults(act=_exec)
    down = commands.add_parser("down", help="end a fleet")
    which = down.add_mutually_exclusive_group(required=True)
    which.add_argument("fleet", metavar="FLEET", nargs="?")
    which.add_argument("--all", action="store_true", help="end every fleet, those of running tests too")
    down.set_defaults(act=_down)
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fleet", metavar="FLEET")
    parser.add_argument("node", metavar="NODE", help="full or short name")
    parser.add_argument("--at", metavar="'DATE TIME'", help="the clock that the command sees")
    parser.add_argument("--user", help="run as this user of the node")


def _up(arguments: argparse.Namespace) -> int:
    fleet = Fleet(arguments.fleet, keep=True, wheelhouse=arguments.wheelhouse)
    try:
        fleet.add_all(arguments.nodes, size=arguments.size)
    except BaseException:
        fleet.close()  # half a fleet is of no use
        raise
    for node in fleet.nodes:
        print(f"{node.name:40} {node.address:12} lab shell {fleet.name} {node.name}")
    print(f"end it with: lab down {fleet.name}")
    return 0


def _list(_: argparse.Namespace) -> int:
    fleets = state.names()
    if not fleets:
        print("no fleet is up")
    for name in fleets:
        try:
            found = state.load(name)
        except LabError:
            print(f"{name}: coming up or ending")
            continue
        print(f"{name} ({'kept' if found.kept else f'ends with process {found.owner}'})")
        for node in found.nodes:
            print(f"  {node.name:40} {node.address:12} {'on' if node.pid else 'off'}")
    return 0


def _shell(arguments: argparse.Namespace) -> int:
    node = _node(arguments)
    prompt = rf"PS1='[{node.name}] \w \$ '"
    start = f"exec bash --rcfile <(cat ~/.bashrc 2>/dev/null; echo {_single_quoted(prompt)})"
    # script gives it a terminal of the node's own, so that jobs, sudo and editors behave.
    argv = ["script", "-qec", f"bash -c {_single_quoted(start)}", "/dev/null"]
    return _become(node, argv, arguments, {"TERM": os.environ.get("TERM", "dumb"), "SHELL": "/bin/bash"})


def _exec(arguments: argparse.Namespace) -> int:
    if not arguments.command:
        print("lab exec: a command must follow: lab exec FLEET NODE -- CMD...", file=sys.stderr)
        return 2
    return _become(_node(arguments), arguments.command, arguments, {})


def _down(arguments: argparse.Namespace) -> int:
    for name in state.names() if arguments.all else [arguments.fleet]:
        Fleet.attach(name).close()
        print(f"{name} is down")
    return 0


def _node(arguments: argparse.Namespace) -> Node:
    return Fleet.attach(arguments.fleet)[arguments.node]


def _become(node: Node, command: list[str], arguments: argparse.Namespace, env: dict[str, str]) -> int:
    """Turn this process into the command: terminal, pipes, signals and exit code are its own."""
    line = node.command(command, at=arguments.at, user=arguments.user, env=env)
    sys.stdout.flush()
    os.execvp(line[0], line)


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
