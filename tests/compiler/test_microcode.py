"""Parameters that the compiler derives fit the state's width, or are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import CompileError
from lifline.compiler.compile import compile_network
from lifline.compiler.microcode import build
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule

TINY = preset("tiny")
MOST = TINY.state_max


def network(neurons: Neurons, size: int = 3) -> Network:
    return Network(
        name="net", state_bits=TINY.state_bits, output="out",
        populations=(Population("in", (2,)), Population("out", (size,), neurons)),
        projections=(Projection(source="in", target="out", weights=np.ones((size, 2), np.int64)),),
    )  # fmt: skip


@pytest.mark.parametrize("other", [0, -MOST + 10])
def test_a_late_subtraction_reaches_the_limit_and_no_further(other: int) -> None:
    """Bias less threshold is one word: at -M it fits, below it does not, for one neuron or for all."""
    late = {"reset": ResetRule.LATE_SUBTRACT}
    compile_network(network(Neurons(threshold=10, bias=[other, -MOST + 10, other], **late)), TINY)
    with pytest.raises(CompileError, match=rf"`out`, neuron 1: bias_late = {-MOST - 1} does not fit 16 state bits \(limit {MOST}\); scale threshold, bias"):
        compile_network(network(Neurons(threshold=10, bias=[other, -MOST + 9, other], **late)), TINY)
    with pytest.raises(CompileError, match=f"bias_late = {-2 * MOST}"):
        compile_network(network(Neurons(threshold=MOST, bias=-MOST, **late)), TINY)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("decay", [0, 2048])
def test_a_late_reset_value_reaches_the_limit_and_no_further(sign: int, decay: int) -> None:
    """Bias plus what the leak leaves of the reset value, both signs."""
    kept = 100 if decay == 0 else 50
    for extra, fits in ((0, True), (1, False)):
        neurons = Neurons(threshold=10, bias=[0, 0, sign * (MOST - kept + extra)], reset=ResetRule.LATE_VALUE, v_reset=sign * 100, decay_v=decay)
        if fits:
            compile_network(network(neurons), TINY)
        else:
            with pytest.raises(CompileError, match=f"neuron 2: bias_late = {sign * (MOST + 1)} does not fit"):
                compile_network(network(neurons), TINY)


def test_immediate_resets_derive_nothing() -> None:
    compile_network(network(Neurons(threshold=MOST, bias=-MOST, reset=ResetRule.NOW_SUBTRACT)), TINY)
    compile_network(network(Neurons(threshold=MOST, bias=MOST, reset=ResetRule.NOW_VALUE, v_reset=MOST)), TINY)


@pytest.mark.parametrize(("threshold", "bias", "shared", "own"), [
    (7, 0, [7], set()), (7, 5, [7, 5], set()), ([7, 8, 9], 0, [], {"theta"}), (7, [0, 0, 1], [7], {"bias"}), ([7, 7, 7], [2, 2, 2], [7, 2], set()),
    ([1, 2, 3], [1, 2, 3], [], {"theta", "bias"}),
])  # fmt: skip
def test_parameters_that_agree_are_stored_once(threshold: object, bias: object, shared: list[int], own: set[str]) -> None:
    found = build(Population("out", (3,), Neurons(threshold=threshold, bias=bias)), TINY, count_spikes=False)  # type: ignore[arg-type]
    assert found.shared == shared and set(found.initial) == own


def test_what_a_model_does_not_need_costs_no_word() -> None:
    for neurons, words in (
        (Neurons(threshold=3), ["v"]),
        (Neurons(threshold=3, decay_i=9), ["v", "i"]),
        (Neurons(threshold=3, budget=4), ["v", "count", "minus_budget"]),
        (Neurons(threshold=3, reset=ResetRule.LATE_VALUE), ["v", "crossed"]),
        (Neurons(cap=0, reset=ResetRule.LATE_VALUE), ["v"]),
    ):
        found = build(Population("out", (3,), neurons), TINY, count_spikes=False)
        assert list(found.words) == words
        assert found.reserved_words == len(found.prologue) + len(found.update) + len(found.record)
    counting = build(Population("out", (3,), Neurons(threshold=3)), TINY, count_spikes=True)
    assert list(counting.words) == ["v", "spike_count"] and counting.exit_check is not None
    assert counting.reserved_words == len(counting.prologue) + len(counting.update) + len(counting.record) + 1


def test_a_network_that_was_loaded_and_not_run_has_fired_nothing() -> None:
    found = build(Population("out", (3,), Neurons(threshold=5, budget=[3, 7, 1])), TINY, count_spikes=False)
    assert np.array_equal(found.initial["count"], [-3, -7, -1]), "count - budget"
    assert np.array_equal(found.initial["count"], found.initial["minus_budget"])
