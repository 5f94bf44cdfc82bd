"""What arrives through many projections is the sum of what each brings, in values and gradients, with one convolution where one will do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.train.arrival import arriving  # noqa: E402

from .random_connections import random_layers  # noqa: E402


def residual(gap: int = 2, quantisation: train.Quantisation | None = None) -> train.SpikingNetwork:
    """Two populations whose sum is convolved with three taps in time behind learned delays."""
    torch.manual_seed(0)
    net = train.SpikingNetwork("residual", (2, 9), quantisation=quantisation)
    delays = {name: train.ChannelDelays(3) for name in ("a", "b")}
    for name in delays:
        net.add(train.LIF(name, (3, 9)))
        net.connect("input", name, connection=train.Convolution(padding=1), kernel=3)
    net.add(train.LIF("c", (4, 5)))
    for tap in range(3):
        shared = None
        for name, own in delays.items():
            connection = train.Convolution(stride=2, padding=1)
            shared = net.connect(name, "c", train.Later(own, tap * gap), connection=connection, kernel=3, weights_of=shared)
    return net


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_parts_add_up_to_what_each_projection_brings(seed: int) -> None:
    net, spikes = random_layers(seed)
    net.train()
    sent = {name: (torch.rand(*spikes.shape[:2], net.size(name)) < 0.3).float().requires_grad_() for name in net.names}
    for name in net.names[1:]:
        projections = [(p, torch.randn(p.weight.shape) if i == 0 else p.weight.detach()) for i, p in enumerate(net.projections_into(name))]
        weights = {id(p.weight): w.requires_grad_() for p, w in projections}
        projections = [(p, weights[id(p.weight)]) for p, _ in projections]
        sources = [sent[s] for s in {p.source for p, _ in projections}]
        inputs = [*weights.values(), *sources, *(d for p, _ in projections for d in p.delays.parameters())]
        one, each = sum(arriving(projections, sent)), sum(p.synaptic_input(sent[p.source], w) for p, w in projections)
        torch.testing.assert_close(one, each, atol=1e-4, rtol=1e-4)
        direction = torch.randn_like(each)
        found, expected = (torch.autograd.grad((x * direction).sum(), inputs, allow_unused=True) for x in (one, each))
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("gap", "convolutions"), [(2, 3), (1, 3), (0, 5)])
def test_taps_of_a_sum_are_one_convolution(monkeypatch: pytest.MonkeyPatch, gap: int, convolutions: int) -> None:
    calls = []
    convolve = torch.nn.functional.conv2d
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *a, **k: calls.append(1) or convolve(*a, **k))
    residual(gap)((torch.rand(2, 6, 18) < 0.3).float())
    assert len(calls) == convolutions


def test_taps_behind_learned_delays_are_rounded_exported_and_frozen_together() -> None:
    net = residual(quantisation=train.Quantisation())
    learned = [d for d in net.delays if isinstance(d, train.ChannelDelays)]
    assert len(learned) == 2
    assert sum(len(g["params"]) for g in net.parameter_groups(1e-3)[1:2]) == 2
    net.freeze_delays()
    taps = [np.asarray(p.delays) for p in net.to_network().projections if p.target == "c" and p.source == "a"]
    np.testing.assert_array_equal(taps, [learned[0].raw.detach().numpy() + late for late in (0, 2, 4)])
    assert net.exact


def test_delays_of_no_source_cannot_be_later() -> None:
    with pytest.raises(train.TrainingError, match="not DendriticDelays"):
        train.Later(train.DendriticDelays(3), 1)  # type: ignore[arg-type]
    with pytest.raises(train.TrainingError, match=r"delays 60\.\.64"):
        train.Later(train.AxonalDelays(4), 60)


def test_graded_spikes_are_for_real_numbers() -> None:
    torch.manual_seed(0)
    graded = torch.rand(2, 6, 18)
    net = train.SpikingNetwork("graded", 18)
    net.add(train.LeakyIntegrator("sum", 3))
    projection = net.connect("input", "sum")
    torch.testing.assert_close(net(graded).membranes["sum"], (graded @ projection.weight.T).cumsum(1))
    with pytest.raises(train.TrainingError, match="finite"):
        net(graded / 0)
    with pytest.raises(train.TrainingError, match="must be 0 or 1"):
        residual(quantisation=train.Quantisation())(graded)
