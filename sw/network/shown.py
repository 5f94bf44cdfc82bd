"""Tables that print themselves: ``print(network.summary())`` shows what a terminal shows."""

from __future__ import annotations

from io import StringIO

from rich.console import Console, RenderableType
from rich.table import Table

WIDTH = 80
"""Columns of what is printed as text."""


def as_text(renderable: RenderableType) -> str:
    """What a terminal of :data:`WIDTH` columns without colours would show."""
    file = StringIO()
    Console(file=file, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False, highlight=False).print(renderable)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


class ShownTable(Table):
    """A table of rich whose text is the table."""

    def __str__(self) -> str:
        return as_text(self)
