"""What a program costs, split up by layer and by projection, adds up to what devices count."""

import numpy as np
import pytest

import lifline
from lifline.arch.program import Mode
from lifline.driver.account import account
from lifline.driver.energy import energy_model
from lifline.driver.predict import predict, record_activity


def network() -> lifline.Network:
    rng, fires = np.random.default_rng(3), lifline.Neurons(threshold=60, decay_v=300)
    sizes = {"in": 48, "a": 24, "b": 20, "out": 10}
    pairs = [("in", "a"), ("a", "b"), ("in", "b"), ("b", "out")]
    return lifline.Network(
        name="three", output="out", state_bits=16,
        populations=[lifline.Population(name, (size,), None if name == "in" else fires) for name, size in sizes.items()],
        projections=[lifline.Projection(source=s, target=t, weights=rng.integers(-20, 40, (sizes[t], sizes[s]))) for s, t in pairs],
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    described = network()
    spikes = (np.random.default_rng(4).random((3, 20, 48)) < 0.2).astype(np.uint8)
    modes = {(p.source, p.target): "dense" if p.source == "a" else "event" for p in described.projections}
    program = lifline.compile_network(described, lifline.preset("tiny").replace(weight_words=1024), modes)
    activity = record_activity(described, spikes)
    return program, activity, account(program, activity)


def test_layers_and_the_rest_are_the_busy_cycles(found):
    program, activity, costs = found
    assert [int(c.busy_cycles) for c in predict(program, program.config, activity)] == costs.busy_cycles.tolist()
    assert costs.rest_cycles + sum(layer.cycles for layer in costs.layers) == pytest.approx(costs.cycles)
    assert costs.rest_microjoules + sum(layer.microjoules for layer in costs.layers) == pytest.approx(costs.microjoules)


def test_every_projection_is_counted_in_each_mode_and_chosen_in_one(found):
    program, _, costs = found
    assert {(p.source, p.target, p.mode) for p in costs.projections} == {(p.source, p.target, mode) for p in program.passes for mode in Mode}
    assert {(p.source, p.target, p.mode) for p in costs.projections if p.chosen} == {(p.source, p.target, p.mode) for p in program.passes}
    for layer in costs.layers:
        into = [p for p in costs.projections if p.target == layer.name and p.chosen]
        assert sum(p.cycles for p in into) == pytest.approx(layer.cycles)
        assert sum(p.microjoules for p in into) == pytest.approx(layer.microjoules)


def test_operations_do_not_depend_on_the_mode_and_weight_words_carry_them(found):
    program, activity, costs = found
    for p in costs.projections:
        spikes = activity.spikes[p.source].sum() / len(activity.steps)
        assert p.operations == pytest.approx(spikes * program.network.population(p.target).size)
        most = program.config.event_lanes if p.mode is Mode.EVENT else program.config.dense_lanes * program.config.window
        assert p.operations <= p.weight_reads * most
        assert p.microjoules == pytest.approx(
            energy_model(program.config).microjoules(program.config, cycles=p.cycles, weight_reads=p.weight_reads, operations=p.operations)
        )


def test_choices_show_the_cycles_of_both_modes(found):
    _, _, costs = found
    for choice in costs.choices:
        cycles = {p.mode: p.cycles for p in costs.projections if (p.source, p.target) == (choice.source, choice.target)}
        assert (choice.event, choice.dense) == (cycles[Mode.EVENT], cycles[Mode.DENSE])
        assert choice.mode is (Mode.DENSE if choice.source == "a" else Mode.EVENT)
