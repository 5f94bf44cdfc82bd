"""Logging of scalars: anything with TensorBoard's ``add_scalar`` serves; a CSV file needs no library."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Protocol


class Logger(Protocol):
    """What the trainer writes to, e.g. ``torch.utils.tensorboard.SummaryWriter`` or :class:`CsvLogger`."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...


class CsvLogger:
    """Appends rows ``step, tag, value`` to a file, one per scalar, written at once."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            self._write("step", "tag", "value")

    def _write(self, *row: object) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(row)

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        self._write(global_step, tag, repr(float(scalar_value)))
