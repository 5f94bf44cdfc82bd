"""What errors suggest where users stumbled."""

from __future__ import annotations

import numpy as np
import pytest

import lifline
from lifline.network.spikes import as_batch


def network(size: int, **options: object) -> lifline.Network:
    return lifline.Network(
        name="n", output="out", populations=(lifline.Population("in", (8,)), lifline.Population("out", (size,), lifline.Neurons(**options))),
        projections=(lifline.Projection(source="in", target="out", weights=np.ones((size, 8), int)),),
    )  # fmt: skip


def test_a_network_that_is_too_large_names_the_preset_that_fits() -> None:
    with pytest.raises(lifline.CompileError, match="`medium` has 1024; use fewer neurons or a larger configuration; preset `large` fits"):
        lifline.compile_network(network(2000, threshold=9), lifline.preset("medium"))
    with pytest.raises(lifline.CompileError, match="has 1024; use fewer neurons or a larger configuration$"):
        lifline.compile_network(network(200_000, threshold=9), lifline.preset("medium"))


def test_other_state_bits_name_the_preset_that_has_them() -> None:
    with pytest.raises(lifline.CompileError, match="preset `medium` fits"):
        lifline.compile_network(network(5, threshold=9), lifline.preset("small"))


def test_decays_per_neuron_say_what_to_do() -> None:
    with pytest.raises(lifline.NetworkError, match="decay_v has a value per neuron.*a population for each value"):
        lifline.Neurons(decay_v=np.array([1, 2]))  # type: ignore[arg-type]


def test_early_exit_with_a_read_out_says_what_to_do() -> None:
    with pytest.raises(lifline.NetworkError, match="an output that fires, or no early exit"):
        network(3, cap=0).replace(early_exit=lifline.EarlyExit(8, 1))


def test_event_lists_without_steps_say_so() -> None:
    with pytest.raises(lifline.InputError, match="need steps="):
        as_batch(np.array([[0, 3], [4, 7]]), 8)
