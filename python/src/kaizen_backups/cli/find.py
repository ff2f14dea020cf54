"""`kaizen find`: look for names, or contents, over all nodes and nights."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime

import click

from kaizen_backups.cli.indexing import Indexes
from kaizen_backups.cli.table import print_table
from kaizen_backups.cli.versions import show_content, show_path, show_size, show_span, show_text, show_time
from kaizen_backups.dates import parse_day
from kaizen_backups.errors import printable
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.search.contents import Contents, Hit
from kaizen_backups.search.find import find
from kaizen_backups.search.pattern import Pattern, PatternError, name_pattern
from kaizen_backups.search.versions import Found
from kaizen_backups.settings import load_settings
from kaizen_backups.store import NodeStore, existing
from kaizen_backups.units import many


def _day(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    try:
        return parse_day(value, datetime.now().astimezone().date()) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("find")
@click.argument("pattern")
@click.option("--node", "nodes", metavar="NODE", multiple=True, help="Only this node; may be given several times.")
@click.option("--since", metavar="DAY", callback=_day, help="Only what a snapshot of that day or a later one has.")
@click.option("--regex", is_flag=True, help="PATTERN is a Python regular expression.")
@click.option("-i", "--ignore-case", is_flag=True, help="Upper and lower case are the same.")
@click.option("--contents", is_flag=True, help="Look for PATTERN in the lines of files, not in names.")
@click.option("--name", metavar="GLOB", help="With --contents: only in files whose name matches.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each name.")
@click.pass_context
def command(
    context: click.Context,
    *,
    pattern: str,
    nodes: tuple[str, ...],
    since: date | None,
    regex: bool,
    ignore_case: bool,
    contents: bool,
    name: str | None,
    as_json: bool,
) -> None:
    """Find files, directories and symlinks by name in all stored snapshots: where, when, size, which versions differ.

    A PATTERN without a slash is held against the name alone, one with a slash against the whole path, beginning in any
    directory unless it begins with a slash. * and ? stop at a slash, ** does not; [a-z]; \\* is a star; a slash at the
    end means directories. With --regex it is searched in the whole path. Each line is one version, the newest first:
    the first and the last snapshot that have it, and the beginning of its SHA-256.

    With --contents PATTERN is a text, or with --regex a regular expression, that is searched in each line of the files
    of up to 8 MiB that have no NUL in them; at most 100 lines of a version are shown.

    With --json, names that are not UTF-8 have their bytes as \\xff in 'path', and 'path_base64' has them as they are.
    When nothing is found, that is said on stderr, and the exit code is 0; it is 1 when something stored could not be
    read, which is then named.

    \b
    Examples:
      kaizen find nova.conf
      kaizen find '/etc/nova/**/*.conf' --node compute01.kaizen.example --since "3 days ago"
      kaizen find --regex '^/dumps/.*(nova|cinder)'
      kaizen find --contents 'rabbit_host' --name '*.conf'
    """
    if name is not None and not contents:
        raise click.UsageError("--name belongs to --contents: without that, PATTERN is the name")
    if contents and ("\n" in pattern or not pattern):
        raise click.UsageError("PATTERN is searched in each line: it must have something in it, and no end of a line")
    try:
        looked_for = Contents(pattern, regex=regex, ignore_case=ignore_case) if contents else None
        names = (
            name_pattern(name or "*", ignore_case=ignore_case)
            if contents
            else name_pattern(pattern, regex=regex, ignore_case=ignore_case)
        )
    except PatternError as error:
        raise click.UsageError(str(error)) from None
    settings = load_settings(context.obj)
    indexes = Indexes(settings)
    found = _find(indexes, existing(settings.store, nodes), names, since)
    if looked_for:
        hits = (hit for node, files in found for hit in looked_for.search(NodeStore(settings.store, node), files))
        count = _print_hits(hits, as_json)
        for problem in looked_for.problems:
            click.echo(f"kaizen: {printable(problem)}", err=True)
    else:
        count = _print_names((file for _, files in found for file in files), as_json)
    if not count:
        click.echo("kaizen: nothing found", err=True)
    if indexes.failed or (looked_for and looked_for.problems):
        context.exit(ExitCode.FAILED)


def _find(
    indexes: Indexes, nodes: list[str], pattern: Pattern, since: date | None
) -> Iterator[tuple[str, Iterator[Found]]]:
    for index in indexes.of(nodes):
        yield index.node, find(index, pattern, since)


def _print_names(files: Iterable[Found], as_json: bool) -> int:
    """Print names with their versions; return how many names there were."""
    count, rows = 0, []
    for count, file in enumerate(files, 1):  # noqa: B007 (their number is wanted)
        if as_json:
            click.echo(json.dumps(file.as_json()))
            continue
        for version in file.versions:
            path = show_path(file.path, version)
            shown = (show_size(version), show_time(version), show_content(version))
            rows.append([file.node, path, show_span(version), *shown])
    if rows:
        print_table(["NODE", "PATH", "SNAPSHOTS", "SIZE", "MODIFIED (UTC)", "CONTENT"], rows)
    return count


def _print_hits(hits: Iterable[Hit], as_json: bool) -> int:
    """Print files with the lines that match; return how many files there were."""
    count = 0
    for count, hit in enumerate(hits, 1):  # noqa: B007 (their number is wanted)
        if as_json:
            click.echo(json.dumps(hit.as_json()))
            continue
        for version, lines in zip(hit.file.versions, hit.lines, strict=True):
            what = f"{show_size(version)}, {show_content(version)}"
            click.echo(f"{hit.file.node}  {show_path(hit.file.path)}  {show_span(version)}  ({what})")
            for number, text in lines.found:
                click.echo(f"{number:6}: {show_text(text)}")
            if lines.more:
                click.echo(f"        and {many(lines.more, 'more line')}")
    return count
