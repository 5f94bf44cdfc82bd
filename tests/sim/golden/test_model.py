"""The golden model against the per-step reference, over random networks with every option."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.config import preset
from lifline.arch.errors import CompileError, InputError, NetworkError
from lifline.compiler.compile import compile_network
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection, ResetRule
from lifline.network.result import VARIABLES
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes
from lifline.sim.random.variants import VARIANTS

from ..reference import reference_run

ALL = [f"all.{variable}" for variable in VARIABLES]
SEEDS = st.integers(0, 2**32 - 1)


def draw(seed: int, *, config: str = "tiny", **options: bool):
    rng = np.random.default_rng(seed)
    return rng, random_network(rng, config=VARIANTS[config] if config in VARIANTS else preset(config), max_inputs=12, max_size=2 if config == "maps" else 6, **options)


def single(neurons: Neurons, weights, *, state_bits: int = 16, **options) -> Network:
    """Input -> one population ``n``."""
    weights = np.atleast_2d(weights)
    return Network(
        name="single",
        populations=(Population("input", (weights.shape[1],)), Population("n", (weights.shape[0],), neurons)),
        projections=(Projection(source="input", target="n", weights=weights, **options),),
        output="n",
        state_bits=state_bits,
    )


def assert_equals_reference(network: Network, spikes) -> None:
    full = GoldenModel(network).run(spikes, record=ALL)
    model = GoldenModel(network, threads=1)
    plain = model.run(spikes)
    for b, train in enumerate(spikes):
        trace, counters, steps, exited = reference_run(network, train)
        assert (full.steps[b], full.exited[b]) == (plain.steps[b], plain.exited[b]) == (steps, exited)
        for p in network.populations:
            if p.neurons is None:
                continue
            for variable in VARIABLES:
                recorded = full.records[p.name][variable][b]
                assert recorded[:steps].tolist() == trace[p.name][variable], (p.name, variable)
                assert not recorded[steps:].any()
            for variable, values in model.state(p.name).items():
                if variable != "count":
                    assert values[b].tolist() == trace[p.name][variable][-1], (p.name, variable)
            for result in (full, plain):
                assert {name: getattr(result.counters[p.name], name)[b] for name in counters[p.name]} == counters[p.name]
        assert plain.output_spikes[b, :steps].tolist() == trace[network.output]["spikes"]


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS, recurrent=st.booleans(), graded=st.booleans(), synaptic=st.booleans(), sparse=st.booleans(),
    config=st.sampled_from(["tiny", "medium", "loihi", "maps"]),
)  # fmt: skip
def test_equals_the_reference_on_random_networks(seed: int, recurrent: bool, graded: bool, synaptic: bool, sparse: bool, config: str) -> None:
    rng, network = draw(seed, recurrent=recurrent, graded=graded, synaptic=synaptic, sparse=sparse, config=config)
    assert_equals_reference(network, np.stack([random_spikes(rng, network, 14) for _ in range(2)]))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, cut=st.integers(1, 29), recurrent=st.booleans(), graded=st.booleans(), synaptic=st.booleans())
def test_a_run_cut_anywhere_continues_exactly(seed: int, cut: int, recurrent: bool, graded: bool, synaptic: bool) -> None:
    rng, network = draw(seed, recurrent=recurrent, graded=graded, synaptic=synaptic, config="maps" if seed % 4 == 0 else "tiny")
    spikes = np.stack([random_spikes(rng, network, 30) for _ in range(3)])
    whole = GoldenModel(network).run(spikes, record=ALL)
    model = GoldenModel(network)
    first = model.run(spikes[:, :cut], record=ALL)
    if first.exited.any():
        assert (first.steps[first.exited] == whole.steps[first.exited]).all()
        return
    second = model.run(spikes[:, cut:], reset=False, record=ALL)
    assert (second.steps + cut == whole.steps).all() and (second.exited == whole.exited).all()
    for name, variables in whole.records.items():
        for variable, values in variables.items():
            assert np.array_equal(np.concatenate([first.records[name][variable], second.records[name][variable]], axis=1), values)
        for what in ("spikes", "budget_hits", "saturations"):
            parts = (getattr(r.counters[name], what) for r in (first, second))
            assert np.array_equal(sum(parts), getattr(whole.counters[name], what))


@pytest.mark.parametrize("largest", [1, 100, 127, 128, 32767])
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3, 1.0])
def test_synaptic_input_is_the_matrix_product(largest: int, rate: float) -> None:
    rng = np.random.default_rng(largest)
    weights = rng.choice([-largest, 0, largest], (33, 300))
    weights[0] = largest  # the largest sum there can be
    spikes = (rng.random((2, 9, 300)) < rate).astype(np.uint8)
    result = GoldenModel(single(Neurons(cap=0), weights, weight_shift=3)).run(spikes, record="n.x")
    assert np.array_equal(result.records["n"]["x"], (spikes.astype(np.int64) @ weights.T) << 3)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, recurrent=st.booleans())
def test_synaptic_delays_that_agree_are_axonal(seed: int, recurrent: bool) -> None:
    rng, network = draw(seed, recurrent=recurrent)
    copies = [dataclasses.replace(p, delays=p.delay_matrix()) for p in network.projections]
    repeated = network.replace(projections=copies)
    assert not any(p.synaptic for p in copies)
    spikes = random_spikes(rng, network, 20)
    one, other = (GoldenModel(n).run(spikes, record=ALL) for n in (network, repeated))
    for name, variables in one.records.items():
        for variable, values in variables.items():
            assert np.array_equal(values, other.records[name][variable])


def test_a_spike_arrives_at_each_synapse_in_its_own_step() -> None:
    spikes = np.zeros((8, 2), np.uint8)
    spikes[1] = 1
    network = single(Neurons(cap=0), [[3, -5], [7, 2]], weight_shift=1, delays=np.array([[0, 4], [6, 4]]))
    x = GoldenModel(network).run(spikes, record="n.x").records["n"]["x"][0]
    expected = np.zeros((8, 2), int)
    expected[1, 0], expected[5, 0], expected[5, 1], expected[7, 1] = 6, -10, 4, 14
    assert np.array_equal(x, expected)


def test_the_compiler_refuses_synaptic_delays_by_name_and_takes_those_that_agree() -> None:
    delays = np.array([[0, 4], [6, 4]])
    neurons, weights = Neurons(cap=0), [[3, -5], [7, 2]]
    with pytest.raises(CompileError, match=r"input -> n has synaptic delays \(up to 6 steps\).*AxonalDelays"):
        compile_network(single(neurons, weights, delays=delays), preset("tiny"))
    compile_network(single(neurons, weights, delays=delays[[1, 1]]), preset("tiny"))


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    reset=st.sampled_from(ResetRule),
    strict=st.booleans(),
    decay_v=st.sampled_from([0, 100, 1000, 4096]),
    v_min=st.sampled_from([None, 0, -40]),
    shift=st.integers(0, 4),
)
def test_fast_and_general_update_agree(
    seed: int, reset: ResetRule, strict: bool, decay_v: int, v_min: int | None, shift: int
) -> None:
    rng = np.random.default_rng(seed)
    neurons = Neurons(
        threshold=rng.integers(1, 100, 7), bias=rng.integers(-30, 30, 7), reset=reset, strict=strict, decay_v=decay_v, v_min=v_min,
        v_reset=int(rng.integers(-40, 90)) if v_min is None else 0,
    )  # fmt: skip
    network = single(neurons, rng.integers(-20, 20, (7, 5)), state_bits=8, weight_shift=shift)
    spikes = rng.integers(0, 2, (3, 20, 5))
    fast, general = GoldenModel(network), GoldenModel(network)
    one, other = fast.run(spikes), general.run(spikes, record="n.v")
    assert np.array_equal(one.output_spikes, other.output_spikes)
    assert one.counters["n"].saturations.tolist() == other.counters["n"].saturations.tolist()
    for name, values in fast.state("n").items():
        assert np.array_equal(values, general.state("n")[name]), name


def test_random_networks_meet_every_corner() -> None:
    met = dict.fromkeys(("spikes", "budget_hits", "saturations", "exits", "read-outs", "clamps"), 0)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        network = random_network(rng, config=preset("tiny"))
        result = GoldenModel(network).run(random_spikes(rng, network, 60), record="all.v")
        met["exits"] += bool(result.exited[0])
        met["read-outs"] += result.v_max is not None
        for name, counters in result.counters.items():
            neurons = network.population(name).neurons
            met["clamps"] += neurons.v_min is not None and bool((result.records[name]["v"] == neurons.v_min).any())
            for what in ("spikes", "budget_hits", "saturations"):
                met[what] += int(getattr(counters, what)[0] > 0)
    assert min(met.values()) >= 3, met


def test_large_batches_in_threads_equal_single_items() -> None:
    rng, network = draw(5)
    spikes = np.stack([random_spikes(rng, network, 12) for _ in range(150)])
    together = GoldenModel(network, threads=3).run(spikes, record="all.v")
    for b in (0, 63, 64, 149):
        alone = GoldenModel(network).run(spikes[b], record="all.v")
        assert np.array_equal(alone.output_spikes[0], together.output_spikes[b])


def test_long_runs_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, network = draw(11, recurrent=True)
    spikes = random_spikes(rng, network, 50)
    whole = GoldenModel(network).run(spikes, record=ALL)
    monkeypatch.setattr("lifline.sim.golden.model.SLICE_VALUES", 60)
    parts = GoldenModel(network).run(spikes, record=ALL)
    assert np.array_equal(whole.records["output"]["v"], parts.records["output"]["v"])


@pytest.mark.parametrize(
    ("reset", "expected_v"),
    [
        (ResetRule.NOW_VALUE, [6, -1, 5]),
        (ResetRule.NOW_SUBTRACT, [6, 2, 8]),
        (ResetRule.LATE_VALUE, [6, 12, 5]),
        (ResetRule.LATE_SUBTRACT, [6, 12, 8]),
    ],
)
def test_reset_rules_by_hand(reset: ResetRule, expected_v: list[int]) -> None:
    network = single(Neurons(threshold=10, reset=reset, v_reset=-1), [[6]])
    result = GoldenModel(network).run(np.ones((3, 1), np.uint8), record=["n.v", "n"])
    assert result.records["n"]["v"][0, :, 0].tolist() == expected_v
    assert result.records["n"]["spikes"][0, :, 0].tolist() == [0, 1, 0]
    assert result.first_spike.tolist() == [[1]]


@pytest.mark.parametrize(("strict", "expected"), [(True, [0, 1]), (False, [1, 1])])
def test_strictness_decides_equality(strict: bool, expected: list[int]) -> None:
    network = single(Neurons(threshold=5, strict=strict), [[5]])
    assert GoldenModel(network).run(np.ones((2, 1), np.uint8)).output_spikes[0, :, 0].tolist() == expected


def test_decay_rounds_toward_zero() -> None:
    network = single(Neurons(cap=0, decay_v=2048), [[7], [-7]])
    spikes = np.array([[1], [0], [0]], np.uint8)
    assert GoldenModel(network).run(spikes, record="n.v").records["n"]["v"][0].tolist() == [[7, -7], [3, -3], [1, -1]]


def test_without_current_only_the_membrane_saturates() -> None:
    network = single(Neurons(cap=0, bias=-100), [[127]], weight_shift=2, state_bits=8)
    result = GoldenModel(network).run(np.ones((1, 1), np.uint8), record=["n.i", "n.v"])
    assert result.records["n"]["i"].item() == 508 and result.records["n"]["v"].item() == 127
    assert result.counters["n"].saturations.tolist() == [1]


def test_current_and_membrane_saturate_and_count_apart() -> None:
    network = single(Neurons(cap=0, decay_i=0, bias=100), [[127]], weight_shift=2, state_bits=8)
    result = GoldenModel(network).run(np.ones((2, 1), np.uint8), record=["n.i", "n.v"])
    assert result.records["n"]["i"].ravel().tolist() == [127, 127]
    assert result.counters["n"].saturations.tolist() == [4]


def test_a_budget_suppresses_spikes_and_still_resets() -> None:
    network = single(Neurons(threshold=5, budget=2), [[6]])
    result = GoldenModel(network).run(np.ones((4, 1), np.uint8), record="n.v")
    assert result.output_spikes[0, :, 0].tolist() == [1, 1, 0, 0]
    assert not result.records["n"]["v"].any()
    assert result.counters["n"].budget_hits.tolist() == [2] and result.spike_counts.tolist() == [[2]]


def test_several_spikes_per_step_up_to_the_cap() -> None:
    network = single(Neurons(threshold=5, cap=3, reset=ResetRule.NOW_SUBTRACT), [[11], [100]])
    result = GoldenModel(network).run(np.ones((1, 1), np.uint8), record="n.v")
    assert result.output_spikes.tolist() == [[[2, 3]]] and result.records["n"]["v"].tolist() == [[[1, 85]]]


def test_axonal_delays_shift_each_source() -> None:
    network = single(Neurons(cap=0, decay_v=4096), [[1, 10]], delays=[0, 2])
    spikes = np.array([[1, 1], [0, 0], [0, 0], [0, 0]], np.uint8)
    assert GoldenModel(network).run(spikes, record="n.x").records["n"]["x"][0, :, 0].tolist() == [1, 0, 10, 0]


def exit_network(margin: int) -> Network:
    network = single(Neurons(threshold=5), [[6, 0], [0, 6]])
    return network.replace(early_exit=EarlyExit(every=2, margin=margin))


def test_early_exit_stops_items_one_by_one() -> None:
    spikes = np.zeros((3, 8, 2), np.uint8)
    spikes[0, :, 0] = 1  # leads by 2 after 2 steps
    spikes[1, 3:, 1] = 1  # leads by 1 after 4, by 3 after 6
    result = GoldenModel(exit_network(1)).run(spikes)
    assert result.steps.tolist() == [2, 6, 8] and result.exited.tolist() == [True, True, False]
    assert result.prediction.tolist() == [0, 1, 0] and not result.output_spikes[0, 2:].any()


def test_early_exit_counts_from_the_reset_and_continues_items_at_different_steps() -> None:
    spikes = np.zeros((2, 3, 2), np.uint8)
    spikes[0, :, 0] = 1
    model = GoldenModel(exit_network(1))
    assert model.run(spikes).steps.tolist() == [2, 3]
    spikes[1, :, 1] = 1
    result = model.run(spikes, reset=False)  # item 0 stands at step 2, item 1 at step 3
    assert result.steps.tolist() == [2, 3] and result.exited.tolist() == [True, True]


def test_early_exit_with_one_output_compares_with_zero() -> None:
    network = single(Neurons(threshold=5), [[6]]).replace(early_exit=EarlyExit(every=1, margin=2))
    assert GoldenModel(network).run(np.ones((9, 1), np.uint8)).steps.tolist() == [3]


def test_a_read_out_gives_last_maximum_and_sum() -> None:
    network = single(Neurons(cap=0), [[3, -5], [3, -5]])
    result = GoldenModel(network).run(np.array([[1, 0], [1, 0], [0, 1]], np.uint8))
    assert result.v_last.tolist() == [[1, 1]] and result.v_max.tolist() == [[6, 6]] and result.v_sum.tolist() == [[10, 10]]
    assert result.prediction.tolist() == [0] and result.spike_counts.tolist() == [[0, 0]]


def test_state_can_be_read_between_runs() -> None:
    model = GoldenModel(single(Neurons(threshold=50), [[6]]))
    assert model.state("n") == {}
    model.run(np.ones((2, 1), np.uint8))
    assert model.state("n")["v"].tolist() == [[12]]
    with pytest.raises(NetworkError, match="no population `x`"):
        model.state("x")


def test_a_continued_run_keeps_its_batch_size() -> None:
    model = GoldenModel(single(Neurons(threshold=5), [[6]]))
    model.run(np.ones((2, 4, 1), np.uint8))
    with pytest.raises(InputError, match="batch size 2"):
        model.run(np.ones((3, 4, 1), np.uint8), reset=False)


@pytest.mark.parametrize(("record", "message"), [("n.w", "no population `n.w`|no variable"), ("m.v", "no population `m`")])
def test_unknown_records_are_refused(record: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        GoldenModel(single(Neurons(threshold=5), [[6]])).run(np.ones((2, 1), np.uint8), record=record)


def test_random_networks_that_cannot_fit_are_reported() -> None:
    with pytest.raises(ValueError, match="no random network"):
        random_network(np.random.default_rng(0), config=preset("tiny").replace(neuron_words=16))
