"""The neuron memory: shared words, rows, and parameters that each neuron has for itself."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.compiler.neurons import NeuronMemory, place_neurons
from lifline.compiler.places import layout_by_population
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection

TINY = preset("tiny")
HIDDEN = Neurons(threshold=[10, 11, 12, 13, 14], bias=7)


def network(**options: object) -> Network:
    populations = (Population("in", (2,)), Population("hidden", (5,), HIDDEN), Population("out", (2,), Neurons(threshold=9)))
    ends = (("in", "hidden", 5, 2), ("hidden", "out", 2, 5))
    return Network(
        name="net", state_bits=TINY.state_bits, output="out", populations=populations,
        projections=tuple(Projection(source=a, target=b, weights=np.ones((n, m), int)) for a, b, n, m in ends),
    ).replace(**options)  # fmt: skip


def placed(config: Config = TINY, **options: object) -> NeuronMemory:
    net = network(**options)
    return place_neurons(net, config, layout_by_population(net, TINY, None))


def test_populations_lie_one_behind_the_other() -> None:
    memory = placed()
    hidden, out = memory.populations
    assert (hidden.base, hidden.row_base, hidden.rows, hidden.row_words, hidden.end) == (0, 1, 3, 2, 7)
    assert (out.base, out.row_base, out.rows, out.row_words, out.end) == (7, 8, 1, 1, 9)
    assert memory.memory == {"neuron words": (9, TINY.neuron_words)} and memory.words.shape == (9, TINY.multipliers)
    assert memory.part("out", out.band) is out and memory.program_words == hidden.program.reserved_words + out.program.reserved_words


def test_what_all_neurons_share_is_stored_once_and_other_parameters_row_by_row() -> None:
    hidden, out = placed().populations
    assert hidden.program.words == {"v": 0, "theta": 1} and hidden.program.shared == [7]
    assert hidden.image().tolist() == [[7, 7], [0, 0], [10, 11], [0, 0], [12, 13], [0, 0], [14, 0]]
    assert out.image().tolist() == [[9, 9], [0, 0]]


@pytest.mark.parametrize(("size", "last"), [(1, 0b01), (2, 0b11), (3, 0b01), (4, 0b11)])
def test_neurons_of_the_last_row(size: int, last: int) -> None:
    net = network(populations=(Population("in", (2,)), Population("out", (size,), Neurons(threshold=9))), output="out",
                  projections=(Projection(source="in", target="out", weights=np.ones((size, 2), int)),))  # fmt: skip
    assert place_neurons(net, TINY, layout_by_population(net, TINY, None)).populations[0].last_row == last


def test_spikes_of_the_output_are_counted_for_early_exit_only() -> None:
    hidden, out = placed(early_exit=EarlyExit(4, 1)).populations
    assert out.program.exit_check is not None and "spike_count" in out.program.words and hidden.program.exit_check is None
    assert all(p.program.exit_check is None for p in placed().populations)


def test_more_neuron_words_than_there_are_name_the_need_of_the_whole_network() -> None:
    wide = network(populations=(Population("in", (2,)), Population("hidden", (41,), Neurons(threshold=9)), Population("out", (41,), Neurons(threshold=9))),
                   projections=(Projection(source="in", target="hidden", weights=np.ones((41, 2), int)),
                                Projection(source="hidden", target="out", weights=np.ones((41, 41), int))))  # fmt: skip
    config = TINY.replace(name="tight", neuron_words=16)
    with pytest.raises(CompileError, match="`net` needs 44 neuron words, `tight` has 16: use fewer or simpler neurons"):
        place_neurons(wide, config, layout_by_population(wide, TINY, None))
