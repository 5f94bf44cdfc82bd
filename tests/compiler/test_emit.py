"""The program memory: every word where the one before points to, descriptors at the end, room for recording."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
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
from lifline.compiler.emit import ProgramMemory, emit
from lifline.compiler.maps import place_maps
from lifline.compiler.neurons import place_neurons
from lifline.compiler.places import layout_by_population
from lifline.compiler.rings import Rings, place_rings
from lifline.compiler.weights import place_weights
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule

TINY = preset("tiny").replace(list_entries=64)  # a dense pass takes 64 presynaptic neurons
OUT = Neurons(cap=0, decay_v=1000)
HIDDEN = Neurons(threshold=9, decay_v=100, decay_i=200, v_min=-3, strict=False, reset=ResetRule.NOW_SUBTRACT)


def network(out: Neurons = OUT) -> Network:
    """The input, 70 neurons in two passes; a hidden population; a read-out; another that the hidden one reaches later."""
    populations = (Population("in", (70,)), Population("hidden", (5,), HIDDEN), Population("late", (3,), HIDDEN), Population("out", (2,), out))
    ends = (("in", "hidden", 2), ("hidden", "late", 1), ("hidden", "out", np.arange(5)), ("late", "out", 0))
    sizes = {p.name: p.size for p in populations}
    return Network(
        name="net", state_bits=TINY.state_bits, output="out", populations=populations,
        projections=tuple(Projection(source=a, target=b, weights=np.ones((sizes[b], sizes[a]), int), delays=d) for a, b, d in ends),
    )  # fmt: skip


def emitted(net: Network, config: Config = TINY) -> tuple[ProgramMemory, Rings]:
    layouts = layout_by_population(net, config, None)
    rings = place_rings(net, config, layouts)
    modes = {(p.source, p.target): Mode.DENSE for p in net.projections}
    weights = place_weights(net, config, modes, rings, layouts)
    maps = place_maps(net, config, [(placed.where, placed.walk) for placed in weights.passes])
    return emit(net, config, rings, weights, maps, place_neurons(net, config, layouts)), rings


def test_passes_lead_to_populations_and_those_to_the_next_pass() -> None:
    program, _ = emitted(network())
    position, updated, passes = 0, [], 0
    while INSTRUCTION.unpack(int(program.words[position]))["opcode"] == Opcode.PASS:
        head = PASS_0.unpack(int(program.words[position]))
        position, passes = position + len(PASS_WORDS), passes + 1
        if head["update"]:
            assert program.populations[len(updated)].address == position
            updated.append(program.populations[len(updated)].name)
            position += len(POPULATION_WORDS) + POPULATION_2.unpack(int(program.words[position + 2]))["micro_words"]
    assert passes == 5 and updated == ["hidden", "late", "out"] and [p.number for p in program.populations] == [0, 1, 2]
    assert INSTRUCTION.unpack(int(program.words[position])) == {"opcode": Opcode.END, "argument": 4, "flag": 0}


def test_descriptors_follow_the_end_and_are_what_passes_and_populations_point_to() -> None:
    program, rings = emitted(network())
    words = [int(word) for word in program.words]
    where = [len(words) - (len(rings.all) + MAX_RINGS - k) * len(RING_WORDS) for k in range(len(rings.all))]
    for ring, address in zip(rings.all, where, strict=True):
        assert RING_0.unpack(words[address]) == {"base": ring.base, "rows": ring.rows, "tap": 0, "head": 0}
        assert RING_1.unpack(words[address + 1]) == {"delay": ring.delay, "uniform": ring.uniform, "period": ring.period, "reserved": 0}
    assert not any(words[where[-1] + len(RING_WORDS) :]), "the sequencer loads as many descriptors as it has from the last one on"
    second = len(PASS_WORDS)
    assert PASS_1.unpack(words[second + 1]) == {"ring": where[0], "ring_base": 2 * rings.all[0].rows}, "neuron 64 is two words of 32 behind"
    assert PASS_2.unpack(words[second + 2]) == {"weight_base": 128, "fan_in": 6}
    found = {p.name: (POPULATION_1.unpack(words[p.address + 1])["rings"], POPULATION_5.unpack(words[p.address + 5])["ring"]) for p in program.populations}
    assert found == {"hidden": (2, where[1]), "late": (1, where[3]), "out": (0, where[0])}


def test_a_population_without_spikes_writes_no_ring() -> None:
    net = network()
    silent = net.replace(populations=tuple(Population("late", (3,), OUT) if p.name == "late" else p for p in net.populations))
    program, rings = emitted(silent)
    late = program.populations[1]
    assert len(rings.of_population("late")) == 1 and not late.fires
    assert POPULATION_1.unpack(int(program.words[late.address + 1]))["rings"] == 0


def test_population_words_say_what_the_neurons_are() -> None:
    program, _ = emitted(network())
    words, hidden, out = program.words, program.populations[0], program.populations[2]

    def word(population: int, number: int) -> dict[str, int]:
        return POPULATION_WORDS[number].unpack(int(words[program.populations[population].address + number]))

    one, two = word(0, 1), word(0, 2)
    assert (one["non_strict"], one["reset_now"], one["reset_subtract"], one["record"], one["record_spikes"]) == (1, 1, 1, 0, 0)
    assert (two["factor_v"], two["factor_i"]) == (4096 - 100, 4096 - 200)
    assert word(0, 0) == {"rows": 3, "neuron_base": hidden.row_base - 1}
    assert POPULATION_4.unpack(int(words[hidden.address + 4])) == {"v_min": -3} and word(2, 4) == {"v_min": -TINY.state_max}
    assert POPULATION_6.unpack(int(words[hidden.address + 6])) == {"last_row": 1} and word(2, 6) == {"last_row": 3}
    assert POPULATION_0.unpack(int(words[out.address]))["rows"] == 1
    assert all(word(k, n) == {field: 0} for k in range(3) for n, field in ((7, "spikes"), (8, "budget_hits"), (9, "saturations")))


def test_a_microprogram_has_room_for_every_operation_that_records() -> None:
    program, _ = emitted(network())
    for population in program.populations:
        reserved = POPULATION_2.unpack(int(program.words[population.address + 2]))["micro_words"]
        used = population.prologue + population.update
        assert population.micro_base == population.address + len(POPULATION_WORDS) and reserved == used + len(population.record)
        assert not program.words[population.micro_base + used : population.micro_base + reserved].any()


def test_a_program_that_does_not_fit_is_refused() -> None:
    program, _ = emitted(network())
    assert program.memory == {"program words": (len(program.words), TINY.program_words)}
    with pytest.raises(CompileError, match=f"`net` needs {len(program.words)} program words, `tight` has 64: use fewer layers"):
        emitted(network(), TINY.replace(name="tight", program_words=64))
