"""One frozen object holds every parameter of a gateware build; presets are instances of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import ConfigError
from .limits import MAX_FAN_IN, MAX_SOURCE_WORDS, RING_BITS
from .maps import INDEX_BITS
from .rules import rules
from .values import integer, plain_fields, short, text

LONGEST_NAME = 60
"""Longest name that a replaced configuration gets from its changes."""

INTERFACE_VERSION = 10
"""Raised whenever program layout, registers or frames change meaning."""


def ceil_div(a: int, b: int) -> int:
    """Smallest integer not below ``a / b``."""
    return -(-a // b)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Parameters of the gateware (run-time parameters live in the program instead).

    Attributes
    ----------
    event_lanes, dense_lanes : postsynaptic neurons per block; equal, or ``dense_lanes == 0`` for an event-only core.
    window : time steps per window, ``W``.
    weight_bits : signed weight width (8, 4 or 2).
    accumulator_bits : ``A``; the compiler proves that no sum leaves it.
    state_bits : ``S``; membrane, current, threshold and bias width.
    multipliers : neurons updated per cycle (one *row*); divides the lanes and 32.
    max_delay : largest delay in steps.
    weight_words : depth of the weight memory; one word holds one weight per lane.
    max_neurons : neurons besides inputs, and of one population.
    neuron_words : depth of the neuron memory; one word holds one state value per multiplier.
    ring_words : depth of the memory of all delay rings, in words of 32 neurons.
    delay_entries : depth of the memory of axonal delays, one entry per presynaptic neuron.
    list_entries : depth of the list of active presynaptic neurons.
    program_words, input_words, output_words : depths of program memory and of the host's two buffers.
    weight_shifts : the left shifts ``ws`` that the hardware offers; starts with 0.
    memory_registers : whether words read from memories pass a register before they are used. Without, the gateware is smaller and its
        clock slower; it takes as many cycles.
    early_exit : whether a run can stop by itself once an output neuron leads by enough spikes.
    drain_cycles : accumulators of a dense lane that leave through one shift register, which takes as many cycles from accumulation
        for every block. A power of two up to the window. 1 is fastest, the window is smallest: no multiplexer collects the sums.
    dense_bits : width of a dense sum, at most ``A``, which it is if not given or 0. A narrower one is added to the accumulators whenever
        :attr:`dense_entries` active presynaptic neurons have been added to it, so that it cannot overflow.
    slot_words : depth of the accumulator memory, in slots: one sum per lane. A population to which a single pass adds, in event mode, takes a slot per
        block, any other a slot per block and step of the window, or is computed step by step if there are too few. If not given or 0, as many as
        the largest population takes.
    map_words : depth of each of the three map tables, which convolutions, pooling and shortcuts need; 0: there are none, nor taps of rings. With dense lanes
        there is a memory of ``list_entries`` pointers beside them, for convolutions in dense mode.
    """

    name: str
    event_lanes: int
    dense_lanes: int
    window: int
    weight_bits: int = 8
    accumulator_bits: int
    state_bits: int
    multipliers: int
    max_delay: int
    weight_words: int
    max_neurons: int
    neuron_words: int
    ring_words: int
    delay_entries: int
    list_entries: int
    program_words: int = 512
    input_words: int = 1024
    output_words: int = 512
    weight_shifts: tuple[int, ...] = (0, 4)
    memory_registers: bool = True
    early_exit: bool = True
    drain_cycles: int = 1
    dense_bits: int = 0
    slot_words: int = 0
    map_words: int = 0

    def __post_init__(self) -> None:
        self._check_types()
        for holds, rule in rules(self):
            if not holds:
                raise ConfigError(f"configuration `{self.name}`: {rule}")

    def _check_types(self) -> None:
        """Fields become plain integers, truth values and texts."""
        text(self.name, "the name of a configuration:", ConfigError)
        plain_fields(self, f"configuration `{self.name}`: ", ConfigError)
        if not isinstance(self.weight_shifts, Iterable):
            raise ConfigError(f"configuration `{self.name}`: weight_shifts {short(self.weight_shifts)} must be integers like (0, 4)")
        shifts = tuple(integer(s, f"configuration `{self.name}`: weight_shifts", ConfigError) for s in self.weight_shifts)
        object.__setattr__(self, "weight_shifts", shifts)
        if not self.dense_bits:
            object.__setattr__(self, "dense_bits", self.accumulator_bits)
        if not self.slot_words:
            object.__setattr__(self, "slot_words", self._slots_of_a_window())

    @property
    def lanes(self) -> int:
        """Postsynaptic neurons per block and weights per weight word."""
        return self.event_lanes

    @property
    def weight_word_bits(self) -> int:
        return self.lanes * self.weight_bits

    @property
    def weight_bytes(self) -> int:
        return self.weight_words * self.weight_word_bits // 8

    @property
    def max_blocks(self) -> int:
        """Blocks of the largest single population."""
        return ceil_div(self.max_neurons, self.lanes)

    @property
    def rows_per_block(self) -> int:
        return self.lanes // self.multipliers

    @property
    def max_rows(self) -> int:
        return self.max_blocks * self.rows_per_block

    @property
    def max_ring_rows(self) -> int:
        """Rows of the longest delay ring: the input's is written a window ahead."""
        return self.max_delay + 2 * self.window

    @property
    def max_groups(self) -> int:
        """Groups of 32 neurons that the update and the router go through at most."""
        return ceil_div(self.max_neurons, RING_BITS)

    @property
    def max_source_words(self) -> int:
        """Groups of 32 neurons that a scan goes through at most."""
        return ceil_div(self.max_fan_in, RING_BITS)

    @property
    def reserved_output_words(self) -> int:
        """Output words that must be free before a step of the largest population is updated: two per word of spikes, and beside them a row
        of state and its header."""
        return 2 * ceil_div(self.max_neurons, RING_BITS) + self.multipliers + 1

    @property
    def overlapping_words(self) -> int:
        """Words of 32 neurons of the largest population whose spikes are recorded and of which the next step may be updated while those of this
        one are routed: two output words for each, of both steps, must fit."""
        return self.output_words // 4

    @property
    def max_input_neurons(self) -> int:
        """Neurons of the largest input whose delay ring fits."""
        return self.ring_words // (2 * self.window) * RING_BITS

    @property
    def state_max(self) -> int:
        """``M = 2^(S-1) - 1``; saturation is symmetric."""
        return (1 << (self.state_bits - 1)) - 1

    @property
    def weight_min(self) -> int:
        return -(1 << (self.weight_bits - 1))

    @property
    def weight_max(self) -> int:
        return (1 << (self.weight_bits - 1)) - 1

    @property
    def accumulator_max(self) -> int:
        return (1 << (self.accumulator_bits - 1)) - 1

    @property
    def event_fan_in(self) -> int:
        """Presynaptic neurons per pass in event mode: as many as have a weight word and a ring; the scanner waits for the list."""
        return min(max(self.weight_words, RING_BITS), self.ring_words // self.window * RING_BITS, MAX_SOURCE_WORDS * RING_BITS, MAX_FAN_IN)

    @property
    def dense_fan_in(self) -> int:
        """Presynaptic neurons per pass in dense mode."""
        return min(self.list_entries, MAX_SOURCE_WORDS * RING_BITS, MAX_FAN_IN)

    @property
    def mapped_fan_in(self) -> int:
        """Presynaptic neurons of one pass with maps, which need no weight words of their own; 0 without maps."""
        if not self.map_words:
            return 0
        return min(self.ring_words // self.window * RING_BITS, MAX_SOURCE_WORDS * RING_BITS, 1 << INDEX_BITS)

    @property
    def gathers(self) -> bool:
        """Whether there are GATHER_PASSes: convolutions in dense mode."""
        return self.map_words > 0 and self.dense_lanes > 0

    @property
    def vectors(self) -> bool:
        """Whether the entries of passes with maps can be blocks of presynaptic neurons: a block is then a part of a ring word."""
        return self.map_words > 0 and self.lanes <= RING_BITS

    @property
    def listed_fan_in(self) -> int:
        """Presynaptic neurons of one pass in event mode, with maps or without."""
        return max(self.event_fan_in, self.mapped_fan_in)

    @property
    def max_fan_in(self) -> int:
        """Presynaptic neurons of one pass in either mode."""
        return max(self.listed_fan_in, self.dense_fan_in)

    @property
    def packed_input(self) -> bool:
        """Whether steps of the input can come with a bit per neuron. Event-only configurations have no cells to spare, nor a layer that many spikes are cheap for."""
        return self.dense_lanes > 0

    @property
    def words_ahead(self) -> int:
        """Words of presynaptic neurons that an event pass scans a step ahead at most: all of them can be active and fit the list."""
        return self.list_entries // RING_BITS - 1

    @property
    def dense_entries(self) -> int:
        """Active presynaptic neurons that a dense sum takes before it is added to the accumulators; 0: as many as there are."""
        return 0 if self.dense_bits == self.accumulator_bits else 1 << (self.dense_bits - self.weight_bits)

    def canonical(self) -> str:
        """JSON text of every parameter but the name: equal text means interchangeable gateware."""
        values = dataclasses.asdict(self)
        del values["name"]
        if not self.map_words:
            del values["map_words"]
        values["interface_version"] = INTERFACE_VERSION
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> int:
        """32 bits that identify the configuration; a device reports them and a program carries them."""
        return int.from_bytes(hashlib.sha256(self.canonical().encode()).digest()[:4], "little")

    def _slots_of_a_window(self) -> int:
        """Slots for every step of a window and every block of the largest population, as a power of two: what ``slot_words`` is if not given."""
        slots = self.window * ceil_div(self.max_neurons, max(self.event_lanes, 1))  # the rules have not looked at the lanes yet
        return max(16, 1 << (max(slots, 1) - 1).bit_length())

    def replace(self, **changes: object) -> Config:
        """A copy with some parameters changed, validated again. Without a ``name`` it says what was changed, like ``medium+window=16``.

        ``slot_words`` follows the others, unless it is given here or was chosen before.
        """
        if self.slot_words == self._slots_of_a_window():
            changes = {"slot_words": 0} | changes
        config = dataclasses.replace(self, **changes)  # type: ignore[arg-type]
        return config if "name" in changes or config.hash == self.hash else dataclasses.replace(config, name=_name_of_changes(self, config))


def _name_of_changes(base: Config, config: Config) -> str:
    """The name of what ``config`` was before all its changes, and the parameters that differ; their hash if they are many."""
    start = base.name.partition("+")[0]
    origin = PRESETS.get(start)
    if origin is None:
        start, origin = base.name, base
    followed = {"name"} | ({"slot_words"} if config.slot_words == config._slots_of_a_window() else set())  # nobody chose them
    differ = [f.name for f in dataclasses.fields(Config) if f.name not in followed and getattr(config, f.name) != getattr(origin, f.name)]
    texts = [f"{name}={','.join(map(str, v)) if isinstance(v := getattr(config, name), tuple) else v}" for name in differ]
    name = "+".join([start, *texts])
    return name if len(name) <= LONGEST_NAME else f"{start}+{config.hash:08x}"


PRESETS: dict[str, Config] = {
    c.name: c
    for c in (
        Config(
            name="tiny", event_lanes=4, dense_lanes=4, window=4, accumulator_bits=16, state_bits=16, multipliers=2, max_delay=7,
            weight_words=512, max_neurons=64, neuron_words=256, ring_words=128, delay_entries=64, list_entries=128,
            program_words=256, input_words=256, output_words=256, weight_shifts=(0, 1, 2, 3), drain_cycles=2, dense_bits=11,
        ),
        Config(
            name="small", event_lanes=8, dense_lanes=0, window=4, accumulator_bits=16, state_bits=16, multipliers=1, max_delay=15,
            weight_words=16384, max_neurons=512, neuron_words=512, ring_words=512, delay_entries=1024, list_entries=512,
            program_words=256, input_words=256, output_words=256, weight_shifts=(0, 4), memory_registers=False, early_exit=False,
        ),
        Config(
            name="medium", event_lanes=16, dense_lanes=16, window=8, accumulator_bits=18, state_bits=18, multipliers=8, max_delay=63,
            weight_words=4096, max_neurons=1024, neuron_words=512, ring_words=2048, delay_entries=2048, list_entries=1024,
            drain_cycles=8, dense_bits=16,
        ),
        Config(
            name="large", event_lanes=64, dense_lanes=64, window=8, accumulator_bits=18, state_bits=18, multipliers=32, max_delay=63,
            weight_words=4096, max_neurons=4096, neuron_words=512, ring_words=4096, delay_entries=4096, list_entries=2048,
            dense_bits=16,
        ),
        Config(
            name="wide", event_lanes=64, dense_lanes=0, window=8, accumulator_bits=16, state_bits=16, multipliers=16, max_delay=63,
            weight_words=4096, max_neurons=4096, neuron_words=1024, ring_words=4096, delay_entries=4096, list_entries=2048,
            early_exit=False,
        ),
        Config(
            name="loihi", event_lanes=16, dense_lanes=16, window=8, accumulator_bits=24, state_bits=24, multipliers=8, max_delay=63,
            weight_words=16384, max_neurons=2048, neuron_words=2048, ring_words=4096, delay_entries=4096, list_entries=2048,
            program_words=1024, weight_shifts=tuple(range(16)), drain_cycles=8, dense_bits=16,
        ),
        Config(
            name="conv", event_lanes=16, dense_lanes=16, window=8, accumulator_bits=18, state_bits=18, multipliers=8, max_delay=63,
            weight_words=2048, max_neurons=8192, neuron_words=1024, ring_words=4096, delay_entries=1024, list_entries=1024,
            program_words=1024, output_words=1024, drain_cycles=8, dense_bits=16, slot_words=512, map_words=512,
        ),
        Config(
            name="conv85", event_lanes=32, dense_lanes=32, window=8, accumulator_bits=18, state_bits=18, multipliers=16, max_delay=63,
            weight_words=4096, max_neurons=16384, neuron_words=2048, ring_words=16384, delay_entries=4096, list_entries=2048,
            program_words=2048, output_words=2048, drain_cycles=8, dense_bits=16, slot_words=1024, map_words=512,
        ),
    )
}  # fmt: skip
"""The configurations that are built, tested and measured; see the table in ``docs/``."""


def preset(name: str) -> Config:
    """Look up a preset.

    Raises
    ------
    ConfigError   if there is no such preset; the message lists those that exist.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"no configuration `{name}`; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
