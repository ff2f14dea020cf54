"""`kaizen-onboard check`: is everything as it was put there?"""

import click

from kaizen_backups.cli.onboard.common import chosen, must_be_root, say_reports, worst
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.onboard.administrator import administrator
from kaizen_backups.onboard.work import check_host, current_door, on_all
from kaizen_backups.settings import load_settings


@click.command("check")
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("--all", "everybody", is_flag=True, help="Every onboarded host.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, hosts: tuple[str, ...], everybody: bool, as_json: bool) -> None:
    """Compare hosts with what is to be there: files, modes, owners, the user, sudo, the schedule, the door.

    Every difference is named, and the exit code is then 1; nothing is changed. 'kaizen-onboard upgrade' mends it.

    \b
    Examples:
      kaizen-onboard check www.example
      kaizen-onboard check --all
    """
    must_be_root()
    settings = load_settings(context.obj)
    door = current_door(settings)
    who = administrator()
    reports = on_all(chosen(settings, hosts, everybody), lambda host: check_host(host, who, settings, door))
    failed = say_reports(reports, good="as it should be", as_json=as_json)
    if any(report.lines for report in reports):
        context.exit(ExitCode.FAILED)
    if failed:
        context.exit(worst(reports))
