"""`kaizen-onboard accept`: put a host on the list that a bundle was run on."""

import base64
import binascii
import json

import click
from pydantic import ValidationError

from kaizen_backups.cli.onboard.common import ask, lock_file, must_be_root, refresh_list
from kaizen_backups.errors import KaizenError
from kaizen_backups.lock import only_run
from kaizen_backups.node import Node, fingerprint
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.registry import Login, Registered, register, require_ours
from kaizen_backups.onboard.trial import try_door
from kaizen_backups.settings import load_settings
from kaizen_backups.units import many


@click.command("accept")
@click.argument("line")
@click.option("-y", "--yes", is_flag=True, help="Don't ask: the line came here by a way that you trust.")
@click.pass_context
def command(context: click.Context, line: str, yes: bool) -> None:
    """Put the host on the list whose bundle printed LINE, once its door opens.

    The line says which key is the host's: it is as good as the way by which it came here.

    \b
    Example:
      kaizen-onboard accept 'kaizen1 eyJhZGRy... ssh-ed25519 AAAA...'
    """
    must_be_root()
    settings = load_settings(context.obj)
    host = read_line(line)
    name = host.node.name
    click.echo(f"{name} at {host.node.address}, host key {fingerprint(host.node.host_keys[0])}")
    _is_the_same(require_ours(settings, name), host)
    if not yes and not ask("is this the host's key?"):
        raise KaizenError(f"{name}: the host key was not confirmed; --yes takes the line as it is")
    with only_run(lock_file(settings)):
        try:
            seen = try_door(host.node, settings)
        except KaizenError as error:
            raise type(error)(
                f"{name}: its door can't be opened from here, so it is not on the list: {error}"
            ) from None
        click.echo(f"{name}: the door opens; behind it: {many(len(seen), 'snapshot')}")
        changed = register(settings, host)
        refresh_list(settings)
    click.echo(f"{name}: it is on the list of nodes {'now' if changed else 'already'}")


def _is_the_same(known: Registered | None, host: Registered) -> None:
    """Raise KaizenError when the host is registered otherwise: a line must not take another host's place."""
    if known is None:
        return
    name = known.node.name
    if known.login.by != "bundle":
        raise KaizenError(
            f"{name}: is on the list already, and looked after over ssh; 'kaizen-onboard {name}' changes it"
        )
    node, other = known.node, host.node
    for what, before, now in (
        ("address", f"{node.address} port {node.port}", f"{other.address} port {other.port}"),
        ("host key", fingerprint(node.host_keys[0]), fingerprint(other.host_keys[0])),
    ):
        if before != now:
            raise KaizenError(
                f"{name}: is on the list with another {what}: {before}, and the line says {now}; if that is meant, "
                f"'kaizen-onboard remove {name} --forget' first"
            )


def read_line(line: str) -> Registered:
    """Return the host that a bundle's line introduces. Raises KaizenError."""
    words = line.split()
    try:
        mark, card, *key = words
        stated = json.loads(base64.urlsafe_b64decode(card))
        if mark != "kaizen1" or len(key) != 2 or not isinstance(stated, dict):
            raise ValueError
        declaration = Declaration.model_validate(stated.pop("declaration", {}))
        fields = {**stated, "role": declaration.role, "origin": "onboarded", "host_keys": [" ".join(key)]}
        node = Node.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise KaizenError(f"the line is not as a bundle prints it: {first['loc']}: {first['msg']}") from None
    except (ValueError, binascii.Error):
        raise KaizenError("the line is not as a bundle prints it; take all of it, in one pair of quotes") from None
    return Registered(node=node, login=Login(by="bundle", host=node.name), declaration=declaration)
