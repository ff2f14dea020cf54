"""`kaizen-onboard list`: the hosts that this collector looks after."""

import json
from pathlib import Path

import click

from kaizen_backups.cli.table import print_table
from kaizen_backups.node import fingerprint
from kaizen_backups.onboard.registry import Registered, all_hosts
from kaizen_backups.settings import load_settings


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(config: Path, as_json: bool) -> None:
    """Print the onboarded hosts, and how each is backed up.

    \b
    Examples:
      kaizen-onboard list
      kaizen-onboard list --json | jq -r '.hosts[].name'
    """
    hosts = all_hosts(load_settings(config))
    if as_json:
        click.echo(json.dumps({"hosts": [_as_json(host) for host in hosts]}, indent=2))
    elif hosts:
        print_table(
            ["HOST", "ADDRESS", "ROLE", "AT", "LOGIN", "HOST KEY"],
            [
                [
                    host.node.name,
                    host.node.address,
                    host.node.role,
                    f"{host.declaration.cron_hour:02}:{host.declaration.cron_min:02}",
                    "by hand" if host.login.by == "bundle" else f"{host.login.user or '(you)'}@{host.login.host}",
                    fingerprint(host.node.host_keys[0]),
                ]
                for host in hosts
            ],
        )
    else:
        click.echo("no hosts; 'kaizen-onboard HOST' protects one")


def _as_json(host: Registered) -> dict[str, object]:
    login = host.login.model_dump(exclude_none=True)
    return {**host.node.stated(), "login": login, "declaration": host.declaration.model_dump(mode="json")}
