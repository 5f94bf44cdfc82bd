"""Draws the walk of one spike through a convolution, with the numbers that the compiler gives it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from sheet import EVENT, GREY, INK, LOGIC, MEMORY, NEW, Sheet

from lifline.arch.config import preset
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.compiler.projections.chosen import kind_of
from lifline.compiler.projections.places import digits_of
from lifline.compiler.projections.walk import Walk
from lifline.network.connections.convolution import Convolution
from lifline.network.model import Network, Neurons, Population, Projection

SOURCE, TARGET, SPIKE = (4, 6, 8), (16, 3, 4), (2, 3, 5)
"""Shapes, and the neuron that fires: channel, row, column."""
AXES = ("channel", "row", "column")
CELL = 2.4


def convolution(mode: Mode) -> tuple[Program, Projection]:
    """The network that is drawn, compiled, and its one projection."""
    weights = np.ones((TARGET[0], SOURCE[0], 3, 3), np.int64)
    network = Network(
        name="walk", output="out", populations=(Population("in", SOURCE), Population("out", TARGET, Neurons(threshold=9))),
        projections=(Projection(source="in", target="out", weights=weights, connection=Convolution(stride=2, padding=1)),),
    )  # fmt: skip
    return compile_network(network, preset("conv"), mode), network.projections[0]


def example() -> tuple[int, tuple[int, ...], Walk, int]:
    """Index of the spike, the axis that each digit counts, the walk, and blocks in a row of the target."""
    program, projection = convolution(Mode.EVENT)
    source, target = program.layouts["in"], program.layouts["out"]
    [part] = kind_of(projection).parts(projection, projection.weights, source, target, Mode.EVENT, program.config)
    assert part.walk is not None
    return int(source.indices.reshape(SOURCE)[SPIKE]), digits_of(source, SOURCE, "in").axes, part.walk, TARGET[2]


def grid(
    s: Sheet, x: float, y: float, rows: int, columns: int, marked: dict[tuple[int, int], str], look: tuple[str, str], also: Collection[tuple[int, int]] | None = None
) -> None:
    """Positions of a population; what is written in those that are marked. Those of ``also`` are coloured, if it is given, else all that are marked."""
    for row in range(rows):
        for column in range(columns):
            on = (row, column) in marked
            s.cell(x + column * CELL, y + row * CELL, CELL, CELL, look=look if ((row, column) in also if also is not None else on) else ("white", GREY))
            if on:
                s.text(x + (column + 0.5) * CELL, y + (row + 0.55) * CELL, marked[row, column], size=6.5, align="center")


def walk() -> Sheet:
    """From a spike's index to the weight words and slots that it visits."""
    index, axes, path, columns = example()
    s = Sheet(112, 37)
    s.text(2, 3, f"Source {' x '.join(map(str, SOURCE))}", size=9, weight="bold")
    grid(s, 2, 5, SOURCE[1], SOURCE[2], {SPIKE[1:]: "*"}, EVENT)
    s.text(2, 22, f"a spike: channel {SPIKE[0]}, row {SPIKE[1]}, column {SPIKE[2]};\nindex {index} in the order of the hardware", size=7.5)
    values = index % path.digits[0].radix, index // path.digits[0].radix % path.digits[1].radix, index // path.digits[0].radix // path.digits[1].radix
    s.text(27, 3, "Digits, and a table for each", size=9, weight="bold")
    for k, (digit, value, axis) in enumerate(zip(path.digits, values, axes, strict=True)):
        y = 5 + 10.5 * k
        start = digit.table[value]
        assert start is not None and value == SPIKE[axis]
        s.box(27, y, 14, 5.6, f"digit {k} = {value}", AXES[axis], look=LOGIC, size=8)
        s.arrow((41, y + 2.8), (45, y + 2.8))
        s.box(45, y, 17, 5.6, f"weight {start.weight}, slot {start.slot}", f"{start.count} time{'s' if start.count > 1 else ''}", look=MEMORY, size=8)
        s.text(53.5, y + 7, f"table {k}, word {value} of {len(digit.table)}", size=6.5, align="center", colour=GREY)
        s.arrow((23.5, 14.6), (25.2, 14.6), (25.2, y + 2.8), (27, y + 2.8))
        s.arrow((62, y + 2.8), (65.5, y + 2.8), (65.5, 14.6), (67, 14.6))
    starts = path.starts(index)
    assert starts is not None
    s.text(67, 3, "Three loops over their sum", size=9, weight="bold")
    steps = "\n".join(f"loop {k}: weight {d.weight_step:+d}, slot {d.slot_step:+d}" for k, d in enumerate(path.digits))
    s.box(67, 9, 20, 11.5, f"weight {sum(w.weight for w in starts)}, slot {sum(w.slot for w in starts)}", steps, look=NEW, size=8)
    s.text(67, 24, "a pair in every cycle:", size=7.5)
    visits = list(path.visits(index))
    for k, (word, slot) in enumerate(visits):
        s.text(67, 26.4 + 2 * k, f"weight word {word} to slot {slot}", size=7.5, colour=INK)
    s.arrow((87, 14.6), (92, 14.6))
    s.text(92, 3, f"Target {' x '.join(map(str, TARGET))}", size=9, weight="bold")
    grid(s, 92, 9, TARGET[1], columns, {divmod(slot, columns): str(slot) for _, slot in visits}, NEW)
    s.text(92, 18.7, "a block of 16 lanes is the\n16 channels of a position,\nits number the slot", size=7.5)
    return s
