"""Step 2: the weights. Every projection becomes one pass or several, and every pass has weight words of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.arch.layout import WORD_BITS, Word
from lifline.arch.program import MAPPED_PASS_WORDS, PASS_WORDS, Mode
from lifline.network.model import Network, Projection

from .components import Execution, components_of
from .layouts import Layout
from .memories import WEIGHTS, MemoryUse
from .order import projections_in_order
from .program import ProgramPass
from .projections.chosen import kind_of
from .projections.kind import Ints, Part
from .projections.walk import Walk
from .rings import Rings, Tap
from .scaling import scaled_weights


@dataclass(frozen=True, eq=False)
class PlacedPass:
    """A pass, the ring that it reads, and its first weight word. ``one_slot`` : a block has one accumulator slot for all steps of a window.

    ``words`` : its weight words, which other passes with equal ones share.   ``walk`` : through them, if it has tables.
    """

    entry: ProgramPass
    tap: Tap
    weight_base: int
    words: int
    one_slot: bool
    walk: Walk | None

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"projection {self.entry.source} -> {self.entry.target}"

    @property
    def layouts(self) -> tuple[Word, ...]:
        """Of its program words."""
        return PASS_WORDS if self.walk is None else MAPPED_PASS_WORDS

    def reads_as(self, other: PlacedPass) -> bool:
        """Whether both read the same spikes of a presynaptic neuron."""
        mine, its = self.entry, other.entry
        return self.tap is other.tap and mine.first < its.first + its.fan_in and its.first < mine.first + mine.fan_in


@dataclass(frozen=True, eq=False)
class Weights:
    """The passes of a program in their order, and the weight memory.

    Attributes
    ----------
    loops : the passes of every loop, which are executed for one step after the other.
    shifts : by population, index into the configuration's weight shifts.   words : (word, lane).
    """

    passes: tuple[PlacedPass, ...]
    loops: tuple[range, ...]
    shifts: dict[str, int]
    words: Ints
    memory: MemoryUse

    def reads_last(self, number: int) -> bool:
        """Whether nobody needs what a pass reads of its ring: it reads the oldest spikes, and no later pass of a window reads them, too."""
        own = self.passes[number]
        return own.tap.clears and not any(later.reads_as(own) for later in self.passes[number + 1 :])


def place_weights(
    network: Network, config: Config, modes: Mapping[tuple[str, str], Mode], rings: Rings, layouts: Mapping[str, Layout]
) -> Weights:
    """Passes and weight words, component by component and population by population in the order of computation.

    Raises
    ------
    CompileError   for weights that do not fit the weight bits, sums that an accumulator cannot hold, more sums than there are accumulators, and more
        weights than there is room for.
    """
    passes: list[PlacedPass] = []
    loops: list[range] = []
    shifts: dict[str, int] = {}
    words: list[Ints] = []
    stored: dict[bytes, int] = {}  # first word by contents
    weight_base = 0
    for component in components_of(network, config.window):
        first = len(passes)
        into: list[list[_Incoming]] = []
        for target in component.populations:
            scaled = scaled_weights(network, target, config)
            shifts[target.name] = scaled.shift
            into.append(
                [
                    _Incoming(p, modes[p.source, p.target], part)
                    for p in projections_in_order(network, component, target.name)
                    for part in kind_of(p).parts(p, scaled.stored[p], layouts[p.source], layouts[p.target], modes[p.source, p.target], config)
                ]
            )
        every = [incoming for own in into for incoming in own]
        slots_fit = max(incoming.part.blocks for incoming in every) * config.window <= config.slot_words
        execution = component.execution([(incoming.projection, incoming.mode is Mode.EVENT) for incoming in every], slots_fit=slots_fit)
        for own in into:
            # The update follows a step's events at once where no other pass adds to the population: the next step may have the same slots.
            one_slot = execution is Execution.LOOP or (len(own) == 1 and own[0].mode is Mode.EVENT)
            _check_slots(own[0].projection.target, max(incoming.part.blocks for incoming in own), config)
            for incoming in own:
                p, part, last = incoming.projection, incoming.part, incoming is own[-1]
                how = Execution.WINDOW if execution is Execution.RECURRENT and not last else execution
                entry = ProgramPass(p.source, p.target, incoming.mode, part.first, part.fan_in, part.blocks, last, how)
                base = stored.setdefault(part.words.tobytes(), weight_base)
                passes.append(PlacedPass(entry, rings.of_projection[p], base, len(part.words), one_slot, part.walk))
                if base == weight_base:
                    words.append(part.words)
                    weight_base += len(part.words)
        if execution is Execution.LOOP:
            loops.append(range(first, len(passes)))
    _check_bytes(passes, config)
    image = np.concatenate(words)
    return Weights(tuple(passes), tuple(loops), shifts, image, WEIGHTS.claim(network, config, len(image)))


@dataclass(frozen=True, eq=False)
class _Incoming:
    """A part of a projection, before it has a place."""

    projection: Projection
    mode: Mode
    part: Part


def _check_slots(name: str, blocks: int, config: Config) -> None:
    """Refuse a population whose sums of a step do not fit the accumulators."""
    if blocks > config.slot_words:
        raise CompileError(
            f"population `{name}` needs {blocks:,} accumulator slots, one for each block of {config.lanes} neurons, `{config.name}` has "
            f"{config.slot_words:,}: split the population, or use a configuration with more slots"
        )


def _check_bytes(passes: Sequence[PlacedPass], config: Config) -> None:
    """Refuse more weights than there is room for, in bytes by layer; shared ones count for the first."""
    needed = dict.fromkeys((placed.entry.target for placed in passes), 0)
    counted: set[int] = set()
    for placed in passes:
        if placed.weight_base not in counted:
            needed[placed.entry.target] += placed.words
            counted.add(placed.weight_base)
    total = sum(needed.values())
    if total > config.weight_words:
        sizes = {name: count * config.weight_word_bits // 8 for name, count in needed.items()}
        detail = ", ".join(f"layer `{name}` needs {size:,} weight bytes" for name, size in sizes.items())
        raise CompileError(
            f"{detail}: together {total * config.weight_word_bits // 8:,}, `{config.name}` has {config.weight_bytes:,}; use a larger configuration, "
            "fewer neurons or fewer weight bits"
        )


def pack_lanes(values: Ints, bits: int) -> NDArray[np.uint32]:
    """Pack rows of signed lane values, lane 0 lowest, into little-endian 32-bit words, row by row."""
    unsigned = (values & ((1 << bits) - 1)).astype(np.uint32)
    per_word = min(WORD_BITS // bits, values.shape[1])
    grouped = unsigned.reshape(values.shape[0], -1, per_word)
    return np.bitwise_or.reduce(grouped << (np.arange(per_word, dtype=np.uint32) * bits), axis=2).reshape(-1)
