"""`kaizen-onboard upgrade`: bring hosts up to this version, and mend what differs."""

import click

from kaizen_backups.cli.onboard.common import chosen, lock_file, must_be_root, say_reports, worst
from kaizen_backups.lock import only_run
from kaizen_backups.onboard.access import Door
from kaizen_backups.onboard.administrator import administrator
from kaizen_backups.onboard.registry import Registered
from kaizen_backups.onboard.work import Report, current_door, on_all, upgrade_host
from kaizen_backups.settings import Settings, load_settings


@click.command("upgrade")
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("--all", "everybody", is_flag=True, help="Every onboarded host.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what differs, and touch nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, hosts: tuple[str, ...], everybody: bool, dry_run: bool, as_json: bool) -> None:
    """Bring hosts up to the version installed here, and to how they are registered.

    One that can't be reached is named, and the others are brought up to date all the same. With --all, hosts that
    nobody logs in to are left alone.

    \b
    Examples:
      kaizen-onboard upgrade --all
      kaizen-onboard upgrade --all --dry-run
    """
    must_be_root()
    settings = load_settings(context.obj)
    with only_run(lock_file(settings)):
        found = chosen(settings, hosts, everybody)
        if everybody:
            by_hand = [host.node.name for host in found if host.login.by == "bundle"]
            found = [host for host in found if host.login.by == "ssh"]
            if by_hand:
                click.echo(f"kaizen-onboard: nobody logs in to {', '.join(by_hand)}: left alone", err=True)
        reports = bring_up_to_date(settings, found, current_door(settings), dry_run=dry_run)
    if say_reports(reports, good="nothing to change", as_json=as_json):
        context.exit(worst(reports))


def bring_up_to_date(settings: Settings, hosts: list[Registered], door: Door, *, dry_run: bool) -> list[Report]:
    """Upgrade many hosts at once."""
    who = administrator()
    return on_all(hosts, lambda host: upgrade_host(host, who, settings, door, dry_run=dry_run))
