"""Small configurations for verification: together they take every parameter of the gateware to more than one value."""

from __future__ import annotations

from lifline.arch.config import PRESETS, Config

_TINY = PRESETS["tiny"]

VARIANTS: dict[str, Config] = {
    c.name: c
    for c in (
        _TINY,
        _TINY.replace(name="window1", window=1, slot_words=16, max_delay=0, weight_shifts=(0,), drain_cycles=1, dense_bits=0),
        _TINY.replace(name="window2", window=2, slot_words=32, multipliers=4, max_delay=15, accumulator_bits=20, state_bits=20, drain_cycles=1, dense_bits=0),
        _TINY.replace(name="window16", window=16, event_lanes=8, dense_lanes=8, multipliers=8, ring_words=512, max_delay=63, drain_cycles=8, dense_bits=0, slot_words=128),
        _TINY.replace(name="event-only", dense_lanes=0, multipliers=1, neuron_words=1024, memory_registers=False, early_exit=False, drain_cycles=1),
        _TINY.replace(name="event-wide", slot_words=16, event_lanes=16, dense_lanes=0, multipliers=16, window=8, ring_words=256, state_bits=18, accumulator_bits=18, drain_cycles=1),
        _TINY.replace(name="narrow4", slot_words=32, event_lanes=8, dense_lanes=8, weight_bits=4, multipliers=4, state_bits=12, drain_cycles=4, dense_bits=9),
        _TINY.replace(name="narrow2", event_lanes=16, dense_lanes=16, weight_bits=2, window=8, multipliers=8, ring_words=256, state_bits=8, drain_cycles=8, dense_bits=8),
        _TINY.replace(
            name="wide-state", multipliers=4, accumulator_bits=24, state_bits=24, weight_shifts=tuple(range(16)), max_delay=31, ring_words=256,
            list_entries=64, program_words=512,
        ),
        _TINY.replace(name="short-list", slot_words=512, list_entries=64, ring_words=512, max_neurons=512, neuron_words=2048, weight_words=4096, max_delay=3, delay_entries=512),
        _TINY.replace(
            name="many-rows", slot_words=4096, event_lanes=8, dense_lanes=8, multipliers=8, window=2, max_neurons=8448, neuron_words=4096, weight_words=4096,
            output_words=1024, drain_cycles=1, dense_bits=0,
        ),
        _TINY.replace(
            name="maps", map_words=512, window=8, event_lanes=8, dense_lanes=8, multipliers=4, slot_words=64, weight_words=8192, max_neurons=2048, neuron_words=4096,
            ring_words=4096, max_delay=15, delay_entries=1024, program_words=1024,
        ),
    )
}  # fmt: skip
"""By name; at most twelve, because each is compiled before it runs."""
