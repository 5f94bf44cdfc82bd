"""Synaptic delays in training: the convolution, its gradients, the narrowing kernel, and what is exported."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.arch.config import preset  # noqa: E402
from lifline.arch.errors import CompileError  # noqa: E402
from lifline.compiler.compile import compile_network  # noqa: E402
from lifline.sim.golden.model import GoldenModel  # noqa: E402
from lifline.train.synaptic import convolve, fast_length  # noqa: E402


def direct(spikes: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
    """The convolution as its definition says, tap by tap."""
    total = torch.zeros(spikes.shape[0], spikes.shape[1], taps.shape[1])
    for delay, tap in enumerate(taps):
        moved = torch.nn.functional.pad(spikes, (0, 0, delay, 0))[:, : spikes.shape[1]]
        total = total + moved @ tap.T
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_convolution(steps: int, delays: int, seed: int) -> None:
    torch.manual_seed(seed)
    spikes, taps = torch.rand(2, steps, 3), torch.randn(delays, 4, 3)
    torch.testing.assert_close(convolve(spikes, taps), direct(spikes, taps), rtol=1e-4, atol=1e-5)
    assert steps + delays - 1 <= fast_length(steps + delays - 1) < 2 * (steps + delays - 1) + 1


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), first=st.integers(0, 5), lead=st.integers(0, 2), minimum=st.integers(2, 4), frozen=st.booleans()
)
def test_input_and_gradients_are_those_of_the_kernel(seed: int, first: int, lead: int, minimum: int, frozen: bool) -> None:
    """Frozen, the kernel is one tap at the rounded delay; before, it is :meth:`SynapticDelays.kernel`."""
    torch.manual_seed(seed)
    delays = train.SynapticDelays(7, minimum=minimum, width=1.5)
    delays.build((5,), (3,))
    spikes = (torch.rand(2, 9, 5) < 0.4).float().requires_grad_()
    weights = torch.randint(-50, 50, (3, 5)).float().requires_grad_()
    if frozen:
        delays.freeze()
    where = torch.arange(8)[:, None, None] - torch.tensor(delays.rounded())
    narrow = weights * (where == 0) if frozen else torch.nn.functional.pad(delays.kernel(weights), (0, 0, 0, 0, minimum, 0))
    expected = direct(spikes, narrow[lead:])[:, first:]
    found = delays.synaptic_input(spikes, weights, first=first, lead=lead)
    torch.testing.assert_close(found, expected, rtol=0 if frozen else 1e-4, atol=0 if frozen else 1e-4)
    upstream = torch.randn(expected.shape)
    inputs = [spikes, weights] if frozen else [spikes, weights, delays.raw]
    for one, other in zip(*(torch.autograd.grad((x * upstream).sum(), inputs, retain_graph=True) for x in (found, expected)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_the_kernel_keeps_the_weight_and_narrows_to_one_tap() -> None:
    delays = train.SynapticDelays(20)
    delays.build((6,), (4,))
    weights = torch.randn(4, 6)
    widths = []
    for progress in (0.0, 0.5, 1.0):
        delays.anneal(progress)
        taps = delays.kernel(weights)
        torch.testing.assert_close(taps.sum(0), weights, rtol=1e-4, atol=1e-5)
        share = (taps / weights)[:, 0, 0].detach()
        where = torch.arange(21)
        widths.append(float((share * where**2).sum() - (share * where).sum() ** 2))
    assert widths[0] > widths[1] > widths[2] and float(delays.current_width) == 0.5


@pytest.mark.parametrize("brought_back", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_learns_where_spikes_have_to_go(seed: int, brought_back: bool) -> None:
    """Each output is one input, late by its own number of steps: delays are found from a random start, whatever the distance.

    On the way many of them reach an edge of the range, brought back there as ``SpikingNetwork.clamp`` does, or left where they are.
    """
    torch.manual_seed(seed)
    wanted = torch.randint(0, 21, (2, 2)) if seed else torch.tensor([[3, 17], [11, 6]])
    spikes = (torch.rand(64, 60, 2) < 0.1).float()
    target = direct(spikes, (torch.arange(21)[:, None, None] == wanted).float())
    delays = train.SynapticDelays(20)
    delays.build((2,), (2,))
    optimiser = torch.optim.Adam(delays.parameters(), lr=0.2)
    for step in range(300):
        delays.anneal(step / 300)
        loss = ((delays.synaptic_input(spikes, torch.ones(2, 2)) - target) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if brought_back:
            with torch.no_grad():
                delays.raw.clamp_(0, 20)
    assert delays.rounded().tolist() == wanted.tolist()


def test_a_trained_network_runs_in_the_golden_model_and_is_refused_by_the_compiler() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    spikes = np.zeros((200, 20, 2), np.uint8)  # the order of two spikes, and nothing else, is the class
    for k, label in enumerate(labels):
        begin = rng.integers(0, 6)
        spikes[k, begin, label], spikes[k, begin + 5, 1 - label] = 1, 1
    torch.manual_seed(1)
    net = train.SpikingNetwork("order", 2, quantisation=train.Quantisation.for_config("medium"))
    net.add(train.LIF("hidden", 12, decay_v=0.5))
    net.add(train.LeakyIntegrator("class", 2))
    delays = train.SynapticDelays(10)
    net.connect("input", "hidden", delays)
    net.connect("hidden", "class")
    trainer = train.Trainer(epochs=30, batch_size=25, learning_rate=1e-2, delay_learning_rate=0.1, progress=False)
    trainer.fit(net, spikes[:150], labels[:150])
    assert not delays.raw.requires_grad and 0.5 <= float(delays.current_width) < 0.7
    network = net.to_network()
    assert network.projections[0].synaptic and network.projections[0].delays.shape == (12, 2)
    result = GoldenModel(network).run(spikes[150:])
    assert np.array_equal(result.prediction, trainer.predict(net, spikes[150:])) and (result.prediction == labels[150:]).mean() > 0.9
    with pytest.raises(CompileError, match="input -> hidden has synaptic delays"):
        compile_network(network, preset("medium"))


def test_refusals() -> None:
    for options in ({"width": 0.1}, {"final_width": 0.0}, {"width": -1.0}):
        with pytest.raises(train.TrainingError, match="widths"):
            train.SynapticDelays(9, **options)
    delays = train.SynapticDelays(9)
    delays.build((3,), (4,))
    with pytest.raises(train.TrainingError, match=r"delays of shape \(4, 3\) are shared"):
        delays.build((4,), (3,))
