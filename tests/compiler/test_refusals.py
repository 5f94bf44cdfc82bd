"""What a configuration cannot run is refused by name, with its limit and a way out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import CompileError, ProgramError
from lifline.arch.program import Mode
from lifline.arch.records import RECORD
from lifline.arch.registers import EXIT_BITS
from lifline.compiler.compile import compile_network
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection

SMALL = preset("small")


def network(inputs: int = 8, outputs: int = 5, weight: int = 1, delay: int = 0, **options: object) -> Network:
    return Network(
        name="net", state_bits=SMALL.state_bits, output="out",
        populations=(Population("in", (inputs,)), Population("out", (outputs,), Neurons(threshold=30, decay_v=100))),
        projections=(Projection(source="in", target="out", weights=np.full((outputs, inputs), weight), delays=np.full(inputs, delay)),),
    ).replace(**options)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (network(early_exit=EarlyExit(4, 1)), "`net` exits early, which `small` is built without; use `medium`"),
        (network(delay=SMALL.max_delay + 1), f"in -> out: delay {SMALL.max_delay + 1} exceeds {SMALL.max_delay}, the largest of `small`"),
        (network(outputs=SMALL.max_neurons + 1), f"{SMALL.max_neurons + 1} neurons besides inputs, `small` has {SMALL.max_neurons}"),
        (network(inputs=1000, outputs=504), "layer `out` needs 504,000 weight bytes: together 504,000, `small` has 131,072"),
        (network(inputs=300, weight=127), "its input sum can reach 38100, the accumulator of `small` holds 32767"),
        (network(weight=129), "do not fit 8 bits with one of the shifts"),
        (network(state_bits=18), "defined for 18 state bits, `small` has 16"),
    ],
)
def test_refused(asked: Network, message: str) -> None:
    with pytest.raises(CompileError) as refusal:
        compile_network(asked, SMALL)
    assert message in str(refusal.value)


def test_dense_on_an_event_only_core() -> None:
    with pytest.raises(CompileError, match="`small` has no dense lanes; use mode event"):
        compile_network(network(), SMALL, Mode.DENSE)


def test_modes_have_names() -> None:
    tiny, asked = preset("tiny"), network()
    for mode in (Mode.DENSE, "dense", "DENSE", {("in", "out"): "dense"}, {("in", "out"): Mode.DENSE}):
        assert [p.mode for p in compile_network(asked, tiny, mode).passes] == [Mode.DENSE]  # type: ignore[arg-type]
    assert [p.mode for p in compile_network(asked, tiny, "event").passes] == [Mode.EVENT]
    with pytest.raises(CompileError, match="`small` has no dense lanes; use mode event"):
        compile_network(asked, SMALL, "dense")


@pytest.mark.parametrize("mode", ["sparse", "", "auto", None, 1, 1.0, True, {("in", "out"): 7}, {("in", "out"): None}, {}, {("out", "in"): "dense"}])
def test_what_is_no_mode_is_named(mode: object) -> None:
    for net in (network(), network().replace(state_bits=16)):  # other presets have as many, and no other modes
        with pytest.raises(CompileError, match="must be event or dense|no entry for the projection") as refused:
            compile_network(net, preset("tiny"), mode)  # type: ignore[arg-type]
        assert "fits" not in str(refused.value)


@pytest.mark.parametrize(("net", "config"), [(None, SMALL), (network(), "small"), ("net", None)])
def test_what_is_no_network_or_configuration_is_named(net: object, config: object) -> None:
    with pytest.raises(CompileError, match="give a network and a configuration"):
        compile_network(net, config)  # type: ignore[arg-type]


def test_a_population_of_more_rows_than_a_program_can_name() -> None:
    config = SMALL.replace(name="tall", max_neurons=4104, neuron_words=16384, output_words=1024, slot_words=512)
    with pytest.raises(CompileError, match=r"`out` has 4097 neurons, `tall` updates at most 4096 .*\(4096 rows of 1\)"):
        compile_network(network(outputs=4097), config)
    compile_network(network(outputs=4096), config)


def test_largest_delay_and_sum_compile() -> None:
    compile_network(network(delay=SMALL.max_delay), SMALL)
    compile_network(network(inputs=258, weight=127), SMALL)


def test_program_for_another_configuration() -> None:
    with pytest.raises(ProgramError, match="small"):
        compile_network(network(), SMALL).check_config(preset("medium"))


def test_comparisons_for_early_exit_are_at_most_as_far_apart_as_the_counter_tells() -> None:
    tiny = preset("tiny")
    most = (1 << EXIT_BITS) - tiny.window
    compile_network(network(early_exit=EarlyExit(most, 1)), tiny)
    with pytest.raises(CompileError, match=f"every {1 << EXIT_BITS} steps: the gateware counts to {(1 << EXIT_BITS) - 1}"):
        compile_network(network(early_exit=EarlyExit(1 << EXIT_BITS, 1)), tiny)


def test_as_many_populations_as_records_can_name() -> None:
    config = preset("tiny").replace(name="many", program_words=8192, neuron_words=4096, max_neurons=256, ring_words=4096, output_words=1024)
    most = 1 << RECORD["population"].width

    def chain(length: int) -> Network:
        names = ["in", *(f"p{k}" for k in range(length))]
        return network(
            populations=(Population("in", (1,)), *(Population(name, (1,), Neurons(threshold=1)) for name in names[1:])),
            projections=tuple(Projection(source=a, target=b, weights=np.ones((1, 1), int)) for a, b in itertools.pairwise(names)),
            output=names[-1],
        )

    assert len(compile_network(chain(most), config).populations) == most
    with pytest.raises(CompileError, match=f"{most + 1} populations besides the input, records can name {most}"):
        compile_network(chain(most + 1), config)
