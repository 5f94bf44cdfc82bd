"""Where the golden model's 32-bit path ends: wide states and large sums, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
from lifline.sim.golden.model import GoldenModel

from ..reference import reference_run


def chain(neurons: Neurons, *weights: np.ndarray, state_bits: int, shift: int = 0, cap: int = 1) -> Network:
    """Input -> ``out``, once directly and once, with the second weights, through ``relay``, which fires when its input does."""
    inputs, outputs = weights[0].shape[1], weights[0].shape[0]
    relay = Neurons(threshold=1, strict=False, cap=cap)
    parts = [Projection(source="in", target="out", weights=weights[0], weight_shift=shift)]
    populations = [Population("in", (inputs,))]
    if len(weights) > 1:
        populations.append(Population("relay", (inputs,), relay))
        parts.append(Projection(source="in", target="relay", weights=np.eye(inputs, dtype=np.int64) * cap))
        parts.append(Projection(source="relay", target="out", weights=weights[1], weight_shift=shift))
    populations.append(Population("out", (outputs,), neurons))
    return Network(name="chain", state_bits=state_bits, output="out", populations=tuple(populations), projections=tuple(parts))


def assert_exact(network: Network, spikes: np.ndarray) -> None:
    """The run without records, which may take the 32-bit path, has the reference's spikes, last state and counters."""
    model = GoldenModel(network, threads=1)
    result = model.run(spikes)
    trace, counters, _, _ = reference_run(network, spikes)
    assert result.output_spikes[0].tolist() == trace["out"]["spikes"]
    state = model.state("out")
    for name in ("v", "i", "c"):
        assert state[name][0].tolist() == trace["out"][name][-1], name
    assert {name: int(getattr(result.counters["out"], name)[0]) for name in counters["out"]} == counters["out"]


@pytest.mark.parametrize("state_bits", range(16, 25))
@pytest.mark.parametrize("reset", list(ResetRule))
@pytest.mark.parametrize("decay", [0, 1, 7, 2048])
def test_states_of_every_width_leak_and_saturate_exactly(state_bits: int, reset: ResetRule, decay: int) -> None:
    """Membranes go to both ends of their range, where the product with the leak is largest."""
    most = (1 << (state_bits - 1)) - 1
    rng = np.random.default_rng(state_bits)
    value = reset in (ResetRule.NOW_VALUE, ResetRule.LATE_VALUE)
    neurons = Neurons(
        threshold=[most, most - 1, most // 2, 3, most], bias=[most, -most, 0, most // 3, -5], reset=reset, decay_v=decay, v_reset=-most if value else 0
    )
    weights = rng.choice([-32767, 32767], (5, 6))
    assert_exact(chain(neurons, weights, state_bits=state_bits, shift=state_bits - 16), (rng.random((40, 6)) < 0.5).astype(np.uint8))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("decay", [0, 4096])
@pytest.mark.parametrize(("weight", "shift", "sources"), [
    (32767, 9, 32), (16384, 10, 31), (16384, 10, 32), (16384, 11, 32), (16384, 12, 31), (16384, 12, 32), (16384, 12, 33), (32767, 12, 32),
    (32767, 13, 16), (32767, 15, 2), (32767, 15, 4), (32767, 15, 9),
])  # fmt: skip
def test_sums_on_both_sides_of_32_bits_are_exact(sign: int, decay: int, weight: int, shift: int, sources: int) -> None:
    """From just below 2^29 to beyond 2^33, as one projection and as two whose sums only together are that large."""
    neurons = Neurons(threshold=1000, bias=sign * 131071, decay_v=decay, reset=ResetRule.NOW_SUBTRACT)
    weights = np.full((3, sources), sign * weight)
    weights[1, ::2] *= -1
    spikes = (np.random.default_rng(sources).random((12, sources)) < 0.7).astype(np.uint8)
    spikes[3:6] = 1
    assert_exact(chain(neurons, weights, state_bits=18, shift=shift), spikes)
    assert_exact(chain(neurons, weights, weights, state_bits=18, shift=shift), spikes)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("weight", "sources"), [(127, 258), (127, 259), (8192, 3), (8192, 4), (8191, 4), (4681, 7), (4681, 8), (32767, 1)])
def test_sums_on_both_sides_of_16_bits_are_exact(sign: int, weight: int, sources: int) -> None:
    """From 28,671 to 37,448: below 2^15 synaptic inputs are kept in 16 bits."""
    neurons = Neurons(threshold=100_000, decay_v=100)
    weights = np.full((3, sources), sign * weight)
    weights[1, ::2] *= -1
    spikes = np.ones((5, sources), np.uint8)
    spikes[2, 0] = 0
    assert_exact(chain(neurons, weights, state_bits=18), spikes)
    assert_exact(chain(neurons, weights, weights, state_bits=18), spikes)


@pytest.mark.parametrize("sources", [1, 7, 8, 9, 15, 16, 17, 63, 65, 130])
@pytest.mark.parametrize("cap", [1, 3])
def test_every_source_is_listed_wherever_it_lies(sources: int, cap: int) -> None:
    """Sources are looked at eight at a time: each alone, all, none, and each but one; several spikes of one, too."""
    neurons = Neurons(threshold=100_000)
    weights = np.arange(1, 2 * sources + 1).reshape(2, sources)
    alone = np.eye(sources, dtype=np.uint8)
    spikes = np.concatenate([alone, 0 * alone[:1], 1 - alone, 1 + 0 * alone[:1]])
    assert_exact(chain(neurons, weights, weights[:, ::-1], state_bits=18, cap=cap), spikes)


@pytest.mark.parametrize("cap", [2, 3, 200, 255])
@pytest.mark.parametrize("weight", [1, 60, 127, 16383, 32767])
def test_sums_of_several_spikes_per_step_are_exact(cap: int, weight: int) -> None:
    """A source that fires ``cap`` times counts ``cap`` times in the width of the sums."""
    neurons = Neurons(threshold=1000, decay_v=100)
    weights = np.full((4, 5), weight)
    weights[2] *= -1
    assert_exact(chain(neurons, weights, weights, state_bits=18, shift=6, cap=cap), np.ones((6, 5), np.uint8))


@pytest.mark.parametrize("decay", [4094, 4095, 4096])
def test_a_current_that_nearly_ends_at_once_is_not_left_out(decay: int) -> None:
    """Of a large current 1/4096 is left for the next step, although all else would allow the path without currents."""
    neurons = Neurons(threshold=131071, decay_v=0, decay_i=decay)
    spikes = np.zeros((4, 4), np.uint8)
    spikes[0] = 1
    assert_exact(chain(neurons, np.full((2, 4), 5000), state_bits=18), spikes)
