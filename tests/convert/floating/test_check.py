"""Comparison with the framework's own output: equal, or the layer, the first step and the count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lifline.arch.errors import ConversionError, InputError
from lifline.convert.floating.check import check_output
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.import_graph import import_nir

from ..fixtures import DIALECT_OF, load, needs_fixtures

nir = pytest.importorskip("nir")
X = (np.random.default_rng(0).random((3, 25, 4)) < 0.5).astype(np.uint8)


def graph(read_out: bool = False) -> Any:
    rng = np.random.default_rng(1)
    last = nir.LI(np.full(3, 4e-4), np.full(3, 4.0), np.zeros(3)) if read_out else nir.IF(np.full(3, 1e4), np.full(3, 0.9), np.zeros(3))
    first = nir.LIF(np.full(5, 5e-4), np.full(5, 5.0), np.zeros(5), np.ones(5), np.zeros(5))
    return nir.NIRGraph.from_list(nir.Linear(rng.normal(0.3, 0.6, (5, 4))), first, nir.Linear(rng.normal(0.3, 0.6, (3, 5))), last)


@pytest.mark.parametrize("read_out", [False, True])
def test_the_framework_s_output_passes(read_out: bool) -> None:
    network = import_nir(graph(read_out), "snntorch")
    result = evaluate(network, X, record="all")
    assert result.output.any()
    assert import_nir(graph(read_out), "snntorch", check=(X, result.output)).output == network.output
    check_output(network, X.reshape(3, 25, 2, 2).reshape(X.shape), {"lif": result.spikes["lif"], network.output: result.output})


@pytest.mark.parametrize(("item", "step", "neuron"), [(0, 0, 0), (2, 24, 2), (1, 7, 1)])
def test_one_spike_that_differs_is_named(item: int, step: int, neuron: int) -> None:
    network = import_nir(graph(), "snntorch")
    y = evaluate(network, X).output.copy()
    y[item, step, neuron] = 1 - y[item, step, neuron]
    with pytest.raises(ConversionError, match=rf"1 of 225 values of layer `if` differ, first in step {step} \(item {item}, neuron {neuron}: .*Dialect `snntorch` with dt 0.0001"):
        import_nir(graph(), "snntorch", check=(X, y))


def test_the_first_layer_that_differs_is_named_and_read_outs_have_a_tolerance() -> None:
    network = import_nir(graph(True), "snntorch")
    result = evaluate(network, X, record="all")
    hidden = result.spikes["lif"].copy()
    hidden[:, 5:] = 0
    with pytest.raises(ConversionError, match="layer `lif` differ, first in step [5-9]"):
        check_output(network, X, {"li": result.output + 1, "lif": hidden})
    largest = np.abs(result.output).max()
    check_output(network, X, result.output + 0.5e-4 * max(largest, 1))
    with pytest.raises(ConversionError, match="225 of 225 values of layer `li` differ, first in step 0"):
        check_output(network, X, result.output + 2e-4 * max(largest, 1))
    check_output(network, X, result.output + 2e-4 * max(largest, 1), tolerance=1e-2)


def test_a_wrong_choice_is_found() -> None:
    y = evaluate(import_nir(graph(), "snntorch"), X).output
    for changes in ({"reset": "now_value"}, {"dt": 2e-4, "dt_integrate": 1e-4}, {"v_min": -0.1}):
        with pytest.raises(ConversionError, match="is not the framework's"):
            import_nir(graph(), "snntorch", check=(X, y), **changes)


@pytest.mark.parametrize("y", [np.zeros((3, 25, 4)), np.zeros((25, 3, 3)), np.zeros((3, 24, 3)), np.zeros(225)])
def test_outputs_of_another_shape_are_refused(y: Any) -> None:
    with pytest.raises(InputError, match=r"`if` has shape .* the import gives \(3, 25, 3\)"):
        import_nir(graph(), "snntorch", check=(X, y))


@pytest.mark.parametrize("check", [X, (X,), "xy", 3])
def test_a_check_that_is_no_pair_is_refused(check: Any) -> None:
    with pytest.raises(ConversionError, match="check must be a pair"):
        import_nir(graph(), "snntorch", check=check)


def test_nothing_passes_unseen() -> None:
    network = import_nir(graph(), "snntorch")
    with pytest.raises(ConversionError, match="not finite"):
        check_output(network, X, np.full((3, 25, 3), np.nan))
    with pytest.raises(ConversionError, match="no population `third`"):
        check_output(network, X, {"third": np.zeros((3, 25, 3))})


@needs_fixtures
@pytest.mark.parametrize("name", DIALECT_OF)
def test_the_frameworks_own_graphs_pass_with_their_inner_layers(name: str) -> None:
    path, x, y, probes = load(name)
    network = import_nir(path, DIALECT_OF[name], check=(x, y))
    inner = {p.name: probes[p.name] for p in network.populations if p.name in probes}
    check_output(network, x, inner)
