"""`kaizen offsite`: a second copy of everything, elsewhere, that only its password opens."""

import click

from kaizen_backups.cli.program import CONTEXT, LazyGroup

_MODULES = {name: name for name in ("init", "push", "status", "check", "restore", "key", "forget")}


@click.group("offsite", cls=LazyGroup, package=__name__, modules=_MODULES, context_settings=CONTEXT)
def command() -> None:
    """Send encrypted copies of all snapshots to the repositories that 'offsite' in the settings names.

    \b
    Examples:
      kaizen offsite init         make the repositories and their passwords; shows each password once
      kaizen offsite push         send what is not there yet
      kaizen offsite status       how old is each node's newest copy?
      kaizen offsite check        is what is there whole?
      kaizen offsite restore NODE --to DIR
    """
