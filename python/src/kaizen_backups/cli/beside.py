"""A command with arguments of its own that has commands beside it, as `kaizen history NODE PATH` has `rebuild`."""

from collections.abc import Sequence
from typing import Any

import click


class Beside(click.Command):
    """The command itself, unless its first argument names one of `commands`."""

    commands: Sequence[click.Command] = ()

    def is_called(self, other: click.Command, args: list[str]) -> bool:
        """Do these arguments call the command beside it?"""
        return args[:1] == [other.name]

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Hand over to the command that is named."""
        for other in self.commands:
            if self.is_called(other, args):
                return other.make_context(f"{info_name} {other.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands beside it."""
        with formatter.section("Commands"):
            formatter.write_dl([(other.name or "", other.get_short_help_str(80)) for other in self.commands])
        super().format_epilog(ctx, formatter)
