"""`kaizen-onboard remove`: take all of it away again."""

import click

from kaizen_backups.cli.onboard.common import ask, lock_file, must_be_root, refresh_list
from kaizen_backups.errors import KaizenError
from kaizen_backups.lock import only_run
from kaizen_backups.onboard.administrator import administrator
from kaizen_backups.onboard.registry import Registered, forget, get
from kaizen_backups.onboard.wanted import removal
from kaizen_backups.onboard.work import registered_ssh
from kaizen_backups.settings import load_settings


@click.command("remove")
@click.argument("host")
@click.option(
    "--purge-local", is_flag=True, help="Remove the host's own snapshots, too; the collector keeps its copies."
)
@click.option("--forget", "only_forget", is_flag=True, help="The host is gone for good: only take it off the list.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be removed, and touch nothing.")
@click.pass_context
def command(
    context: click.Context, host: str, *, purge_local: bool, only_forget: bool, yes: bool, dry_run: bool
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
        found = get(settings, host.lower())
        name = found.node.name
        if found.login.by == "bundle" and not only_forget:
            raise KaizenError(
                f"{name}: nobody logs in there: run 'kaizen-onboard bundle {name} --remove' there, then use --forget"
            )
        if dry_run:
            _say(removal(found.declaration, purge=purge_local))
            return
        if not yes and not only_forget and not ask(f"take everything off {name}?"):
            raise KaizenError(f"{name}: nothing was done; --yes does it without asking")
        if not only_forget:
            _take_away(found, purge_local)
        forget(settings, name)
        refresh_list(settings, gone=name)
    click.echo(f"{name}: off the list; what this collector has of it stays in {settings.store / name}")


def _take_away(host: Registered, purge: bool) -> None:
    name = host.node.name
    with registered_ssh(host, administrator()) as ssh:
        effort = ssh.attempt("apply", removal(host.declaration, purge=purge))
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
