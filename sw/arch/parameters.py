"""Every parameter of a configuration: its legal values and what it costs. Its meaning stands at :class:`~lifline.arch.config.Config`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .config import Config
from .layout import WORD_BITS
from .limits import MAX_BLOCKS, RING_BITS
from .maps import TABLES
from .records import INPUT_BITS


@dataclass(frozen=True)
class Parameter:
    """Legal values, and what a larger value costs or brings, in lookup tables, block RAM and cycles."""

    values: str
    costs: str


DEPTH = "a power of two from 16 to 65536"

PARAMETERS: dict[str, Parameter] = {
    "event_lanes": Parameter(
        "a power of two from 2 to 128",
        "an adder per lane, and weight and accumulator memories in proportion (their words are as wide); twice the lanes are half the blocks, and with them "
        "nearly half the cycles of a pass with many neurons",
    ),
    "dense_lanes": Parameter(
        "0, or event_lanes",
        "`window` sums of `dense_bits` per lane, 2,200 of the 7,600 lookup tables of `medium`; 0 leaves event mode only",
    ),
    "window": Parameter(
        "1, 2, 4, 8 or 16; at least 4 for dense_bits below accumulator_bits",
        "multiplies dense sums, and the accumulators that a population takes; rings of the input are two windows longer; dense mode reads a weight once per window instead of "
        "once per step, an answer comes up to a window later, and early exit is checked once per window",
    ),
    "weight_bits": Parameter(
        "8, 4 or 2; lanes * weight_bits a power of two or at least 32",
        "weight memory in proportion, dense sums a bit per bit; no cycles",
    ),
    "accumulator_bits": Parameter(
        "16 to 24",
        "accumulator memory in proportion, a bit of adder per lane; the compiler refuses layers whose sums could leave it",
    ),
    "state_bits": Parameter(
        "8 to 24; a network is defined for one of them",
        "neuron memory in proportion; update lanes in proportion, and beyond 18 bits more multipliers of the chip for each",
    ),
    "multipliers": Parameter(
        f"a power of two, at most the lanes and {RING_BITS}",
        "a multiplier of the chip and about 200 lookup tables each (`medium`); neurons updated per cycle: with few of them the update is longer than the passes",
    ),
    "max_delay": Parameter("0 to 63", "up to a bit per entry of the delay memory and of every counter of ring rows; no cycles"),
    "weight_words": Parameter(DEPTH, "weight memory: words of lanes * weight_bits bits"),
    "max_neurons": Parameter(
        f"a multiple of the lanes, at most {MAX_BLOCKS:,} times the lanes",
        "counters of rows and blocks, up to a bit for each doubling; output_words must hold a step of them",
    ),
    "neuron_words": Parameter(DEPTH, "neuron memory: words of multipliers * state_bits bits, one per state and row of neurons"),
    "ring_words": Parameter(
        DEPTH + "; the input neurons that fit must have numbers in input words",
        f"ring memory: words of {RING_BITS} bits, rings of all populations together",
    ),
    "delay_entries": Parameter(f"a power of two from {RING_BITS} to 65536", "delay memory: an entry of at most 6 bits per presynaptic neuron of each ring with axonal delays"),
    "list_entries": Parameter(
        f"a power of two from {2 * RING_BITS} to 65536",
        "list memory; the largest fan-in of a pass in dense mode, where larger layers take several passes; event mode scans smaller ones a step ahead",
    ),
    "program_words": Parameter(DEPTH, "program memory: words of 32 bits, 3 per pass, 8 or 9 with maps, besides populations and rings"),
    "input_words": Parameter("a power of two from 16 to 32768", "input buffer: words of 16 bits; the core waits less for a slow host"),
    "output_words": Parameter(
        "a power of two from 16 to 32768; room for a step of max_neurons",
        "output buffer: words of 32 bits; the core waits less for a slow host",
    ),
    "weight_shifts": Parameter(
        "up to 16 rising shifts from 0 to 15, the first 0",
        "a multiplexer in front of every update lane, a level per doubling of their number; weights of wider range",
    ),
    "memory_registers": Parameter(
        "true, or false without dense lanes",
        "true costs a register per bit that a memory gives and brings a faster clock; as many cycles",
    ),
    "early_exit": Parameter("true or false", "true costs a comparison of counts per update lane; a run can end before its last step"),
    "drain_cycles": Parameter(
        "a power of two up to the window; 1 without dense lanes",
        "larger: smaller, because shift registers replace a multiplexer, 1,500 tables on `medium` at 8; so many cycles per block in dense mode, 2 % there",
    ),
    "dense_bits": Parameter(
        "weight_bits + 2 to accumulator_bits; 0 or not given: accumulator_bits",
        "dense sums in proportion; each bit less halves the active presynaptic neurons that are added before a block is drained once more",
    ),
    "slot_words": Parameter(
        DEPTH + "; 0 or not given: the steps of a window times the blocks of max_neurons, rounded up",
        "accumulator memory: words of lanes * accumulator_bits bits; the compiler refuses populations that need more",
    ),
    "map_words": Parameter(
        "0, or a power of two from 16 to 1024; then weight_words up to 8192 and slot_words up to 2048",
        "three memories of 32-bit words, four multipliers of the chip and 340 lookup tables (`conv`), with dense lanes 520 more and a memory of list_entries pointers; "
        "without maps no convolution, pooling or shortcut",
    ),
}
"""By name, in the order of the fields."""


def memories(config: Config) -> dict[str, int]:
    """Bits of every memory whose size a configuration chooses."""
    return {
        "weights": config.weight_words * config.weight_word_bits,
        "accumulators": config.slot_words * config.lanes * config.accumulator_bits,
        "neurons": config.neuron_words * config.multipliers * config.state_bits,
        "rings": config.ring_words * RING_BITS,
        "program": config.program_words * WORD_BITS,
        "input": config.input_words * INPUT_BITS,
        "output": config.output_words * WORD_BITS,
        "maps": TABLES * config.map_words * WORD_BITS,
    }


def meanings() -> dict[str, str]:
    """Name -> meaning of every parameter, from the docstring of :class:`~lifline.arch.config.Config`."""
    text = (Config.__doc__ or "").partition("----------")[2]
    found: dict[str, str] = {}
    for names, meaning in re.findall(r"^    (\w+(?:, \w+)*) : (.*?)(?=^    \w+(?:, \w+)* : |\Z)", text, re.MULTILINE | re.DOTALL):
        found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
    return found
