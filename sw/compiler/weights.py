"""Step 2: the weights. Every projection becomes one pass or several, and every pass has weight words of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.layout import WORD_BITS, Word
from lifline.arch.limits import RING_BITS
from lifline.arch.program import PASSES, Mode, Opcode
from lifline.network.model import Network, Projection

from .banding import Banding, place_bands
from .bands import Band
from .components import Execution, components_of
from .layouts import Layout
from .maps import balanced
from .memories import WEIGHTS, MemoryUse
from .order import projections_in_order
from .program import ProgramPass
from .projections.chosen import kind_of
from .projections.gather import Gather
from .projections.kind import Ints, Part
from .projections.walk import Walk
from .rings import Ring, Rings, Tap
from .scaling import scaled_weights


@dataclass(frozen=True, eq=False)
class PlacedPass:
    """A pass, the ring that it reads, and its first weight word.

    Attributes
    ----------
    words : its weight words, which other passes with equal ones share.   begins : the one that it counts from, modulo all that there are.
    one_slot : a block has one accumulator slot for all steps of a window.   walk, gather : through its words, if it has tables.   band : of its target.
    """

    entry: ProgramPass
    tap: Tap
    weight_base: int
    begins: int
    words: int
    one_slot: bool
    walk: Walk | None
    gather: Gather | None
    band: Band

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"projection {self.entry.source} -> {self.entry.target}"

    @property
    def layouts(self) -> tuple[Word, ...]:
        """Of its program words."""
        return PASSES[self.opcode]

    @property
    def opcode(self) -> Opcode:
        if self.walk is not None:
            return Opcode.VECTOR_PASS if self.walk.lanes > 1 else Opcode.MAPPED_PASS
        return Opcode.PASS if self.gather is None else Opcode.GATHER_PASS

    @property
    def ring_words(self) -> range:
        """Words of 32 presynaptic neurons that it scans."""
        return range(self.entry.first // RING_BITS, ceil_div(self.entry.first + self.entry.fan_in, RING_BITS))


@dataclass(frozen=True, eq=False)
class Weights:
    """The passes of a program in their order, and the weight memory.

    Attributes
    ----------
    loops : the passes of every loop, which are executed for one step after the other.
    shifts : by population, index into the configuration's weight shifts.   words : (word, lane).   window : steps.
    """

    passes: tuple[PlacedPass, ...]
    loops: tuple[range, ...]
    shifts: dict[str, int]
    words: Ints
    memory: MemoryUse
    window: int

    def cleared(self, number: int) -> int:
        """How many words a pass clears of those that it scans, the first ones: it reads the oldest spikes, and no later pass of a window needs them.

        A pass that does not gather clears all of its words, or none.
        """
        own = self.passes[number]
        if not own.tap.clears:
            return 0
        later = [p.ring_words for p in self.passes[number + 1 :] if p.tap.ring is own.tap.ring and own.tap.later - p.tap.later < self.window]
        needed = min((max(words.start, own.ring_words.start) for words in later if words.stop > own.ring_words.start), default=own.ring_words.stop)
        kept = min(needed, own.ring_words.stop) - own.ring_words.start
        return kept if own.gather is not None or kept == len(own.ring_words) else 0


def place_weights(
    network: Network, config: Config, modes: Mapping[tuple[str, str], Mode], rings: Rings, layouts: Mapping[str, Layout], banding: Banding | None = None
) -> Weights:
    """Passes and weight words, component by component, population by population and band by band in the order of computation.

    Raises
    ------
    CompileError   for weights that do not fit the weight bits, sums that an accumulator cannot hold, more sums than there are accumulators, more
        weights than there is room for, and passes of which nobody reads a ring to its end.
    """
    banding = banding or place_bands(network, config, modes, layouts)
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
            order = projections_in_order(network, component, target.name)
            own = [_parts(p, scaled.stored[p], modes[p.source, p.target], layouts, banding, config) for p in order]
            for band, parts in zip(banding.bands[target.name], zip(*own, strict=True), strict=True):
                into.append([_Incoming(p, modes[p.source, p.target], part, band) for p, of_band in zip(order, parts, strict=True) for part in of_band])
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
                begins = (base + part.offset) % config.weight_words
                passes.append(PlacedPass(entry, rings.of_projection[p], base, begins, len(part.words), one_slot, part.walk, part.gather, incoming.band))
                if base == weight_base:
                    words.append(part.words)
                    weight_base += len(part.words)
        if execution is Execution.LOOP:
            loops.append(range(first, len(passes)))
    _check_bytes(passes, config)
    passes = [replace(placed, walk=walk) for placed, walk in zip(passes, balanced([p.walk for p in passes], [p.gather for p in passes]), strict=True)]
    image = np.concatenate(words)
    weights = Weights(tuple(passes), tuple(loops), shifts, image, WEIGHTS.claim(network, config, len(image)), config.window)
    _check_cleared(weights)
    return weights


def _parts(
    p: Projection, stored: Ints, mode: Mode, layouts: Mapping[str, Layout], banding: Banding, config: Config
) -> list[list[Part]]:
    """The passes of a projection for every band of its target."""
    kind, source, target, bands = kind_of(p), layouts[p.source], layouts[p.target], banding.bands[p.target]
    gathering = kind.gathered(p, stored, source, target, config) if p in banding.covers else None
    if gathering is not None:
        return gathering.parts(bands, banding.covers[p], config)
    parts = kind.parts(p, stored, source, target, mode, config)
    if len(bands) == 1:
        return [parts]
    return [[replace(part, blocks=band.blocks, offset=band.first * part.fan_in) for part in parts] for band in bands]


def _check_cleared(weights: Weights) -> None:
    """Refuse passes of which none can clear a word of a ring that others have read: its spikes would come again."""
    read: dict[Ring, set[int]] = {}
    cleared: dict[Ring, set[int]] = {}
    for number, placed in enumerate(weights.passes):
        words = placed.ring_words
        read.setdefault(placed.tap.ring, set()).update(words)
        cleared.setdefault(placed.tap.ring, set()).update(words[: weights.cleared(number)])
    for ring, words in read.items():
        if left := words - cleared[ring]:
            targets = ", ".join(sorted({f"`{p.entry.target}`" for p in weights.passes if p.tap.ring is ring}))
            raise CompileError(
                f"population `{ring.source.name}`: no pass into {targets} reads its neurons {min(left) * RING_BITS}.. last and can forget their spikes, "
                "since one of these is computed in bands; use mode event for the projections from it"
            )


@dataclass(frozen=True, eq=False)
class _Incoming:
    """A part of a projection, before it has a place."""

    projection: Projection
    mode: Mode
    part: Part
    band: Band


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
