"""Tables: coloured for a person at a terminal, plain and one line a row elsewhere."""

import os
import sys
from collections.abc import Sequence

_WIDE = 1000
# With any of these, rich may take what is no terminal for one.
_FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> None:
    """Print rows under a header; `styles` has rich's style for each row. Honours NO_COLOR, as rich does."""
    if not sys.stdout.isatty() and not any(os.environ.get(name) for name in _FORCED):
        _print_plain([header, *rows])
        return
    from rich.console import Console  # what prints no table does without
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console = Console(width=_WIDE)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for index, row in enumerate(rows):
        table.add_row(*(Text(cell) for cell in row), style=styles[index] if styles else None)
    with console.capture() as capture:
        console.print(table)
    console.file.write("".join(line.rstrip() + "\n" for line in capture.get().splitlines()))


def _print_plain(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as rich would, in a thousandth of the time."""
    from rich.cells import cell_len  # a character may be two columns wide, or none

    def width(cell: str) -> int:
        return len(cell) if cell.isascii() else cell_len(cell)

    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (wanted - width(cell)) for cell, wanted in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
