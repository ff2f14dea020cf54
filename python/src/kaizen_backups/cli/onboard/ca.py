"""`kaizen-onboard ca`: a certificate authority, so that a new collector needs a signed key and no node is touched."""

import json
from pathlib import Path

import click
from pydantic import ValidationError

from kaizen_backups.atomic import write_atomically
from kaizen_backups.certificate import certificate_file
from kaizen_backups.cli.onboard.collector import put_into_effect
from kaizen_backups.cli.onboard.common import as_usage, lock_file, must_be_root
from kaizen_backups.cli.table import print_table
from kaizen_backups.errors import KaizenError
from kaizen_backups.lock import only_run
from kaizen_backups.onboard.access import HIERA, read_access, read_public_key
from kaizen_backups.onboard.authority import Authority, Issued, days_left
from kaizen_backups.onboard.registry import all_hosts
from kaizen_backups.onboard.work import current_door
from kaizen_backups.settings import Settings, load_settings

_hiera = click.option(
    "--hiera", type=click.Path(path_type=Path), default=HIERA, show_default=True, help="The Hiera data."
)


@click.group("ca")
def command() -> None:
    """An SSH certificate authority that nodes trust for the door alone.

    \b
    Examples:
      kaizen-onboard ca init
      kaizen-onboard ca sign backup3.example backup3.pub --days 365
      kaizen-onboard ca show
    """


@command.command("init")
@_hiera
@click.pass_context
def init(context: click.Context, hiera: Path) -> None:
    """Make the authority, and let every onboarded host trust it for its door.

    For the nodes that Puppet configures, its public key is written as Hiera data. Run again, it makes nothing anew.

    \b
    Example:
      kaizen-onboard ca init
    """
    must_be_root()
    settings = load_settings(context.obj)
    authority = Authority()
    with only_run(lock_file(settings)):
        known = authority.exists
        key = authority.public_key() if known else authority.make()
        click.echo(f"{'the authority is there already' if known else 'the authority is made'}: {key}")
        failed = _trust(settings, key, hiera)
    if failed:
        context.exit(failed)


@command.command("sign")
@click.argument("name")
@click.argument("key", type=click.Path(path_type=Path, dir_okay=False), metavar="KEY.pub")
@click.option("--days", type=int, default=365, show_default=True, help="How long the certificate is good.")
@click.option("--from", "hosts", multiple=True, metavar="ADDRESS", help="From where it is good; again for more.")
@click.pass_context
def sign(context: click.Context, name: str, key: Path, *, days: int, hosts: tuple[str, ...]) -> None:
    """Sign the public key of the collector NAME; print where the certificate is.

    It goes beside the private key on that collector, as /etc/kaizen/ssh/id_ed25519-cert.pub; ssh presents it by
    itself. The certificate of this collector's own key is put there at once.

    \b
    Example:
      kaizen-onboard ca sign backup3.example backup3.pub --from 192.0.2.30
    """
    must_be_root()
    settings = load_settings(context.obj)
    public = read_public_key(key)
    with only_run(lock_file(settings)):
        try:
            file = Authority().sign(name, public, hosts, days)
        except ValidationError as error:
            raise as_usage(error, Issued) from None
        _say_where(settings, name, public, file)


@command.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """Print the authority's public key, and whom it has signed.

    \b
    Example:
      kaizen-onboard ca show
    """
    must_be_root()
    authority = Authority()
    key, certificates = authority.public_key(), authority.certificates()
    if as_json:
        rows = [certificate.as_json() for certificate in certificates.values()]
        click.echo(json.dumps({"public_key": key, "certificates": rows}, indent=2))
        return
    click.echo(key)
    if certificates:
        print_table(
            ["COLLECTOR", "NUMBER", "ENDS", "DAYS LEFT"],
            [[c.name, str(c.serial), f"{c.ends:%Y-%m-%d}", str(days_left(c))] for c in certificates.values()],
        )


@command.command("revoke")
@click.argument("name")
@_hiera
@click.pass_context
def revoke(context: click.Context, name: str, hiera: Path) -> None:
    """Lock out the collector NAME before its certificate ends.

    The authority gets a new key, which signs all the others again, for as long as they were good; every onboarded host
    trusts that one alone. The others' new certificates must be carried to them. Run again, it finishes what broke off.

    \b
    Example:
      kaizen-onboard ca revoke backup3.example
    """
    must_be_root()
    settings = load_settings(context.obj)
    authority = Authority()
    with only_run(lock_file(settings)):
        # What can be wrong here is found before the authority has another key, which no host trusts yet.
        current_door(settings)
        all_hosts(settings)
        for file in authority.renew(name):
            other = file.name.removesuffix("-cert.pub")
            _say_where(settings, other, authority.record().collectors[other].key, file)
        failed = _trust(settings, authority.public_key(), hiera)
        authority.forget(name)
    if failed:
        context.exit(failed)


def _trust(settings: Settings, key: str, hiera: Path) -> int:
    access = read_access().model_copy(update={"authorities": (key,)})
    return put_into_effect(settings, access, hiera, dry_run=False)


def _say_where(settings: Settings, name: str, public: str, file: Path) -> None:
    """Put this collector's own certificate beside its key; of another's say where it is, and where it goes."""
    own = settings.key.with_name(f"{settings.key.name}.pub")
    target = certificate_file(settings.key)
    if own.exists() and own.read_text().split()[1:2] == public.split()[1:2]:
        try:
            write_atomically(target, file.read_text())
        except OSError as error:
            raise KaizenError(f"{target}: {error.strerror}") from error
        click.echo(f"{name}: this collector's own certificate, in {target}")
    else:
        click.echo(f"{name}: {file}; it goes to {target} there")
