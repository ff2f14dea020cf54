"""The page of a program with commands."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from manpages.commands import Command
from manpages.roff import Page, escape, usage

_WIDTH = 72  # what 80 columns leave beside the indentation


@dataclass(frozen=True)
class Program:
    """What a page says beside the commands."""

    commands: Sequence[Command]
    exit_codes: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, str]]
    see_also: str


def program_page(program: Program, version: str) -> str:
    """Return the page."""
    main, *commands = program.commands
    page = Page(main.name, 8, source=f"{main.name} {version}")
    page.heading("NAME")
    page.paragraph(f"{main.name} - {_summary(main)}")
    page.heading("SYNOPSIS")
    page.usage(main.name, main.arguments)
    page.usage(main.name, "--version | --help")
    page.usage(main.name, "COMMAND --help")
    page.heading("DESCRIPTION")
    for paragraph in main.paragraphs:
        page.paragraph(paragraph)
    _add_examples(page, main)
    if main.options:
        page.heading("OPTIONS")
        _add_options(page, main)
    page.heading("COMMANDS")
    for command in commands:
        _add_command(page, command)
    _add_items(page, "EXIT STATUS", program.exit_codes)
    _add_items(page, "FILES", program.files)
    page.heading("SEE ALSO")
    page.paragraph(program.see_also)
    return str(page)


def _summary(main: Command) -> str:
    """Return the first sentence, as the line in which `whatis` looks has it."""
    text = re.split(r"[.:](?:\s|$)", main.paragraphs[0])[0]
    return text[0].lower() + text[1:]


def _add_command(page: Page, command: Command) -> None:
    page.subheading(command.name)
    page.usage(command.name, command.arguments)
    for paragraph in command.paragraphs:
        page.paragraph(paragraph)
    _add_options(page, command)
    _add_examples(page, command)


def _add_options(page: Page, command: Command) -> None:
    for term, text in command.options:
        page.item(usage(term), text)


def _add_examples(page: Page, command: Command) -> None:
    if command.examples:
        page.paragraph("Example:" if len(command.examples) == 1 else "Examples:")
        page.verbatim(line for example in command.examples for line in fold(example))


def _add_items(page: Page, title: str, items: Sequence[tuple[str, str]]) -> None:
    page.heading(title)
    for term, text in items:
        page.item(rf"\fB{escape(term)}\fR", text)


def fold(example: str) -> list[str]:
    """Return an example in lines that fit, as a shell reads them: a backslash at the end of all but the last.

    What stands behind it in a column of its own is for the reader, and stays in its column.
    """
    if len(example) <= _WIDTH:
        return [example]
    command, gap, remark = re.split(r"( {3,}|$)", example, maxsplit=1)
    if gap:
        column = len(command + gap)
        first, *more = textwrap.wrap(remark, _WIDTH - column)
        return [command + gap + first, *(" " * column + line for line in more)]
    lines = [""]
    for word in re.findall(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""", command):
        if len(lines[-1]) + len(word) + 3 > _WIDTH:
            lines[-1] += " \\"
            lines.append(f"    {word}")
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
