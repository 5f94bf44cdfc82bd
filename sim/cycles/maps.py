"""What every presynaptic neuron of a pass visits: the tables of a walk, read once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.maps import MAP, TABLES, quotient
from lifline.arch.program import WALK_WORDS

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Visits:
    """Of the presynaptic neurons of a pass, or of blocks of them, by their index in it.

    Attributes
    ----------
    counts : (index, loop), repetitions of the three loops, the innermost one first; all 0 for a neuron that reaches nothing.
    starts : (index,), the first slot, counted from that of block 0, modulo the slots that there are.
    steps : (loop,), slots from one repetition to the next.
    lanes : presynaptic neurons that an index stands for.
    """

    counts: Ints
    starts: Ints
    steps: Ints
    lanes: int = 1

    def of(self, indices: Ints) -> int:
        """Pairs of a weight word and a slot that these neurons visit together."""
        return int(self.counts[indices].prod(axis=1).sum())


NONE = Visits(np.zeros((1, TABLES), np.int64), np.zeros(1, np.int64), np.zeros(TABLES, np.int64))
"""Of a pass without maps, which has no walk."""


def visits(words: Sequence[int], image: NDArray[np.uint32], neurons: int, config: Config, *, lanes: int = 1) -> Visits:
    """Of ``neurons`` neurons of a pass with the program words ``words`` behind those of every pass, and the memory of maps. ``lanes`` : neurons that an
    index stands for."""
    fields = {name: value for layout, word in zip(WALK_WORDS[:3], words, strict=False) for name, value in layout.unpack(word).items()}
    steps = [layout.unpack(word)["slot_step"] for layout, word in zip(WALK_WORDS[3:], words[3:], strict=True)]
    neurons = ceil_div(neurons, lanes)
    index, digits = np.arange(neurons), []
    for k in range(TABLES - 1):
        rest = quotient(index, fields[f"reciprocal_{k}"], fields[f"shift_{k}"])  # type: ignore[arg-type]
        digits.append(index - rest * fields[f"radix_{k}"])
        index = rest
    counts, starts, exist = np.zeros((neurons, TABLES), np.int64), np.zeros(neurons, np.int64), np.ones(neurons, np.bool_)
    for k, digit in enumerate((*digits, index)):
        place = k * config.map_words + (fields[f"table_{k}"] + digit) % config.map_words
        found = {field.name: image[place].astype(np.int64) >> offset & (1 << field.width) - 1 for offset, field in MAP}
        counts[:, k] = found["count"] + 1
        starts += found["slot"]
        exist &= found["exists"] != 0
    return Visits(np.where(exist[:, None], counts, 0), starts % config.slot_words, np.array(steps, np.int64), lanes)
