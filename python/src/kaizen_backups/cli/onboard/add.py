"""`kaizen-onboard HOST`: from a bare host to one that is protected from tonight on."""

import sys
from dataclasses import dataclass
from typing import Any

import click
from pydantic import ValidationError

from kaizen_backups.cli.onboard.common import (
    as_usage,
    ask,
    confirm_key,
    host_name,
    lock_file,
    must_be_root,
    refresh_list,
)
from kaizen_backups.cli.onboard.declared import declaration_of, declaration_options
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.lock import only_run
from kaizen_backups.node import Node, fingerprint
from kaizen_backups.onboard.access import Door
from kaizen_backups.onboard.administrator import administrator
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.facts import HostFacts
from kaizen_backups.onboard.minute import own_minute
from kaizen_backups.onboard.registry import Login, Registered, register, require_ours
from kaizen_backups.onboard.ssh import Ssh, Target, open_ssh
from kaizen_backups.onboard.summary import suggested, summary
from kaizen_backups.onboard.survey import show
from kaizen_backups.onboard.trial import try_door
from kaizen_backups.onboard.trust import settle_key
from kaizen_backups.onboard.work import Found, bring_about, complain, current_door, describe, judge, object_to
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.units import many


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    host: str
    stated: dict[str, Any]
    login: dict[str, Any]
    place: dict[str, Any]
    fingerprint: str | None
    install: bool
    yes: bool
    dry_run: bool
    now: bool


@click.command("add")
@click.argument("host")
@declaration_options
@click.option("--ssh-user", help="As whom you log in there (default: what your ~/.ssh/config says).")
@click.option("--ssh-port", type=click.IntRange(1, 65535), help="The port that you log in at.")
@click.option("--address", help="Where the collector finds the host (default: what your ~/.ssh/config says).")
@click.option("--port", type=click.IntRange(1, 65535), help="The port at which the collector finds its sshd.")
@click.option("--fingerprint", "print_", metavar="SHA256:...", help="The host key's, for scripts: nobody is asked.")
@click.option("--install", is_flag=True, help="Install packages that are missing there.")
@click.option("--now", is_flag=True, help="Make the first snapshot at once, and collect it.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask whether the plan is to be carried out.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, and touch nothing.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    host: str,
    ssh_user: str | None,
    ssh_port: int | None,
    address: str | None,
    port: int | None,
    print_: str | None,
    install: bool,
    now: bool,
    yes: bool,
    dry_run: bool,
    **stated: Any,
) -> None:
    """Protect HOST: put there what Puppet puts on its nodes, and let this collector in.

    It logs in with your own ssh (agent, ~/.ssh/config, jump hosts), and uses sudo where you are not root. The host
    key's fingerprint is shown, and you are asked. Run again, it changes only what differs, or what other options
    say; what was given before and is not given now stays. It finishes what an earlier run could not.

    \b
    Examples:
      kaizen-onboard www.example
      kaizen-onboard www.example --role website --path /srv/shop --exclude '*.tmp' --now
      kaizen-onboard db.example --ssh-user admin --dump postgresql --install
      kaizen-onboard www.example --fingerprint SHA256:xGfz...   in a script
    """
    must_be_root()
    settings = load_settings(context.obj)
    login = {key: value for key, value in (("user", ssh_user), ("port", ssh_port)) if value}
    place = {key: value for key, value in (("address", address), ("port", port)) if value}
    request = Request(host, stated, login, place, print_, install, yes, dry_run, now)
    with only_run(lock_file(settings)):
        code = _onboard(request, settings, context)
    if code:
        context.exit(code)


def _onboard(request: Request, settings: Settings, context: click.Context) -> ExitCode:
    name = host_name(request.host)
    known = require_ours(settings, name)
    declaration_of(request.stated, Declaration())  # what is wrong with it is said before anybody is asked
    base = known.login.model_dump(exclude={"by"}) if known and known.login.by == "ssh" else {"host": request.host}
    try:
        login = Login.model_validate({**base, **request.login})
    except ValidationError as error:
        raise as_usage(error, Login) from None
    door = current_door(settings)
    with open_ssh(Target(name, login.host, login.user, login.port), administrator()) as ssh:
        host_key = settle_key(ssh, known.node.host_keys[0] if known else None, request.fingerprint, confirm_key(name))
        node = _node(name, host_key, request, known, ssh)
        declaration, facts = _declare(request, known, ssh, door, name)
        node = node.model_copy(update={"role": declaration.role})
        found = judge(declaration, door, facts)
        _show_plan(name, host_key, found)
        object_to(name, declaration, found, install=request.install, anew=known is None)
        if request.dry_run:
            click.echo("nothing was done (--dry-run)")
            return ExitCode.GOOD
        if not _agreed(request, found):
            raise KaizenError(f"{name}: the plan was not agreed to; nothing was done")
        facts = _carry_out(ssh, declaration, door, found)
        _enter(Registered(node=node, login=login, declaration=declaration), settings)
        _sum_up(name, declaration, facts)
        if not request.now:
            return ExitCode.GOOD
        ssh.run("apply", ["snapshot"])
        click.echo(f"\n{name} has made a snapshot")
    return _collect(name, context)


def _node(name: str, host_key: str, request: Request, known: Registered | None, ssh: Ssh) -> Node:
    """Return where the collector will find the host: as it did, as it was told, or as ssh does."""
    if known:
        place: dict[str, Any] = {"address": known.node.address, "port": known.node.port}
    else:
        address, port = ssh.resolve()
        place = {"address": address.lower(), "port": port}
    stated = {"name": name, "origin": "onboarded", "host_keys": [host_key], **place, **request.place}
    try:
        return Node.model_validate(stated)
    except ValidationError as error:
        raise as_usage(error, Node) from None


def _declare(
    request: Request, known: Registered | None, ssh: Ssh, door: Door, name: str
) -> tuple[Declaration, HostFacts]:
    """Return how the host is to be backed up, and its description; of a new host that is where defaults come from."""
    base = known.declaration if known else Declaration(cron_min=own_minute(name))
    declaration = declaration_of(request.stated, base)
    facts = describe(ssh, declaration, door)
    if known:
        return declaration, facts
    role, dumps, why = suggested(facts, request.stated["role"])
    for reason in why:
        if not (request.stated["dumps"] and reason.startswith("dump")):
            click.echo(f"{name}: {reason}")
    return declaration_of(request.stated, base.model_copy(update={"role": role, "dumps": dumps})), facts


def _show_plan(name: str, host_key: str, found: Found) -> None:
    system = printable(found.facts.get("os")).strip() or "unknown system"
    click.echo(f"{name} ({system}), host key {fingerprint(host_key)}")
    packages = sorted({item.package for item in found.lacking if item.package})
    for package in packages:
        click.echo(f"  + package {package}")
    for difference in found.plan:
        click.echo(f"  {printable(show(difference))}")
    if not found.plan and not packages:
        click.echo("  nothing differs")


def _agreed(request: Request, found: Found) -> bool:
    if request.yes or request.fingerprint or not found.mendable or not sys.stdin.isatty():
        return True
    return ask("carry this out?")


def _carry_out(ssh: Ssh, declaration: Declaration, door: Door, found: Found) -> HostFacts:
    """Carry out the plan, and look again: whatever is still not as it should be is an error."""
    name = ssh.target.name
    if not found.mendable and not found.lacking:
        complain(name, found.plan)
        click.echo(f"{name}: nothing to change")
        return found.facts
    done = bring_about(ssh, found)
    after = judge(declaration, door, describe(ssh, declaration, door))
    complain(name, after.plan)
    click.echo(f"{name}: done, {len(done)} changes; all of it was looked at again")
    return after.facts


def _enter(host: Registered, settings: Settings) -> None:
    """Try the door, and only then put the host on the list."""
    name = host.node.name
    try:
        seen = try_door(host.node, settings)
    except KaizenError as error:
        raise type(error)(
            f"{name}: all is in place there, but its door can't be opened from here, so it is not on the list yet: "
            f"{error}\n{name}: --address and --port say where the collector finds it; its sshd_config must let "
            f"{host.node.user} in (AllowUsers, AuthorizedKeysFile); run this again then"
        ) from None
    click.echo(f"{name}: the door opens; behind it: {many(len(seen), 'snapshot')}")
    if register(settings, host):
        click.echo(f"{name}: it is on the list of nodes now")
    refresh_list(settings)


def _collect(name: str, context: click.Context) -> ExitCode:
    from kaizen_backups.cli.collect import command as collect

    code = collect.main(["--verbose", name], prog_name="kaizen collect", standalone_mode=False, obj=context.obj)
    return ExitCode(code or 0)


def _sum_up(name: str, declaration: Declaration, facts: HostFacts) -> None:
    told = summary(declaration, facts)
    click.echo(f"\n{name} is protected from tonight on, {declaration.cron_hour:02}:{declaration.cron_min:02}:")
    for line in told.protected:
        click.echo(f"  {line}")
    click.echo("not protected:" if told.unprotected else "nothing else was found there that would need it")
    for line in told.unprotected:
        click.echo(f"  {line}")
