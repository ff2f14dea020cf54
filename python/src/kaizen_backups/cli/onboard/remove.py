"""`kaizen-onboard remove`: take all of it away again."""

import click

from kaizen_backups.cli.onboard.common import ask, confirm_key, host_name, lock_file, must_be_root, refresh_list
from kaizen_backups.errors import KaizenError
from kaizen_backups.lock import only_run
from kaizen_backups.onboard.administrator import administrator
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.registry import forget, get, require_ours
from kaizen_backups.onboard.ssh import Ssh, Target, open_ssh
from kaizen_backups.onboard.trust import settle_key
from kaizen_backups.onboard.wanted import removal
from kaizen_backups.settings import load_settings


@click.command("remove")
@click.argument("host")
@click.option(
    "--purge-local", is_flag=True, help="Remove the host's own snapshots, too; the collector keeps its copies."
)
@click.option("--ssh-user", help="As whom you log in, where the host is not on the list.")
@click.option("--fingerprint", "print_", metavar="SHA256:...", help="The host key's, for scripts: nobody is asked.")
@click.option("--forget", "only_forget", is_flag=True, help="The host is gone for good: only take it off the list.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be removed, and touch nothing.")
@click.pass_context
def command(
    context: click.Context,
    host: str,
    *,
    purge_local: bool,
    ssh_user: str | None,
    print_: str | None,
    only_forget: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Take everything off HOST that was put there, and HOST off the list of nodes.

    The snapshots stay, on the host unless --purge-local is given, on the collector in any case; so do packages.
    Run again, it finishes what an earlier run could not.

    \b
    Examples:
      kaizen-onboard remove www.example
      kaizen-onboard remove www.example --purge-local --yes
      kaizen-onboard remove burnt.example --forget
    """
    must_be_root()
    settings = load_settings(context.obj)
    with only_run(lock_file(settings)):
        name = host_name(host)
        found = get(settings, name) if only_forget else require_ours(settings, name)
        declaration = found.declaration if found else Declaration()
        if found and found.login.by == "bundle" and not only_forget:
            raise KaizenError(
                f"{name}: nobody logs in there: run what 'kaizen-onboard bundle {name} --remove' prints, then --forget"
            )
        if dry_run:
            _say(removal(declaration, purge=purge_local))
            return
        if not yes and not only_forget and not ask(f"take everything off {name}?"):
            raise KaizenError(f"{name}: nothing was done; --yes does it without asking")
        if not only_forget:
            target = found.target if found else Target(name, host, ssh_user)
            registered = found.node.host_keys[0] if found else None
            with open_ssh(target, administrator()) as ssh:
                settle_key(ssh, registered, print_, confirm_key(name))
                _take_away(ssh, declaration, purge=purge_local)
        forget(settings, name)
        refresh_list(settings, gone=name)
    click.echo(f"{name}: not on the list any more; what this collector has of it stays in {settings.store / name}")


def _take_away(ssh: Ssh, declaration: Declaration, *, purge: bool) -> None:
    name = ssh.target.name
    effort = ssh.attempt("apply", removal(declaration, purge=purge))
    for line in effort.done:
        click.echo(f"{name}: {line}")
    if effort.error:
        raise type(effort.error)(f"{effort.error}\n{name}: it stays on the list; running it again goes on from there")


def _say(data: list[str]) -> None:
    said = {"gone": "remove", "empty": "remove, if empty,", "nouser": "remove the user", "logs": "remove the logs"}
    said |= {"snapshots": "remove the snapshots in", "memory": "remove what the agent remembers in"}
    for line in data:
        keyword, _, rest = line.partition(" ")
        if keyword in said:
            click.echo(f"would {said[keyword]} {rest}")
