"""`kaizen-onboard offsite`: a host that keeps a repository for this collector, and never deletes."""

import click
from pydantic import ValidationError

from kaizen_backups.cli.onboard.common import ask, confirm_key, host_name, lock_file, must_be_root
from kaizen_backups.errors import ConfigError, KaizenError, printable
from kaizen_backups.lock import only_run
from kaizen_backups.offsite.refusal import require_refusal
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.onboard.administrator import administrator
from kaizen_backups.onboard.facts import HostFacts, parse
from kaizen_backups.onboard.keeper import DIRECTORY, PLACE, USER, Keeper, know_host, settings_of
from kaizen_backups.onboard.script import data_line
from kaizen_backups.onboard.ssh import Ssh, Target, open_ssh
from kaizen_backups.onboard.trust import settle_key
from kaizen_backups.onboard.work import own_key
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.settings_offsite import Repository
from kaizen_backups.units import size


@click.command("offsite")
@click.argument("host")
@click.option("--directory", default=DIRECTORY, show_default=True, help="Where the repository is to be there.")
@click.option("--user", default=USER, show_default=True, help="The user whose door leads to it.")
@click.option("--name", default="offsite", show_default=True, help="What the repository is called in the settings.")
@click.option("--ssh-user", help="As whom you log in there (default: what your ~/.ssh/config says).")
@click.option("--ssh-port", type=click.IntRange(1, 65535), help="The port that you log in at.")
@click.option("--fingerprint", "print_", metavar="SHA256:...", help="The host key's, for scripts: nobody is asked.")
@click.option("--install", is_flag=True, help="Install rclone where it is missing.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask whether it is to be done.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and touch nothing.")
@click.pass_context
def command(
    context: click.Context,
    host: str,
    *,
    directory: str,
    user: str,
    name: str,
    ssh_user: str | None,
    ssh_port: int | None,
    print_: str | None,
    install: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Let HOST keep a repository to which this collector may add, and from which it may not remove.

    It makes a user there whose only key is this collector's, behind a forced command that serves that repository
    append-only (rclone). It then tries from here whether a removal is refused, and prints what the settings are to
    say. Run again, it does the same again, and nothing in the repository changes.

    \b
    Examples:
      kaizen-onboard offsite offsite.example
      kaizen-onboard offsite offsite.example --directory /data/kaizen --install --fingerprint SHA256:xGfz...
    """
    must_be_root()
    settings = load_settings(context.obj)
    if not PLACE.fullmatch(directory):
        raise click.UsageError(
            "--directory: an absolute path of two parts or more, of letters, digits, '.', '_' and '-'"
        )
    keeper = Keeper(own_key(settings), user, directory)
    known = host_name(host)
    with only_run(lock_file(settings)), open_ssh(Target(known, host, ssh_user, ssh_port), administrator()) as ssh:
        address, port = ssh.resolve()
        url = f"ssh://{user}@{address.lower()}" + (f":{port}" if port != 22 else "")
        stated = _repository(url)
        key = settle_key(ssh, None, print_, confirm_key(known))
        facts = parse(ssh.run("describe", keeper.questions()))
        _show_plan(known, keeper, facts)
        packages = _packages(known, facts, install=install)
        if dry_run:
            click.echo("nothing was done (--dry-run)")
            return
        if not (yes or print_ or ask("carry this out?")):
            raise KaizenError(f"{known}: the plan was not agreed to; nothing was done")
        _carry_out(ssh, [*packages, *keeper.data()])
        know_host(stated.known_hosts, address.lower(), port, key)
    _try(stated, name, settings)
    click.echo(f"{known}: its door opens, and refuses to delete")
    if not any(one.repository == url for one in settings.offsite.values()):
        click.echo(f"\nThe settings are to say:\n\n{settings_of(name, url)}\nand then: kaizen offsite init {name}")


def _repository(url: str) -> Repository:
    try:
        return Repository(repository=url)
    except ValidationError as error:
        raise click.UsageError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _show_plan(name: str, keeper: Keeper, facts: HostFacts) -> None:
    click.echo(f"{name} ({printable(facts.get('os')).strip() or 'unknown system'})")
    click.echo(f"  user {keeper.user}, whose one key is this collector's")
    free = facts.get("free").partition(" ")[0]
    room = f", {size(int(free) * 1024)} free" if free.isdigit() else ""
    click.echo(f"  repository {keeper.directory}{room}: it may be added to, and nothing removed")


def _packages(name: str, facts: HostFacts, *, install: bool) -> list[str]:
    """Return the data that install what is missing. Raises ConfigError where that is not to be done."""
    if facts.has("program", "rclone"):
        return []
    if not install:
        raise ConfigError(f"{name}: it lacks rclone; --install installs it; nothing was done")
    return [data_line("install", facts.get("manager"), "rclone")]


def _carry_out(ssh: Ssh, data: list[str]) -> None:
    effort = ssh.attempt("apply", data)
    for line in effort.done:
        click.echo(f"{ssh.target.name}: {line}")
    if effort.error:
        raise type(effort.error)(f"{effort.error}\n{ssh.target.name}: running it again goes on from there")


def _try(stated: Repository, name: str, settings: Settings) -> None:
    """Try the door from here, as a push will use it. Raises KaizenError."""
    require_refusal(Restic(name, stated, settings))
