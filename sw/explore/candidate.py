"""One point of the search: a few choices, and the configuration that they make for a network."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import get_type_hints

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError, ConfigError
from lifline.arch.limits import RING_BITS
from lifline.arch.records import INPUT_END_OF_STEP
from lifline.boards.board import board
from lifline.compiler.scaling import scaled_weights
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.model import Network

DEEPEST, DEEPEST_MAPPED, MOST_MAPS = 65536, 8192, 1024
"""Largest depths that a configuration may have: of its memories, of those that maps reach, of the maps."""
SHIFTS = (0, 4)
"""Of weights, as in the presets."""
WIDEST_SUM = 24
DENSE_HEADROOM = 8
"""Bits of a dense sum above those of a weight, as in most presets."""
SPACED_WINDOW = 4
"""From this window on dense sums may be narrower than accumulators."""
MODES = ("throughput", "latency", "energy", "event")
"""By what execution modes are chosen, projection by projection; or event mode everywhere."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One point of the search.

    Attributes
    ----------
    board : by its name.   lanes, window, multipliers, weight_bits, state_bits : as in :class:`~lifline.arch.config.Config`.
    dense : whether there are dense lanes.   drain : their sums leave ``fast``, or through shift registers, which is ``small``.
    decay_bits : decays are multiples of 1/2^bits. The gateware has room for 12 in any case: fewer only say what it costs a network.
    delays : longest delay that is kept, in steps; longer ones become as long.
    modes : one of :data:`MODES`.   room : how many times the memory that the network needs there is, each depth rounded up to a power of two.
    """

    board: str
    lanes: int = 16
    dense: bool = True
    window: int = 8
    multipliers: int = 8
    weight_bits: int = 8
    state_bits: int = 18
    decay_bits: int = DECAY_BITS
    delays: int = 63
    drain: str = "small"
    modes: str = "throughput"
    room: int = 1

    def __post_init__(self) -> None:
        board(self.board)
        for name, low, high in (("decay_bits", 1, DECAY_BITS), ("delays", 0, 63), ("room", 1, 64)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name}={getattr(self, name)} of a candidate must be from {low} to {high}")
        for name, known in (("drain", ("fast", "small")), ("modes", MODES)):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}={getattr(self, name)} of a candidate must be one of {', '.join(known)}")

    def plain(self) -> Candidate:
        """The same accelerator with choices that have no effect on it at one value: multipliers beyond the lanes, drains and modes without dense lanes."""
        multipliers = min(self.multipliers, self.lanes, RING_BITS)
        same = dataclasses.replace(self, multipliers=multipliers)
        return same if self.dense else dataclasses.replace(same, drain="fast", modes="event")

    def __str__(self) -> str:
        """As ``lifline explore --candidate`` takes it."""
        values = ((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        return " ".join(f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values)

    @classmethod
    def parse(cls, text: str) -> Candidate:
        """The candidate that ``str`` wrote; what is not named has its default.

        Raises
        ------
        ConfigError   for what is no choice, or no value of it.
        """
        kinds, values = get_type_hints(cls), {}
        for part in text.split():
            name, equals, value = part.partition("=")
            if not equals or name not in kinds:
                raise ConfigError(f"`{part}` is no choice of a candidate: write one like lanes=16; there are {', '.join(kinds)}")
            if kinds[name] is int and not re.fullmatch(r"[0-9]{1,6}", value) or kinds[name] is bool and value not in ("true", "false"):
                raise ConfigError(f"{name}={value} of a candidate must be {'an integer' if kinds[name] is int else 'true or false'}")
            values[name] = int(value) if kinds[name] is int else value == "true" if kinds[name] is bool else value
        if "board" not in values:
            raise ConfigError(f"candidate `{text}` names no board: add one like board=ulx3s-25f")
        return cls(**values)

    def roomy(self, early_exit: bool, mapped: bool, neurons: int = 1, fan_in: int = 1) -> Config:
        """The configuration with the deepest memories that there can be.

        Raises
        ------
        ConfigError   if there is none with these choices.
        """
        choice = self.plain()
        lanes, window = choice.lanes, choice.window
        accumulator_bits = 18
        return Config(
            name="roomy", event_lanes=lanes, dense_lanes=lanes if choice.dense else 0, window=window, weight_bits=choice.weight_bits,
            accumulator_bits=accumulator_bits, state_bits=choice.state_bits, multipliers=choice.multipliers, max_delay=choice.delays,
            weight_words=DEEPEST_MAPPED if mapped else DEEPEST, max_neurons=ceil_div(neurons, lanes) * lanes, neuron_words=DEEPEST,
            ring_words=1 << min(INPUT_END_OF_STEP // RING_BITS * 2 * window, DEEPEST).bit_length() - 1, delay_entries=DEEPEST,
            list_entries=_depth(fan_in + RING_BITS, least=2 * RING_BITS), program_words=DEEPEST, input_words=256,
            output_words=_depth(2 * ceil_div(neurons + lanes, RING_BITS) + choice.multipliers + 1, least=256), weight_shifts=SHIFTS,
            memory_registers=choice.dense or board(choice.board).chip.family == "ecp5", early_exit=early_exit,
            drain_cycles=window if choice.dense and choice.drain == "small" else 1,
            dense_bits=_dense_bits(choice, accumulator_bits), map_words=MOST_MAPS if mapped else 0,
        )  # fmt: skip

    def roomy_for(self, network: Network) -> Config:
        """The configuration with the deepest memories, and with accumulators that hold every sum of ``network``.

        Raises
        ------
        ConfigError    if there is none.
        CompileError   if no accumulator is wide enough.
        """
        mapped = any(not isinstance(q.connection, FullyConnected) for q in network.projections)
        sizes = [ceil_div(p.size, self.lanes) * self.lanes for p in network.populations if p.neurons is not None]
        fan_in = max(q.source_size for q in network.projections)
        base = self.roomy(network.early_exit is not None, mapped, sum(sizes), fan_in)
        for bits in range(16, WIDEST_SUM + 1):
            config = base.replace(accumulator_bits=bits, dense_bits=_dense_bits(self, bits), name="roomy")
            try:
                for p in network.populations:
                    if p.neurons is not None:
                        scaled_weights(network, p, config)
            except CompileError:
                if bits == WIDEST_SUM:
                    raise
            else:
                return config
        raise AssertionError("the widest accumulator is tried last")

    def tight(self, roomy: Config, memory: dict[str, tuple[int, int]]) -> Config:
        """``roomy`` with memories that hold what a program needs, :attr:`room` times; the name is made of the hash."""
        fields = {"ring words": "ring_words", "weight words": "weight_words", "program words": "program_words", "neuron words": "neuron_words"}
        depths: dict[str, object] = {field: min(_depth(self.room * memory[name][0]), getattr(roomy, field)) for name, field in fields.items() if name in memory}
        if "delay entries" in memory:  # they are read in words of 32 neurons
            depths["delay_entries"] = _depth(self.room * memory["delay entries"][0], least=RING_BITS)
        if "map words" in memory:
            depths["map_words"] = min(_depth(self.room * memory["map words"][0]), MOST_MAPS)
        config = roomy.replace(**depths, name="tight")
        return config.replace(name=f"explored-{config.hash:08x}")


def _depth(words: int, least: int = 16) -> int:
    """The smallest depth of a memory that holds so many words."""
    return 1 << (max(words, least) - 1).bit_length()


def _dense_bits(candidate: Candidate, accumulator_bits: int) -> int:
    narrow = candidate.dense and candidate.window >= SPACED_WINDOW
    return min(accumulator_bits, candidate.weight_bits + DENSE_HEADROOM) if narrow else accumulator_bits
