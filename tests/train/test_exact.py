"""The forward pass is the golden model of the exported network, spikes and membranes, without tolerance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.sim.golden.model import GoldenModel  # noqa: E402

from .random_modules import random_module  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)


def assert_exact(net: train.SpikingNetwork, spikes: torch.Tensor, names: list[str] | None = None) -> int:
    """Number of spikes compared."""
    with torch.no_grad():
        activity = net(spikes, keep_stored=True)
    result = GoldenModel(net.to_network()).run(spikes.numpy().astype(np.uint8), record=["all", "all.v"])
    for name in names or net.names[1:]:
        np.testing.assert_array_equal(activity.spikes[name].numpy(), result.records[name]["spikes"])
        np.testing.assert_array_equal(activity.stored[name].numpy(), result.records[name]["v"])
    np.testing.assert_array_equal(activity.scores().argmax(1).numpy(), result.prediction)
    return int(result.output_spikes.sum())


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.booleans(), st.booleans())
def test_forward_equals_golden_model(seed: int, recurrent: bool, synaptic: bool) -> None:
    net, spikes = random_module(seed, recurrent=recurrent, synaptic=synaptic)
    net.eval()
    assert net.exact
    assert_exact(net, spikes)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans())
def test_training_forward_equals_golden_model_once_delays_are_frozen(seed: int, synaptic: bool) -> None:
    net, spikes = random_module(seed, synaptic=synaptic)
    net.freeze_delays()
    assert net.exact == (not any(p.batch_norm for p in net.populations))
    if net.exact:
        assert_exact(net, spikes)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans())
def test_dendritic_delays_move_to_the_axons(seed: int, recurrent: bool) -> None:
    net, spikes = random_module(seed, dendritic=True)
    shared = net.projection_list[0].delays
    if recurrent and isinstance(shared, train.DendriticDelays):
        with torch.no_grad():
            shared.raw.clamp_(min=1)
        shared.minimum = 1
        net.connect("n.0", "n.0", shared)
    net.eval()
    assert_exact(net, spikes, [net.output])
