"""Networks in fewer bits: unchanged where they fit, rounded where they do not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lifline
from lifline.explore.candidate import Candidate
from lifline.explore.requantise import HEADROOM, IntegerSource, with_decay_bits, with_delays_up_to
from lifline.network.file import digest_of
from lifline.sim.golden.model import GoldenModel


def config(weight_bits: int = 8, state_bits: int = 18) -> lifline.Config:
    return Candidate(board="ulx3s-25f", weight_bits=weight_bits, state_bits=state_bits).roomy(early_exit=False, mapped=False)


def test_at_its_own_widths_a_network_stays_as_it_is(network: lifline.Network, spikes: np.ndarray) -> None:
    same = IntegerSource(network, spikes).network(config())
    assert digest_of(same) == digest_of(network)


@pytest.mark.parametrize(("weight_bits", "state_bits"), [(4, 18), (2, 18), (8, 12), (4, 12)])
def test_weights_and_states_keep_to_the_widths(network: lifline.Network, spikes: np.ndarray, weight_bits: int, state_bits: int) -> None:
    wanted = config(weight_bits, state_bits)
    made = IntegerSource(network, spikes[:8]).network(wanted)
    assert made.state_bits == state_bits
    for p, old in zip(made.projections, network.projections, strict=True):
        assert abs(p.weights).max() <= wanted.weight_max and p.weight_shift in wanted.weight_shifts
        ratio = np.corrcoef(p.weights.ravel(), old.weights.ravel())[0, 1]
        assert ratio > (0.98 if weight_bits > 2 else 0.8)
    result = GoldenModel(made).run(spikes[:8], record=["out.v"])
    assert np.abs(result.records["out"]["v"]).max() <= wanted.state_max * HEADROOM * 1.2  # rounding adds a little to what was seen
    assert not any(c.saturations.any() for c in result.counters.values())


def test_thresholds_scale_with_their_weights(network: lifline.Network, spikes: np.ndarray) -> None:
    made = IntegerSource(network, spikes[:8]).network(config(4, 12))
    old, new = network.population("hidden").neurons, made.population("hidden").neurons
    weights = made.projections[0].weights * (1 << made.projections[0].weight_shift)
    before = network.projections[0].weights * (1 << network.projections[0].weight_shift)
    factor = float((weights * before).sum() / (before * before).sum())
    assert old is not None and new is not None and new.threshold == pytest.approx(old.threshold * factor, rel=0.1)


def test_what_rounds_to_nothing_is_refused_by_name(network: lifline.Network, spikes: np.ndarray) -> None:
    hidden = network.population("hidden")
    assert hidden.neurons is not None
    quiet = dataclasses.replace(hidden, neurons=dataclasses.replace(hidden.neurons, threshold=1))
    changed = network.replace(populations=(network.input, quiet, network.population("out")))
    with pytest.raises(lifline.LiflineError, match="population `hidden`: with 2 weight bits and 12 state bits its threshold rounds to zero"):
        IntegerSource(changed, spikes).network(config(2, 12))


def test_decays_are_multiples_of_the_coarser_step_and_never_vanish(network: lifline.Network) -> None:
    [coarse] = [p.neurons for p in with_decay_bits(network, 4).populations if p.name == "hidden"]
    assert coarse is not None and coarse.decay_v == 256 and coarse.decay_i == 4096
    [coarsest] = [p.neurons for p in with_decay_bits(network, 1).populations if p.name == "hidden"]
    assert coarsest is not None and coarsest.decay_v == 2048
    assert digest_of(with_decay_bits(network, 12)) == digest_of(network)


def test_longer_delays_become_the_longest_that_is_kept(network: lifline.Network) -> None:
    cut = with_delays_up_to(network, 3)
    assert (cut.projections[0].delays == np.minimum(network.projections[0].delays, 3)).all() and cut.projections[1].delays == 2
    assert with_delays_up_to(network, 0).projections[1].delays is None
    assert digest_of(with_delays_up_to(network, 63)) == digest_of(network)
