"""What several commands of kaizen-onboard say and ask."""

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from pydantic import BaseModel, TypeAdapter, ValidationError

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.node import NodeName
from kaizen_backups.nodelist import draft, refresh
from kaizen_backups.onboard.registry import Registered, all_hosts, get
from kaizen_backups.onboard.work import Report
from kaizen_backups.settings import Settings

_NAME: TypeAdapter[str] = TypeAdapter(NodeName)


def must_be_root() -> None:
    """Raise KaizenError for anybody else: the collector's key and the list of hosts are root's."""
    if os.geteuid() != 0:
        raise KaizenError(
            "this needs root on the collector; with sudo your own ssh is used all the same: "
            "sudo --preserve-env=SSH_AUTH_SOCK kaizen-onboard ..."
        )


def host_name(host: str) -> str:
    """Return the name that a host is known by here. Raises click.UsageError for what is none."""
    name = host.lower()
    if "@" in name:
        raise click.UsageError(f"HOST is a name; --ssh-user {name.partition('@')[0]} says as whom you log in")
    try:
        return _NAME.validate_python(name)
    except ValidationError as error:
        raise click.UsageError(
            f"HOST: {error.errors()[0]['msg'].removeprefix('Value error, ')}; it is {host!r}"
        ) from None


def lock_file(settings: Settings) -> Path:
    """Return what a command that changes something holds, so that there is one at a time."""
    return settings.state / "onboard.lock"


def as_usage(error: ValidationError, model: type[BaseModel]) -> click.UsageError:
    """Return a model's complaint as one about the command line."""
    lines = []
    for complaint in error.errors(include_url=False):
        key = ".".join(str(part) for part in complaint["loc"])
        lines.append(f"{key}: {complaint['msg'].removeprefix('Value error, ')}; it is {complaint['input']!r}")
    return click.UsageError(f"{model.__name__.lower()}: " + "; ".join(lines))


def ask(question: str) -> bool:
    """Ask a person; where there is none, nothing is agreed to."""
    if not sys.stdin.isatty():
        return False
    return click.confirm(question, err=True)


def confirm_key(name: str) -> Callable[[str], bool]:
    """Return what shows a host key's fingerprint to a person, and asks whether it is the host's."""

    def confirm(shown: str) -> bool:
        click.echo(f"{name} has the host key {shown}", err=True)
        click.echo("compare it: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, on the host's own console", err=True)
        if ask("is this the host's key?"):
            return True
        click.echo("in a script, --fingerprint says which key is the host's", err=True)
        return False

    return confirm


def chosen(settings: Settings, names: tuple[str, ...], everybody: bool) -> list[Registered]:
    """Return the hosts that a command is about: those named, or all. Raises KaizenError."""
    if bool(names) == everybody:
        raise click.UsageError("name a HOST, or give --all")
    hosts = [get(settings, name) for name in dict.fromkeys(names)] if names else all_hosts(settings)
    if not hosts:
        raise KaizenError("this collector has onboarded no host")
    return hosts


def say_reports(reports: Iterable[Report], *, good: str, as_json: bool) -> bool:
    """Print how each host fared; return whether any failed."""
    reports = list(reports)
    if as_json:
        rows = [{"host": r.name, "lines": r.lines, "error": str(r.error) if r.error else None} for r in reports]
        click.echo(json.dumps({"hosts": rows}, indent=2))
    for report in reports:
        if not as_json:
            for line in report.lines:
                click.echo(f"{report.name}: {printable(line)}")
            if not report.lines and not report.error:
                click.echo(f"{report.name}: {report.good or good}")
        if report.error:
            for line in str(report.error).splitlines():
                click.echo(f"kaizen-onboard: {line}", err=True)
    return any(report.error for report in reports)


def worst(reports: Iterable[Report]) -> ExitCode:
    """Return the exit code of many hosts' work: that of the one error, or 1 when there are several."""
    codes = {report.error.exit_code for report in reports if report.error}
    return codes.pop() if len(codes) == 1 else ExitCode.FAILED


def refresh_list(settings: Settings, gone: str | None = None) -> None:
    """Make the node list anew, so that status knows of the change at once. What is amiss is said, and no failure.

    A host that was just removed is meant to be missing; should others be, too, that is not accepted here.
    """
    try:
        made = draft(settings)
        lost = {node.name for node in made.last} - {node.name for node in made.fresh.nodes}
        found = refresh(settings, accept=bool(lost) and lost == {gone})
        problems = [problem.message for problem in found.problems]
    except KaizenError as error:
        problems = str(error).splitlines()
    for problem in problems:
        click.echo(f"kaizen-onboard: node list: {printable(problem)}", err=True)
