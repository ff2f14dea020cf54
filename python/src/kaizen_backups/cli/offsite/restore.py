"""`kaizen offsite restore`: copies come back."""

import asyncio
from datetime import datetime
from pathlib import Path

import click

from kaizen_backups.cli.offsite.common import at_work
from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.history import History
from kaizen_backups.lock import only_run
from kaizen_backups.offsite.repository import Restic, repositories
from kaizen_backups.offsite.restore import StoreRestore, copies_of, restore_copy
from kaizen_backups.restore.choose import LATEST
from kaizen_backups.settings import Settings, load_settings
from kaizen_backups.units import many, size


@click.command("restore")
@click.argument("node", required=False)
@click.option("--at", default=LATEST, metavar="DATE", help="A snapshot, or a day: 2026-11-24, yesterday, '2 days ago'.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="A new directory.")
@click.option("--all", "everything", is_flag=True, help="Every node, into the store.")
@click.option("--newest", is_flag=True, help="With --all: of each node the newest snapshot alone.")
@click.option("--from", "name", metavar="NAME", help="Which repository; the first one of the settings unless told.")
@click.pass_context
def command(
    context: click.Context,
    *,
    node: str | None,
    at: str,
    to: Path | None,
    everything: bool,
    newest: bool,
    name: str | None,
) -> None:
    """Bring a snapshot of NODE back into a new directory, or with --all everything into the store.

    What comes back is held against its SHA256SUMS. With --all nothing that is stored is touched, and each node's
    newest snapshot comes first. On an empty collector the settings and the password are all that is needed.

    \b
    Examples:
      kaizen offsite restore www.kaizen.example --to /srv/www
      kaizen offsite restore www.kaizen.example --at 2026-11-24 --to /srv/www
      kaizen offsite restore --all
    """
    if everything == bool(node) or everything == bool(to) or (newest and not everything):
        raise click.UsageError("give NODE and --to DIR, or --all")
    settings = load_settings(context.obj)
    restic = repositories(settings, [name] if name else [])[0]
    if everything:
        problems = _restore_all(settings, restic, newest=newest)
        for problem in problems:
            click.echo(f"kaizen: {printable(problem)}", err=True)
        if problems:
            context.exit(ExitCode.FAILED)
    elif node and to:
        _restore_one(restic, node, at, to)


def _restore_one(restic: Restic, node: str, at: str, to: Path) -> None:
    to = to.absolute()
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KaizenError(f"{to}: {error.strerror}") from None
    if any(to.iterdir()):
        raise KaizenError(f"{to} is not empty: choose another directory")

    async def work() -> None:
        copies = copies_of(await restic.copies(), node, at, datetime.now().astimezone().date())
        checked = await restore_copy(restic, copies, to)
        click.echo(
            f"{copies[0].node} {copies[0].snapshot}: {many(checked.files, 'file')}, {size(checked.bytes)} in {to};"
            " all sums are right"
        )

    asyncio.run(work())


def _restore_all(settings: Settings, restic: Restic, *, newest: bool) -> list[str]:
    with only_run(settings.lock_file), at_work(settings) as history:
        work = StoreRestore(restic, history, click.echo)
        asyncio.run(_into_store(restic, history, work, newest=newest))
        click.echo(f"{many(work.restored, 'snapshot')} restored into {settings.store}")
        return work.problems


async def _into_store(restic: Restic, history: History, work: StoreRestore, *, newest: bool) -> None:
    copies = await restic.copies()
    history.set_copies(restic.name, copies)
    await work.work(copies, newest=newest)
