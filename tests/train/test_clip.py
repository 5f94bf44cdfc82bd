"""Derivatives on a limit: what is not clipped keeps its gradient, and a parameter at the edge of its range finds back."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.train.clip import bounded, clip  # noqa: E402
from lifline.train.quantisation import integer_weights, largest_step  # noqa: E402


def test_clips_and_passes_the_gradient_on_the_closed_range() -> None:
    values = torch.tensor([-3.0, -2.0, -1.0, 0.0, 5.0, 6.0], requires_grad=True)
    clipped = clip(values, -2, 5)
    assert clipped.tolist() == [-2, -2, -1, 0, 5, 5]
    assert torch.autograd.grad(clipped.sum(), values)[0].tolist() == [0, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bounded_parameter_outside_its_range_moves_only_back(sign: int) -> None:
    values = torch.tensor([-3.0, -2.0, 0.0, 5.0, 6.0], requires_grad=True)
    gradient = torch.autograd.grad(sign * bounded(values, -2, 5).sum(), values)[0]
    assert gradient.tolist() == [sign * one for one in ([0, 1, 1, 1, 1] if sign > 0 else [1, 1, 1, 1, 0])]


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_largest_weight_is_learned_like_any_other(bits: int, seed: int) -> None:
    """It lies on the largest integer by the choice of the step, up to the rounding of a division."""
    quantisation = train.Quantisation.for_config("medium", weight_bits=bits)
    torch.manual_seed(seed)
    weights = torch.randn(20, 3, requires_grad=True)
    step, _ = largest_step([weights], [1], quantisation, 20)
    integers = integer_weights(weights, step, quantisation)
    assert (integers.abs().amax(1) == quantisation.weight_max).all()
    (gradient,) = torch.autograd.grad(integers.sum(), weights)
    torch.testing.assert_close(gradient, (1 / step).expand(20, 3))


def test_weights_beyond_the_largest_integer_pass_no_gradient() -> None:
    quantisation = train.Quantisation.for_config("medium", weight_bits=4)
    weights = torch.tensor([[6.4, 7.0, 7.4, 7.6, -7.4, -7.6, 20.0]], requires_grad=True)
    integers = integer_weights(weights, torch.ones(1, 1), quantisation)
    assert integers.tolist() == [[6, 7, 7, 7, -7, -7, 7]]
    assert torch.autograd.grad(integers.sum(), weights)[0].tolist() == [[1, 1, 1, 0, 1, 0, 0]]


@pytest.mark.parametrize("edge", [0.0, 20.0])
@pytest.mark.parametrize("kind", [train.AxonalDelays, train.DendriticDelays, train.SynapticDelays])
def test_a_delay_at_the_edge_of_its_range_finds_back(kind: type[train.AxonalDelays], edge: float) -> None:
    """Two spikes of one source; the delay that was wanted is 10, the start is an edge."""
    spikes = torch.zeros(1, 45, 1)
    spikes[0, [3, 11]] = 1
    target = (torch.arange(45) - 17.0) / 20  # later is better from 0, worse from 20, on the whole range
    delays = kind(20)
    delays.build((1,), (1,))
    with torch.no_grad():
        delays.raw.fill_(edge)
    arrived = delays.synaptic_input(spikes, torch.ones(1, 1))
    loss = (arrived[0, :, 0] * target).sum() * (-1 if edge == 0 else 1)
    (gradient,) = torch.autograd.grad(loss, delays.raw)
    assert float(gradient.item()) * (-1 if edge == 0 else 1) > 0


def test_a_budget_at_zero_can_rise_again() -> None:
    """The target of a neuron that has to fire follows its spikes up from the least value."""
    budget = train.FiringBudget(0.1, overshoot=1.0, pressure=0.01)
    budget.build(3)
    with torch.no_grad():
        budget.rate.copy_(torch.tensor([0.0, 0.0, -0.1]))
    spikes = torch.from_numpy((np.arange(60).reshape(1, 20, 3) % 2).astype(np.float32))
    (gradient,) = torch.autograd.grad(budget.loss(spikes), budget.rate)
    assert (gradient < 0).all()
