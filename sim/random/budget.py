"""What is left of a configuration's memories while a random network is drawn: estimates, on the safe side."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import TABLES
from lifline.network.connections.sparse import Sparse
from lifline.network.connections.windows import Windowed
from lifline.network.projections import Projection

WORDS_PER_ROW = 10
"""Neuron words per row and shared words that the largest neuron model may need."""
PROGRAM_WORDS = 40
"""Program words that one population may need besides its passes."""
PASS_WORDS = 3
MAPPED_PASS_WORDS = 9
RING_WORDS = 3
LOOP_WORDS = 3


@dataclass
class Budget:
    """Needs so far. ``rings``: the different delay vectors by source; those of the input share one ring."""

    config: Config
    neurons: int = 0
    weight_words: int = 0
    neuron_words: int = 0
    ring_words: int = 0
    delay_entries: int = 0
    program_words: int = 0
    map_words: int = 0
    slots: int = 0
    rings: dict[str, list[NDArray[np.int64]]] = field(default_factory=dict)

    def fits(self) -> bool:
        c = self.config
        return (
            self.neurons <= c.max_neurons
            and self.weight_words <= c.weight_words
            and self.neuron_words <= c.neuron_words
            and self.ring_words <= c.ring_words
            and self.delay_entries <= c.delay_entries
            and self.program_words + 16 <= c.program_words
            and self.map_words <= c.map_words
            and self.slots <= c.slot_words
        )

    def places(self, shape: tuple[int, ...]) -> int:
        """Places that a population takes, position by position where it has positions and there are maps."""
        if not self.config.map_words or len(shape) == 1:
            return prod(shape)
        lanes = self.config.lanes
        channels = ceil_div(shape[0], lanes) * lanes if shape[0] > lanes else 1 << (shape[0] - 1).bit_length()
        rows, columns = prod(shape[1:-1]), shape[-1]
        return rows * ceil_div(columns * channels, lanes) * lanes

    def add_population(self, shape: tuple[int, ...]) -> None:
        places = self.places(shape)
        self.neurons += places
        self.slots = max(self.slots, ceil_div(places, self.config.lanes))
        self.neuron_words += WORDS_PER_ROW * (1 + ceil_div(places, self.config.multipliers))
        self.program_words += PROGRAM_WORDS

    def add_ring(self, shape: tuple[int, ...], delays: NDArray[np.int64], *, is_input: bool) -> None:
        """A ring of a source of this shape for this delay vector, or with maps for any that :func:`~lifline.sim.random.taps.with_taps` makes of it."""
        words = ceil_div(self.places(shape), RING_BITS)
        longest = self.config.max_delay if self.config.map_words else int(delays.max())
        self.ring_words += words * (longest + self.config.window * (2 if is_input else 1))
        self.delay_entries += 0 if (delays == delays[0]).all() else words * RING_BITS
        self.program_words += RING_WORDS

    def add_loop(self) -> None:
        self.program_words += LOOP_WORDS

    def add_projection(self, projection: Projection, source: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Passes of a projection between populations of these shapes, with their weights and maps."""
        config = self.config
        if not isinstance(projection.connection, Windowed):
            self.weight_words += ceil_div(self.places(target), config.lanes) * self.places(source)
            self.program_words += PASS_WORDS * ceil_div(self.places(source), config.event_fan_in)
            if isinstance(projection.connection, Sparse) and config.map_words:
                self.program_words += MAPPED_PASS_WORDS * TABLES
                self.map_words += min(self.places(source), config.map_words)
            return
        window = projection.connection.normalised(source).window(projection.weights, source)
        rows, columns = window.plane
        taps = rows.kernel * (columns.kernel + (config.lanes - 1) * columns.stride)  # of a block that holds as many neighbours as may be
        self.weight_words += taps * ceil_div(window.outputs, config.lanes) * window.channels
        self.program_words += MAPPED_PASS_WORDS
        self.map_words += max(rows.length, columns.length + config.lanes, window.channels + config.lanes)
