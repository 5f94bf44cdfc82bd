"""A network description becomes a trainable network that computes the same integers, and can be trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection  # noqa: E402
from lifline.sim.golden.model import GoldenModel  # noqa: E402

from .random_connections import random_layers  # noqa: E402
from .random_modules import random_module  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)


def assert_same(first: Network, second: Network) -> None:
    """Everything that decides what is computed."""
    for p, q in zip(first.populations, second.populations, strict=True):
        assert (p.name, p.shape) == (q.name, q.shape)
        if p.neurons is not None and q.neurons is not None:
            fields = ["decay_v", "decay_i", "reset", "v_reset", "strict", "cap", "v_min", "bias"] + (["threshold", "budget"] if p.neurons.cap else [])
            for name in fields:
                np.testing.assert_array_equal(getattr(p.neurons, name), getattr(q.neurons, name), err_msg=f"{p.name}.{name}")
    assert sorted(p.source for p in first.projections) == sorted(q.source for q in second.projections)
    for p in first.populations:
        for a, b in zip(first.projections_into(p.name), second.projections_into(p.name), strict=True):
            assert (a.source, a.connection, a.weight_shift) == (b.source, b.connection, b.weight_shift)
            np.testing.assert_array_equal(a.weights, b.weights)
            np.testing.assert_array_equal(a.delay_matrix(), b.delay_matrix())


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from(["layers", "loops", "matrices"]), st.booleans())
def test_integers_come_back(seed: int, kind: str, learn: bool) -> None:
    net, _ = random_module(seed, synaptic=True, recurrent=True) if kind == "matrices" else random_layers(seed, recurrent=kind == "loops")
    network = net.to_network()
    again = train.from_network(network, weight_bits=8, learn_delays=learn, learn_decay=learn, learn_threshold=learn)
    assert_same(network, again.to_network())


def small(**changes: object) -> Network:
    neurons = Neurons(**{"threshold": [700, 900], "decay_v": 512, "bias": 3, **changes})
    return Network(
        name="imported",
        output="out",
        populations=(Population("in", (2, 5)), Population("out", (2, 1), neurons)),
        projections=(
            Projection(source="in", target="out", weights=np.arange(-10, 10).reshape(2, 2, 5), weight_shift=4, connection=train.Convolution(), delays=[1, 4]),
            Projection(source="in", target="out", weights=np.full((2, 10), 3), weight_shift=5, delays=2),
        ),
    )


def test_different_shifts_into_one_population_are_brought_to_the_smaller() -> None:
    network = small()
    again = train.from_network(network)
    assert [p.weight_shift for p in again.to_network().projections] == [4, 4]
    spikes = (np.random.default_rng(0).random((3, 20, 10)) < 0.4).astype(np.uint8)
    expected = GoldenModel(network).run(spikes, record=["out.v"])
    assert expected.output_spikes.any()
    np.testing.assert_array_equal(again(torch.from_numpy(spikes).float(), keep_stored=True).stored["out"].detach(), expected.records["out"]["v"])


def test_a_convolution_of_a_sum_stays_one_set_of_weights() -> None:
    """Two shortcuts into one population, as a sum is imported; a third projection has other weights, a fourth the same into another population."""
    rng, neurons, same = np.random.default_rng(0), Neurons(threshold=60), train.Convolution(padding=1)
    shared, other = rng.integers(-20, 40, (2, 2, 2, 3))
    shape = (2, 6)
    network = Network(
        name="sum", output="d", populations=(Population("in", shape), *(Population(name, shape, neurons) for name in "abcd")),
        projections=tuple(
            Projection(source=source, target=target, weights=weights, weight_shift=1, connection=same)
            for source, target, weights in [("in", "a", other), ("in", "b", other), ("in", "c", shared), ("a", "c", shared), ("b", "c", other), ("c", "d", shared)]
        ),
    )  # fmt: skip
    net = train.from_network(network)
    assert_same(network, net.to_network())
    spikes = (rng.random((64, 8, 12)) < 0.4).astype(np.uint8)
    train.Trainer(epochs=2, learning_rate=0.05, progress=False).fit(net, spikes, rng.integers(0, 12, 64))
    after = {(p.source, p.target): p.weights for p in net.to_network().projections}
    np.testing.assert_array_equal(after["in", "c"], after["a", "c"])
    assert (after["in", "c"] != shared).any()
    assert (after["in", "c"] != after["c", "d"]).any() and (after["in", "a"] != after["in", "b"]).any()


def test_weights_that_do_not_fit_are_refused_by_name() -> None:
    with pytest.raises(train.TrainingError, match=r"in -> out has a weight of 10, the largest of 4 bits is 7"):
        train.from_network(small(), weight_bits=4)


def test_sums_that_fill_the_accumulator_are_refused_and_no_others() -> None:
    """Training would scale the population down: in the first network to a threshold of 997."""

    def network(inputs: int) -> Network:
        neurons = Neurons(threshold=1001, bias=77)
        return Network(
            name="full", populations=(Population("in", (inputs,)), Population("out", (1,), neurons)), output="out",
            projections=(Projection(source="in", target="out", weights=np.full((1, inputs), 127)),),
        )  # fmt: skip

    with pytest.raises(train.TrainingError, match="population `out`: its integers would change, as the sums into it come within half a unit"):
        train.from_network(network(1032))
    assert_same(network(1020), train.from_network(network(1020)).to_network())


def test_what_was_lost_is_learned_back() -> None:
    """Weights rounded to almost nothing: a few steps of training on the original's answers bring most of them back."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-7, 8, (4, 12))
    neurons = Neurons(threshold=100, decay_v=400)

    def network(w: np.ndarray) -> Network:
        return Network(
            name="n", output="out", populations=(Population("in", (12,)), Population("out", (4,), neurons)),
            projections=(Projection(source="in", target="out", weights=w, weight_shift=4),), early_exit=EarlyExit(4, 1000),
        )  # fmt: skip

    spikes = (rng.random((200, 10, 12)) < 0.3).astype(np.uint8)
    labels = GoldenModel(network(weights)).run(spikes).spike_counts.argmax(1)
    coarse = train.from_network(network(4 * np.sign(weights)), "medium", weight_bits=4)
    trainer = train.Trainer(epochs=20, learning_rate=2e-2, progress=False)
    before = trainer.accuracy(coarse, spikes, labels)
    trainer.fit(coarse, spikes, labels)
    assert trainer.accuracy(coarse, spikes, labels) > before + 0.1
