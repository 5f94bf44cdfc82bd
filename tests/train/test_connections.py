"""Convolution, pooling and shortcuts in training: the connection's matrix, the golden model's integers, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.sim.golden.model import GoldenModel  # noqa: E402
from lifline.train.projection import TrainableProjection  # noqa: E402

from .random_connections import fitting, random_layers, random_shape  # noqa: E402
from .test_exact import assert_exact  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_synaptic_input_is_the_product_with_the_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = random_shape(rng)
    connection, kernel, target = fitting(rng, source)
    learned = bool(rng.integers(2))
    p = TrainableProjection("a", "b", source, target, train.FixedDelays(), connection, kernel, learned, gain=1, weight=1, weights_of=None)
    weights = rng.integers(-127, 128, p.synapses.weight_shape)
    spikes = rng.integers(0, 3, (2, 3, int(np.prod(source))))
    found = p.synaptic_input(torch.from_numpy(spikes).float(), torch.from_numpy(weights).float())
    np.testing.assert_array_equal(found.numpy(), spikes @ connection.matrix(weights, source, target).T)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans())
def test_forward_equals_golden_model(seed: int, recurrent: bool) -> None:
    net, spikes = random_layers(seed, recurrent=recurrent)
    net.eval()
    assert net.exact
    assert_exact(net, spikes)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_training_forward_equals_golden_model_once_delays_are_frozen(seed: int) -> None:
    net, spikes = random_layers(seed)
    net.freeze_delays()
    if net.exact:
        assert_exact(net, spikes)


def test_sparse_weights_are_those_of_its_synapses_and_others_stay_zero() -> None:
    torch.manual_seed(0)
    net = train.SpikingNetwork("n", 30, quantisation=train.Quantisation())
    net.add(train.LeakyIntegrator("a", 8))
    connection = train.Sparse([0, 5, 5, 29], [7, 1, 7, 0])
    p = net.connect("input", "a", connection=connection)
    assert p.synapses.per_neuron == 2
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    before = p.weight.detach().clone()
    for _ in range(3):
        optimiser.zero_grad()
        (net((torch.rand(4, 5, 30) < 0.5).float()).membranes["a"] - 1).square().sum().backward()
        optimiser.step()
    outside = torch.ones(8, 30, dtype=torch.bool).index_put(p.synapses.ends, torch.tensor(False))
    assert not p.weight.detach()[outside].any() and (p.weight.detach() != before)[~outside].all()
    [exported] = net.to_network().projections
    assert exported.connection == connection and exported.weights.shape == (4,)
    assert_exact(net.eval(), (torch.rand(2, 5, 30) < 0.5).float())


def test_weights_are_stored_once_per_kernel_and_delays_once_per_channel() -> None:
    net = train.SpikingNetwork("n", (3, 8, 8), quantisation=train.Quantisation())
    net.add(train.LIF("a", (4, 4, 4)))
    net.connect("input", "a", train.ChannelDelays(9), connection=train.Convolution(stride=2, padding=1), kernel=3)
    projection = net.to_network().projections[0]
    assert projection.weights.shape == (4, 3, 3, 3)
    assert np.asarray(projection.delays).shape == (3,)


def test_batch_norm_per_channel_normalises_over_positions() -> None:
    torch.manual_seed(0)
    net = train.SpikingNetwork("n", (2, 6, 6))
    net.add(train.LIF("a", (3, 6, 6), batch_norm=True, per_channel=True))
    net.connect("input", "a", connection=train.Convolution(padding=1), kernel=3)
    spikes = (torch.rand(8, 10, 72) < 0.3).float()
    p = net.projection_list[0]
    x = p.synaptic_input(spikes, p.weight).reshape(8, 10, 3, 36)
    net(spikes)
    torch.testing.assert_close(net.population("a").running_mean, 0.1 * x.mean((0, 1, 3)))
    torch.testing.assert_close(net.population("a").running_variance, 0.9 + 0.1 * x.var((0, 1, 3), correction=0))
    assert net.population("a").running_mean.shape == (3,)


def test_several_projections_of_a_pair_are_a_kernel_over_time() -> None:
    net = train.SpikingNetwork("taps", 1, quantisation=train.Quantisation(weight_shift=0, accumulator_bits=18))
    net.add(train.LeakyIntegrator("sum", 1, decay_v=1.0))
    for delay, weight in ((0, 0.25), (2, 1.0), (3, -0.5)):
        with torch.no_grad():
            net.connect("input", "sum", delay).weight.fill_(weight)
    impulse = torch.zeros(1, 6, 1)
    impulse[0, 0] = 1
    np.testing.assert_array_equal(net(impulse).membranes["sum"][0, :, 0].detach(), [32, 0, 127, -64, 0, 0])
    assert [p.delays for p in net.to_network().projections] == [None, 2, 3]


def test_shared_weights_are_one_parameter_and_are_exported_to_each() -> None:
    torch.manual_seed(0)
    net = train.SpikingNetwork("sum", (2, 5), quantisation=train.Quantisation())
    net.add(train.LIF("a", (2, 5)))
    net.add(train.LIF("b", (3, 5)))
    net.connect("input", "a", connection=train.Identity(), weight=2.0)
    same = train.Convolution(padding=1)
    first = net.connect("a", "b", connection=same, kernel=3)
    net.connect("input", "b", connection=same, kernel=3, weights_of=first)
    groups = net.parameter_groups(1e-3)
    assert sum(p is first.weight for g in groups for p in g["params"]) == 1
    _, second, third = net.to_network().projections
    np.testing.assert_array_equal(second.weights, third.weights)


def test_a_pooling_s_weight_stays_unless_it_is_learned() -> None:
    net = train.SpikingNetwork("pool", (1, 4), quantisation=train.Quantisation())
    net.add(train.IF("a", (1, 2), cap=1, strict=False))
    fixed = net.connect("input", "a", connection=train.Pooling(2), weight=0.5)
    assert not any(p is fixed.weight for g in net.parameter_groups(1e-3) for p in g["params"])
    spikes = torch.tensor([[[1.0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0]]])
    np.testing.assert_array_equal(net(spikes).spikes["a"][0], [[1, 0], [0, 0], [0, 1]])
    assert net.connect("input", "a", 1, connection=train.Pooling(2), learned=True).weight.requires_grad


def test_channel_delays_are_learned() -> None:
    """A spike of channel 1 comes two steps too early for the coincidence; only its delay can mend that."""
    torch.manual_seed(0)
    net = train.SpikingNetwork("coincidence", (2, 3), quantisation=train.Quantisation())
    net.add(train.LIF("and", (1, 3), decay_v=0.9, threshold=1.5, surrogate=train.Surrogate(slope=1.0)))
    delays = train.ChannelDelays(5, initial="minimum")
    projection = net.connect("input", "and", delays, connection=train.Convolution(), kernel=1)
    with torch.no_grad():
        projection.weight.fill_(1.0)
    spikes = torch.zeros(1, 8, 6)
    spikes[0, 4, :3] = spikes[0, 2, 3:] = 1
    optimiser = torch.optim.Adam([delays.raw], 0.1)
    for _ in range(60):
        optimiser.zero_grad()
        (-net(spikes).membranes["and"].amax(1).sum()).backward()
        optimiser.step()
        net.clamp()
    net.freeze_delays()
    assert np.diff(delays.exported()) == [2]
    assert net(spikes).spikes["and"].sum() == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"connection": train.Convolution()}, "input -> a: a convolution needs the size of its kernel"),
        ({"kernel": 3}, "nothing else has one"),
        ({"connection": train.Convolution(), "kernel": 3}, r"input -> a: .*gives \(3, 2, 2\), the target has shape \(3, 4, 4\)"),
        ({"connection": train.Convolution(groups=2, padding=1), "kernel": 3}, "2 groups do not divide the target's 3 channels"),
        ({"connection": train.Convolution(), "kernel": 9}, "larger than its source"),
        ({"connection": train.Convolution(padding=1), "kernel": 3, "delays": train.SynapticDelays(3)}, "ChannelDelays"),
        ({"connection": train.Convolution(padding=1), "kernel": 3, "delays": np.zeros(3, int)}, "3 fixed delays for 32 presynaptic neurons in 2 channels"),
        ({"connection": train.Identity()}, "input -> a"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(options: dict, words: str) -> None:
    net = train.SpikingNetwork("n", (2, 4, 4))
    net.add(train.LIF("a", (3, 4, 4)))
    with pytest.raises(train.TrainingError, match=words):
        net.connect("input", "a", **options)


def test_weights_of_another_shape_cannot_be_shared() -> None:
    net = train.SpikingNetwork("n", (2, 4, 4))
    net.add(train.LIF("a", (3, 4, 4)))
    first = net.connect("input", "a", connection=train.Convolution(padding=1), kernel=3)
    with pytest.raises(train.TrainingError, match="those of input -> a have"):
        net.connect("input", "a", 1, connection=train.Convolution(), kernel=1, weights_of=first)


def test_prediction_of_a_convolutional_network_is_the_golden_models() -> None:
    net, spikes = random_layers(3)
    trainer = train.Trainer(epochs=1, progress=False)
    np.testing.assert_array_equal(trainer.predict(net, spikes.numpy()), GoldenModel(net.to_network()).run(spikes.numpy().astype(np.uint8)).prediction)


def test_the_accumulator_holds_all_that_a_pool_sums_up() -> None:
    net = train.SpikingNetwork("wide", (3, 20, 20), quantisation=train.Quantisation(accumulator_bits=16))
    net.add(train.LIF("n", (2, 1, 1)))
    projection = net.connect("input", "n", connection=train.Convolution(pool=20), kernel=1)
    with torch.no_grad():
        projection.weight.fill_(1)
    placed = net.to_network().projections[0]
    assert 25000 < placed.weight_matrix().sum(1).max() <= 32767 < 1200 * 127
