"""The commands of a program made with click, read from the program itself and not from what it prints."""

from collections.abc import Iterator

import click

from kaizen_backups.cli.beside import Beside
from manpages.commands import Command, blocks, is_examples


def click_commands(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[Command]:
    """Yield a command and all that are below it. The name is the whole one."""
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    yield _described(command, name, context)
    for below, found in _below(command, context):
        yield from click_commands(found, f"{name} {below}", context)


def _below(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found, name
            yield name, found
    elif isinstance(command, Beside):
        yield from ((found.name or "", found) for found in command.commands)


def _described(command: click.Command, name: str, context: click.Context) -> Command:
    texts = [[line for line in block if line != "\b"] for block in blocks(command.help or "")]
    # Every command has --help; it is told once.
    parameters = command.params if context.parent else command.get_params(context)
    records = (option.get_help_record(context) for option in parameters if isinstance(option, click.Option))
    return Command(
        name=name,
        arguments=" ".join(command.collect_usage_pieces(context)),
        paragraphs=[" ".join(block) for block in texts if not is_examples(block)],
        examples=[line[2:] for block in texts if is_examples(block) for line in block[1:]],
        options=[record for record in records if record],
    )
