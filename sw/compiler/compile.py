"""Network -> program for one gateware configuration: allocation and images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import RING_BITS, Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import (
    INSTRUCTION,
    MAX_RINGS,
    PASS_0,
    PASS_1,
    PASS_2,
    PASS_WORDS,
    POPULATION_0,
    POPULATION_1,
    POPULATION_2,
    POPULATION_3,
    POPULATION_4,
    POPULATION_5,
    POPULATION_6,
    POPULATION_WORDS,
    RING_0,
    RING_1,
    RING_WORDS,
    Mode,
    Opcode,
)
from lifline.arch.registers import INPUT_RING_ROWS_SHIFT, INPUT_RING_UNIFORM_BIT, Space
from lifline.arch.values import short
from lifline.network.model import Network, Population, ResetRule

from .checks import ModeChoice, check_supported, mode_by_projection, scaled_weights
from .microcode import build
from .program import Program, ProgramPass, ProgramPopulation


@dataclass
class _Ring:
    """One delay ring: a source population and one delay vector."""

    source: Population
    delays: NDArray[np.int64]
    rows: int
    base: int = 0
    entry: int = 0
    address: int = 0

    @property
    def uniform(self) -> bool:
        return bool((self.delays == self.delays[0]).all())

    @property
    def words(self) -> int:
        return ceil_div(self.source.size, RING_BITS)


def compile_network(network: Network, config: Config, modes: ModeChoice = Mode.EVENT) -> Program:
    """Compile with a given mode for all projections, or one per projection ``(source, target)``: ``"event"``, ``"dense"`` or a :class:`Mode`.

    See :func:`lifline.driver.choose.compile_auto` for the choice by measured activity.

    Raises
    ------
    CompileError   if the network cannot run on this configuration; the message names the layer, the need and the limit.
    """
    if not isinstance(network, Network) or not isinstance(config, Config):
        raise CompileError(f"give a network and a configuration, like `lifline.preset('medium')`; not {short(network)} and {short(config)}")
    check_supported(network, config)
    chosen = mode_by_projection(network, config, modes)

    order = [network.population(n) for n in network.order if network.population(n).neurons is not None]
    memory: dict[str, tuple[int, int]] = {}

    def claim(what: str, used: int, limit: int, unit: str, hint: str) -> None:
        memory[what] = (used, limit)
        if used > limit:
            raise CompileError(f"network `{network.name}` needs {used:,} {unit}, `{config.name}` has {limit:,}: {hint}")

    # Delay rings.
    rings: dict[str, list[_Ring]] = {p.name: [] for p in network.populations}
    ring_of: dict[tuple[str, str], _Ring] = {}
    for p in network.projections:
        source = network.population(p.source)
        delays = p.delay_vector()
        ring = next((r for r in rings[p.source] if (r.delays == delays).all()), None)
        if ring is None:
            rows = int(delays.max()) + config.window * (2 if source.neurons is None else 1)
            ring = _Ring(source, delays, rows)
            rings[p.source].append(ring)
        ring_of[p.source, p.target] = ring
    for name, own in rings.items():
        limit = 1 if name == network.input.name else MAX_RINGS
        if len(own) > limit:
            raise CompileError(
                f"population `{name}` has {len(own)} different delay vectors on its outgoing projections, this gateware has {limit}; "
                "share delays between projections"
            )
    ring_words = entries = 0
    for ring in (r for own in rings.values() for r in own):
        ring.base = ring_words
        ring_words += ring.rows * ring.words
        if not ring.uniform:
            ring.entry = entries
            entries += ring.words * RING_BITS
    claim("ring words", ring_words, config.ring_words, "words of 32 for delay rings", "shorten delays or use a larger configuration")
    claim("delay entries", entries, config.delay_entries, "axonal delays", "use uniform delays on some projections or a larger configuration")

    # Weights and passes.
    weight_words = 0
    weight_image: list[NDArray[np.int64]] = []
    passes: list[tuple[ProgramPass, int, _Ring, int]] = []
    shifts: dict[str, int] = {}
    for target in order:
        shifts[target.name], weights = scaled_weights(network, target, config)
        blocks = ceil_div(target.size, config.lanes)
        projections = network.projections_into(target.name)
        for p in projections:
            mode = chosen[p.source, p.target]
            limit = config.dense_fan_in if mode is Mode.DENSE else config.event_fan_in
            limit -= limit % RING_BITS
            size = p.weights.shape[1]
            for first in range(0, size, limit):
                fan_in = min(limit, size - first)
                last = p is projections[-1] and first + fan_in == size
                padded = np.zeros((blocks * config.lanes, fan_in), np.int64)
                padded[: target.size] = weights[p.source][:, first : first + fan_in]
                weight_image.append(padded.reshape(blocks, config.lanes, fan_in).transpose(0, 2, 1).reshape(-1, config.lanes))
                entry = ProgramPass(p.source, target.name, mode, first, fan_in, blocks, last)
                passes.append((entry, weight_words, ring_of[p.source, target.name], first))
                weight_words += blocks * fan_in
    if weight_words > config.weight_words:
        sizes = {f"`{e.target}`": 0 for e, *_ in passes}
        for e, *_ in passes:
            sizes[f"`{e.target}`"] += e.blocks * e.fan_in * config.weight_word_bits // 8
        detail = ", ".join(f"layer {name} needs {size:,} weight bytes" for name, size in sizes.items())
        total = weight_words * config.weight_word_bits // 8
        raise CompileError(
            f"{detail}: together {total:,}, `{config.name}` has {config.weight_bytes:,}; use a larger configuration, fewer neurons "
            "or fewer weight bits"
        )
    claim("weight words", weight_words, config.weight_words, "weight words", "use a larger configuration")
    image = np.concatenate(weight_image)

    # Program: passes, then the end with the ring descriptors.
    micro = {p.name: build(p, config, count_spikes=network.early_exit is not None and p.name == network.output) for p in order}
    length = 1 + sum(len(POPULATION_WORDS) * e.updates + len(PASS_WORDS) for e, *_ in passes) + sum(m.reserved_words for m in micro.values())
    all_rings = [r for own in rings.values() for r in own]
    for ring in all_rings:
        ring.address = length
        length += len(RING_WORDS)
    # The sequencer always loads MAX_RINGS descriptors.
    claim("program words", length + len(RING_WORDS) * MAX_RINGS, config.program_words, "program words", "use fewer layers")
    words = np.zeros(length + len(RING_WORDS) * MAX_RINGS, np.uint32)
    neurons = np.zeros((config.neuron_words, config.multipliers), np.int64)
    pc = neuron_base = 0
    populations: list[ProgramPopulation] = []

    def emit(word: int) -> None:
        nonlocal pc
        words[pc] = word
        pc += 1

    for k, (entry, weight_base, ring, first) in enumerate(passes):
        emit(
            PASS_0.pack(
                source_words=ceil_div(entry.fan_in, RING_BITS), blocks=entry.blocks, mode=entry.mode,
                clear=_clears(k, passes), update=entry.updates, reserved=0, opcode=Opcode.PASS,
            )
        )  # fmt: skip
        emit(PASS_1.pack(ring_base=ring.base + first // RING_BITS * ring.rows, ring=ring.address))
        emit(PASS_2.pack(weight_base=weight_base, fan_in=entry.fan_in))
        if not entry.updates:
            continue
        population, program = network.population(entry.target), micro[entry.target]
        model = population.neurons
        assert model is not None
        rows, row_words = ceil_div(population.size, config.multipliers), len(program.words)
        row_base = neuron_base + len(program.shared)
        claim("neuron words", row_base + rows * row_words, config.neuron_words, "neuron words", "use fewer or simpler neurons")
        for offset, value in enumerate(program.shared):
            neurons[neuron_base + offset] = value
        for name, values in program.initial.items():
            filled = np.zeros(rows * config.multipliers, np.int64)
            filled[: population.size] = values
            neurons[row_base + program.words[name] : row_base + rows * row_words : row_words] = filled.reshape(rows, -1)
        own = rings[entry.target] if model.cap > 0 else []  # a read-out's rings stay empty
        now = model.reset in (ResetRule.NOW_VALUE, ResetRule.NOW_SUBTRACT)
        address = pc
        number = len(populations)
        last = population.size - (rows - 1) * config.multipliers
        emit(POPULATION_0.pack(rows=rows, row_words=row_words, neuron_base=neuron_base, reserved=0))
        emit(
            POPULATION_1.pack(
                prologue=len(program.prologue), update=len(program.update), record=0, shift=shifts[entry.target],
                non_strict=not model.strict, reset_now=now, reset_subtract=model.reset is ResetRule.NOW_SUBTRACT,
                record_spikes=0, rings=len(own), population=number, reserved=0,
            )
        )  # fmt: skip
        emit(
            POPULATION_2.pack(factor_v=DECAY_ONE - model.decay_v, factor_i=DECAY_ONE - model.decay_i, micro_words=program.reserved_words)
        )
        emit(POPULATION_3.pack(v_reset=model.v_reset))
        emit(POPULATION_4.pack(v_min=-config.state_max if model.v_min is None else model.v_min))
        ring_address = own[0].address if own else all_rings[0].address
        emit(POPULATION_5.pack(ring=ring_address, exit_check=program.exit_check is not None, reserved=0))
        emit(POPULATION_6.pack(last_row=(1 << last) - 1))
        for _ in range(len(POPULATION_WORDS) - 7):
            emit(0)
        micro_base = pc
        operations = program.prologue + program.update + ([program.exit_check] if program.exit_check else [])
        for operation in operations:
            emit(operation.word())
        pc = micro_base + program.reserved_words
        populations.append(
            ProgramPopulation(
                number, population.name, population.size, rows, row_words, row_base, address, dict(program.words), micro_base,
                len(program.prologue), len(program.update), {v: op.word() for v, op in program.record.items()},
                program.exit_check.word() if program.exit_check else None, model.cap > 0,
            )
        )  # fmt: skip
        neuron_base = row_base + rows * row_words
    emit(INSTRUCTION.pack(argument=len(all_rings), opcode=Opcode.END))
    delays = np.zeros(max(entries, 1), np.uint32)
    for ring in all_rings:
        emit(RING_0.pack(base=ring.base, rows=ring.rows, head=0))
        emit(RING_1.pack(delay=int(ring.delays[0]) if ring.uniform else ring.entry, uniform=ring.uniform, reserved=0))
        if not ring.uniform:
            delays[ring.entry : ring.entry + len(ring.delays)] = ring.delays
    entrance = rings[network.input.name][0] if rings[network.input.name] else None
    if entrance is None:
        raise CompileError(f"the input `{network.input.name}` projects to nothing")
    exit_ = network.early_exit
    return Program(
        network=network,
        config=config,
        images={
            Space.PROGRAM: words,
            Space.WEIGHTS: pack_lanes(image, config.weight_bits),
            Space.NEURONS: (neurons[:neuron_base].reshape(-1) & 0xFFFFFFFF).astype(np.uint32),
            Space.DELAYS: delays,
        },
        registers={
            "ring_clear_words": ring_words,
            "input_neurons": network.input.size,
            "input_ring_base": entrance.base,
            "input_ring": (
                (int(entrance.delays[0]) if entrance.uniform else entrance.entry)
                | entrance.uniform << INPUT_RING_UNIFORM_BIT
                | entrance.rows << INPUT_RING_ROWS_SHIFT
            ),
            "exit_every": 0 if exit_ is None else exit_.every,
            "exit_margin": 0 if exit_ is None else exit_.margin,
        },
        populations=tuple(populations),
        passes=tuple(e for e, *_ in passes),
        memory=memory,
    )


def _clears(k: int, passes: list[tuple[ProgramPass, int, _Ring, int]]) -> bool:
    """Whether pass ``k`` is the last to read its part of its ring in a window."""
    entry, _, ring, first = passes[k]
    mine = range(first, first + entry.fan_in)
    for later, _, other, start in passes[k + 1 :]:
        if other is ring and start < mine.stop and start + later.fan_in > mine.start:
            return False
    return True


def pack_lanes(values: NDArray[np.int64], bits: int) -> NDArray[np.uint32]:
    """Pack rows of signed lane values, lane 0 lowest, into little-endian 32-bit words, row by row."""
    unsigned = (values & ((1 << bits) - 1)).astype(np.uint32)
    per_word = min(WORD_BITS // bits, values.shape[1])
    grouped = unsigned.reshape(values.shape[0], -1, per_word)
    return np.bitwise_or.reduce(grouped << (np.arange(per_word, dtype=np.uint32) * bits), axis=2).reshape(-1)
