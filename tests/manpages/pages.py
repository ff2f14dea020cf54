"""Which pages there are, where they stand in the repository, and what no program says of itself."""

import json
from pathlib import Path

from kaizen_backups.cli.main import cli as kaizen
from kaizen_backups.cli.onboard import cli as onboard
from kaizen_backups.cli.program import EXIT_CODES
from manpages.agent_commands import agent_commands, agent_exit_codes
from manpages.click_commands import click_commands
from manpages.commands import exit_codes
from manpages.program_page import Program, program_page
from manpages.settings_page import settings_page

_METADATA = Path(__file__).parents[2] / "metadata.json"
_COLLECTOR_YAML = ("/etc/kaizen/collector.yaml", "The settings: kaizen-collector.yaml(5).")
_NODES_D = ("/etc/kaizen/nodes.d/HOST.yaml", "The hosts that Puppet does not configure, a file each.")


def agent() -> Program:
    """Return what there is to say of kaizen-backup."""
    files = [
        ("/etc/kaizen/node.conf, /etc/kaizen/roles/ROLE.conf", "The settings: kaizen-node.conf(5)."),
        ("/backups/YYYY-MM-DD", "A snapshot: what was saved, at its full path; dumps of databases in `dumps`."),
        ("/backups/YYYY-MM-DD/SHA256SUMS", "The sum of every file in it, as sha256sum(1) reads it."),
        ("/backups/YYYY-MM-DD/backup.info", "What, when, how much, what was skipped, and warnings; `key = value`."),
        ("/var/lib/kaizen", "What it remembers: two lines for each file; during a run several times as much."),
        ("/var/log/kaizen-backup.log", "What it did, and what went wrong."),
        ("/run/kaizen-backup.lock", "What a run holds, so that there is one at a time."),
    ]
    see_also = "kaizen-node.conf(5), kaizen(8), age(1), rsync(1), sha256sum(1)"
    return Program(agent_commands(), agent_exit_codes(), files, see_also)


def collector() -> Program:
    """Return what there is to say of kaizen."""
    files = [
        _COLLECTOR_YAML,
        _NODES_D,
        ("/etc/kaizen/exemptions.yaml", "Who need not be backed up, why, and until when."),
        ("/etc/kaizen/switches.yaml", "The switches whose configuration is fetched."),
        ("/etc/kaizen/ssh/id_ed25519", "The key that opens the nodes' doors."),
        ("/backups/nodes/NODE/YYYY-MM-DD", "The store: a snapshot of a node, as the node made it."),
        ("/var/lib/kaizen/nodes.yaml, /var/lib/kaizen/known_hosts", "The nodes, and their host keys; generated."),
        ("/var/lib/kaizen/history.sqlite", "What was collected, and when."),
    ]
    see_also = "kaizen-collector.yaml(5), kaizen-onboard(8), kaizen-backup(8)"
    return Program(list(click_commands(kaizen, "kaizen")), exit_codes(EXIT_CODES), files, see_also)


def onboarding() -> Program:
    """Return what there is to say of kaizen-onboard."""
    files = [
        _COLLECTOR_YAML,
        _NODES_D,
        ("/etc/kaizen/access.yaml", "The collectors that are let in at every onboarded host."),
        ("/etc/kaizen/hiera.yaml", "The same for the nodes that Puppet configures: for their Hiera data."),
        ("/etc/kaizen/ca", "The authority that signs collectors' keys. It opens every door: keep it safe."),
    ]
    see_also = "kaizen(8), kaizen-collector.yaml(5), kaizen-backup(8), kaizen-node.conf(5), ssh(1)"
    return Program(list(click_commands(onboard, "kaizen-onboard")), exit_codes(EXIT_CODES), files, see_also)


def pages() -> dict[str, str]:
    """Return every generated page's text by its place."""
    version = json.loads(_METADATA.read_text())["version"]
    return {
        "files/backups/man/kaizen-backup.8": program_page(agent(), version),
        "python/man/kaizen.8": program_page(collector(), version),
        "python/man/kaizen-onboard.8": program_page(onboarding(), version),
        "python/man/kaizen-collector.yaml.5": settings_page(version),
    }
