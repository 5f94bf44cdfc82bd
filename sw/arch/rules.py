"""What every configuration of the gateware must obey, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .limits import MAX_BLOCKS, RING_BITS
from .maps import MAP
from .program import PASS_5
from .records import INPUT_END_OF_STEP
from .timing import ACCUMULATE_SPACING

if TYPE_CHECKING:
    from .config import Config


def power_of_two(n: int) -> bool:
    return n > 0 and n & (n - 1) == 0


def rules(config: Config) -> Iterator[tuple[bool, str]]:
    """Whether each rule holds, and the rule with the values that it is about; one that is read may rely on those before it."""
    lanes = config.event_lanes
    yield (config.memory_registers or not config.dense_lanes, "memory_registers=False is for event-only configurations: set dense_lanes=0")
    yield (power_of_two(lanes) and 2 <= lanes <= 128, f"event_lanes={lanes} must be a power of two from 2 to 128")
    yield (config.dense_lanes in (0, lanes), f"dense_lanes={config.dense_lanes} must be 0 or equal event_lanes={lanes}")
    yield (config.window in (1, 2, 4, 8, 16), f"window={config.window} must be 1, 2, 4, 8 or 16")
    yield (
        power_of_two(config.drain_cycles) and config.drain_cycles <= config.window and (config.dense_lanes > 0 or config.drain_cycles == 1),
        f"drain_cycles={config.drain_cycles} must be a power of two up to window={config.window}, and 1 without dense lanes",
    )
    yield (config.weight_bits in (2, 4, 8), f"weight_bits={config.weight_bits} must be 2, 4 or 8")
    yield (lanes * config.weight_bits >= 32 or power_of_two(lanes * config.weight_bits), "weight word width must be a power of two")
    yield (16 <= config.accumulator_bits <= 24, f"accumulator_bits={config.accumulator_bits} must be 16..24")
    yield (
        config.weight_bits + 2 <= config.dense_bits <= config.accumulator_bits,
        f"dense_bits={config.dense_bits} must be from weight_bits + 2 to accumulator_bits={config.accumulator_bits}",
    )
    yield (
        config.window >= ACCUMULATE_SPACING or config.dense_bits == config.accumulator_bits or not config.dense_lanes,
        f"dense_bits={config.dense_bits} below accumulator_bits={config.accumulator_bits} needs a window of at least {ACCUMULATE_SPACING} steps",
    )
    yield (8 <= config.state_bits <= 24, f"state_bits={config.state_bits} must be 8..24")
    yield (
        power_of_two(config.multipliers) and config.multipliers <= min(lanes, RING_BITS),
        f"multipliers={config.multipliers} must be a power of two, at most the lanes and {RING_BITS}",
    )
    yield (0 <= config.max_delay <= 63, f"max_delay={config.max_delay} must be 0..63")
    for field in ("weight_words", "slot_words", "neuron_words", "ring_words", "delay_entries", "list_entries", "program_words", "input_words", "output_words"):
        value = getattr(config, field)
        yield (power_of_two(value) and 16 <= value <= 65536, f"{field}={value} must be a power of two from 16 to 65536")
    yield (
        config.delay_entries >= RING_BITS,
        f"delay_entries={config.delay_entries} must be at least {RING_BITS}: the router reads the delays of a word of {RING_BITS} neurons",
    )
    most = 1 << PASS_5["table_0"].width
    yield (
        config.map_words == 0 or (power_of_two(config.map_words) and 16 <= config.map_words <= most),
        f"map_words={config.map_words} must be 0, or a power of two from 16 to {most}",
    )
    for field, part in (("weight_words", "weight"), ("slot_words", "slot")):
        value, reached = getattr(config, field), 1 << MAP[part].width
        yield (config.map_words == 0 or value <= reached, f"{field}={value} with map_words={config.map_words} must be at most {reached}: map words reach no more")
    for field in ("input_words", "output_words"):
        yield (getattr(config, field) <= 32768, f"{field}={getattr(config, field)} must be at most 32768")
    yield (
        config.max_neurons % lanes == 0 and config.max_blocks <= MAX_BLOCKS,
        f"max_neurons={config.max_neurons} must be a multiple of {lanes} lanes, at most {MAX_BLOCKS} blocks",
    )
    yield (
        config.list_entries >= 2 * RING_BITS,
        f"list_entries={config.list_entries} must be at least {2 * RING_BITS}: a word of {RING_BITS} neurons is listed beside the entries in use",
    )
    yield (
        config.max_input_neurons <= INPUT_END_OF_STEP,
        f"ring_words={config.ring_words} with window={config.window} have room for {config.max_input_neurons} input neurons, and an input word can "
        f"name {INPUT_END_OF_STEP}: use at most {INPUT_END_OF_STEP // RING_BITS * 2 * config.window} ring words",
    )
    reserved = config.reserved_output_words
    yield (
        reserved <= config.output_words,
        f"max_neurons={config.max_neurons} with multipliers={config.multipliers} can need room for {reserved} output words in one step, and "
        f"output_words={config.output_words} are fewer: use more output words or fewer neurons",
    )
    yield (
        len(config.weight_shifts) <= 16
        and config.weight_shifts[:1] == (0,)
        and all(0 <= s <= 15 for s in config.weight_shifts)
        and list(config.weight_shifts) == sorted(set(config.weight_shifts)),
        f"weight_shifts={config.weight_shifts} must rise from 0 to at most 15",
    )
