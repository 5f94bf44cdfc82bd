"""Draws what a gather brings to one block of a convolution in dense mode, with the numbers that the compiler gives it."""

from __future__ import annotations

import numpy as np
from picture_of_walk import SOURCE, TARGET, convolution, grid
from sheet import EVENT, GREY, MEMORY, NEW, Sheet

from lifline.arch.program import Mode
from lifline.compiler.bands import whole
from lifline.compiler.projections.chosen import kind_of
from lifline.compiler.projections.gather import Gather

BLOCK = 6
"""The block that the picture follows: of the second row of the target."""
ENTRIES = 30
"""Active neurons of the example, of which the list has an entry each."""


def example() -> Gather:
    """The gather of the convolution of the other picture, all of it in one band."""
    program, projection = convolution(Mode.DENSE)
    source, target = program.layouts["in"], program.layouts["out"]
    gathered = kind_of(projection).gathered(projection, projection.weights, source, target, program.config)
    assert gathered is not None
    band = [whole(target, program.config.lanes)]
    [[part]] = gathered.parts(band, gathered.covers(band), program.config)
    assert part.gather is not None
    return part.gather


def gather() -> Sheet:
    """From a block of the target to the entries of the list that reach it, and their weight words."""
    path, columns, positions = example(), TARGET[2], SOURCE[1] * SOURCE[2]
    line, place = divmod(BLOCK, columns)
    row, column = path.rows[line], path.columns[place]
    assert row is not None and column is not None
    covered = {divmod(first // path.channels + k, SOURCE[2]) for first, places, _ in path.segments(BLOCK) for k in range(places // path.channels)}
    rng = np.random.default_rng(4)
    active = np.sort(rng.choice(positions * path.channels, ENTRIES, replace=False))
    pointer = np.searchsorted(active, np.arange(positions + 1) * path.channels)
    s = Sheet(114, 30)
    s.text(2, 3, f"Target {' x '.join(map(str, TARGET))}", size=9, weight="bold")
    grid(s, 2, 5, TARGET[1], columns, {(line, place): str(BLOCK)}, NEW)
    s.text(2, 14.4, f"block {BLOCK}: row {line}, column {place}", size=7.5)
    s.text(20, 3, "Two tables", size=9, weight="bold")
    for k, (name, start, number) in enumerate((("row", row, line), ("column", column, place))):
        y = 5 + 8.5 * k
        s.box(20, y, 17, 5.6, f"position {start.slot}, {start.count} {name}s", f"weight {start.weight}", look=MEMORY, size=8)
        s.text(28.5, y + 6.9, f"table {2 - k}, word {number}", size=6.5, align="center", colour=GREY)
        s.arrow((12, 8.6), (17, 8.6), (17, y + 2.8), (20, y + 2.8))
        s.arrow((37, y + 2.8), (39.5, y + 2.8), (39.5, 12), (42, 12))
    s.text(42, 3, f"Source {' x '.join(map(str, SOURCE))}", size=9, weight="bold")
    marks = {divmod(int(p), SOURCE[2]): str(int(pointer[p + 1] - pointer[p])) for p in range(positions) if pointer[p + 1] > pointer[p]}
    grid(s, 42, 5, SOURCE[1], SOURCE[2], {**dict.fromkeys(covered, ""), **marks}, EVENT, also=covered)
    s.text(42, 21.2, "the kernel covers the dark positions;\nnumbers: active neurons, entries of the list", size=7.5)
    s.text(67, 3, "Pointers and segments of the list", size=9, weight="bold")
    for k, (first, places, weight) in enumerate(path.segments(BLOCK)):
        start, end = (int(pointer[place // path.channels]) for place in (first, first + places))
        y = 5 + 6.2 * k
        title = f"entries {start} to {end - 1}" if end > start + 1 else f"entry {start}" if end > start else "no entry"
        s.box(67, y, 24, 5, title, f"pointers {first // path.channels} and {(first + places) // path.channels}: {start} and {end}", look=MEMORY, size=8)
        words = ", ".join(str(int(weight + i - first)) for i in active[start:end])
        s.text(95, y + 2.5, f"weight word{'s' if end > start + 1 else ''} {words}" if end > start else "dropped", size=7.5)
        s.arrow((61.2, 12), (64, 12), (64, y + 2.5), (67, y + 2.5))
        if end > start:
            s.arrow((91, y + 2.5), (94.5, y + 2.5))
    s.text(67, 25.6, "one weight word per cycle, for all steps of the window at once;\nthen the sums of the block leave, while the next one begins", size=7.5)
    s.text(2, 28.5, "The list is filled once per band, position by position; a pointer for every position says how many entries come before it.", size=7.5)
    return s
