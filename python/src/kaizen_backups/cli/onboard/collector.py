"""`kaizen-onboard collector`: let another collector in everywhere, or lock it out."""

from pathlib import Path

import click
from pydantic import ValidationError

from kaizen_backups.cli.onboard.common import as_usage, lock_file, must_be_root, say_reports, worst
from kaizen_backups.cli.onboard.upgrade import bring_up_to_date
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.lock import only_run
from kaizen_backups.onboard.access import (
    FILE,
    HIERA,
    Access,
    Collector,
    read_access,
    read_public_key,
    write_access,
    write_hiera,
)
from kaizen_backups.onboard.authority import Authority
from kaizen_backups.onboard.registry import all_hosts
from kaizen_backups.onboard.work import own_key
from kaizen_backups.settings import Settings, load_settings


@click.command("collector")
@click.argument("name")
@click.argument("key", required=False, type=click.Path(path_type=Path, dir_okay=False), metavar="[KEY.pub]")
@click.option("--from", "hosts", multiple=True, metavar="ADDRESS", help="Where it comes from; again for more.")
@click.option("--remove", "lock_out", is_flag=True, help="Lock it out.")
@click.option("--hiera", type=click.Path(path_type=Path), default=HIERA, show_default=True, help="The Hiera data.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would change, and touch nothing.")
@click.pass_context
def command(
    context: click.Context,
    name: str,
    key: Path | None,
    *,
    hosts: tuple[str, ...],
    lock_out: bool,
    hiera: Path,
    dry_run: bool,
) -> None:
    """Let the collector NAME in at every onboarded host, or lock it out again with --remove.

    For the nodes that Puppet configures, the same is written as Hiera data; put that where all of them see it.

    A --from is good for every key, as in the Puppet class, and takes effect as soon as that of each collector is known,
    this one's included. A host that can't be reached now is named; 'kaizen-onboard upgrade --all' does it later.

    \b
    Examples:
      kaizen-onboard collector backup2.example backup2.pub --from 192.0.2.20
      kaizen-onboard collector backup2.example --remove
    """
    must_be_root()
    settings = load_settings(context.obj)
    with only_run(lock_file(settings)):
        access = read_access()
        if lock_out:
            if key or hosts:
                raise click.UsageError("--remove goes with a NAME alone")
            key_of = access.collectors[name].key if name in access.collectors else None
            access = access.without_collector(name)
        else:
            access = access.with_collector(name, _collector(key, hosts))
            _check_name(access)
        failed = put_into_effect(settings, access, hiera, dry_run=dry_run)
        if lock_out and (signed := Authority().opens_for(name, key_of)):
            click.echo(
                f"kaizen-onboard: {name}: its certificate is good yet, and still opens every door: "
                f"'kaizen-onboard ca revoke {signed}' ends that",
                err=True,
            )
            failed = failed or ExitCode.FAILED
    if failed:
        context.exit(failed)


def _collector(key: Path | None, hosts: tuple[str, ...]) -> Collector:
    if not key:
        raise click.UsageError("a collector is let in by its public key: name the file KEY.pub")
    try:
        return Collector(key=read_public_key(key), hosts=hosts)
    except ValidationError as error:
        raise as_usage(error, Collector) from None


def _check_name(access: Access) -> None:
    try:
        Access.model_validate(access.model_dump())
    except ValidationError as error:
        raise as_usage(error, Access) from None


def put_into_effect(settings: Settings, access: Access, hiera: Path, *, dry_run: bool) -> int:
    """Write down who is let in, and make it so on every onboarded host; return the exit code. Raises ConfigError."""
    own = own_key(settings)
    access = access.settled(own)
    door = access.door(own)
    _say_what_is_noted(access, own)
    hosts = all_hosts(settings)
    differs = access != read_access()
    if not dry_run:
        write_access(access)
        write_hiera(door, hiera)
        click.echo(f"written: {FILE}, and {hiera} for the nodes that Puppet configures")
    reports = bring_up_to_date(settings, [host for host in hosts if host.login.by == "ssh"], door, dry_run=dry_run)
    failed = say_reports(reports, good="nothing to change", as_json=False)
    by_hand = [host.node.name for host in hosts if host.login.by == "bundle"]
    if by_hand and differs:
        click.echo(f"kaizen-onboard: nobody logs in to {', '.join(by_hand)}: make a new bundle for each", err=True)
        return worst(reports) if failed else ExitCode.FAILED
    return worst(reports) if failed else 0


def _say_what_is_noted(access: Access, own: str) -> None:
    if without := ", ".join(access.without_address(own)):
        click.echo(
            f"kaizen-onboard: addresses are noted, and take effect as soon as that of {without} is known", err=True
        )
