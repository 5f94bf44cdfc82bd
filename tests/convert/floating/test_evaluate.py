"""The imported network gives the framework's own spikes, every one."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.import_graph import import_nir

from ..fixtures import DIALECT_OF, load, needs_fixtures


@needs_fixtures
@pytest.mark.parametrize("name", DIALECT_OF)
def test_gives_the_framework_s_own_output(name: str) -> None:
    path, x, y, probes = load(name)
    network = import_nir(path, DIALECT_OF[name])
    result = evaluate(network, x, record="all")
    if name == "norse_li_readout":
        np.testing.assert_allclose(result.output, y, atol=1e-4)
    else:
        assert y.any()
        np.testing.assert_array_equal(result.output, y)
    for node, spikes in probes.items():
        found = [n for n in result.spikes if n.lstrip("_").removesuffix(".lif") == node]
        assert len(found) == 1, f"no population for probe {node}"
        np.testing.assert_array_equal(result.spikes[found[0]], spikes)


@needs_fixtures
@pytest.mark.parametrize(("name", "wrong"), [("snntorch_fc_leaky", "snntorch_zero_now"), ("sinabs_fc_lif_vec", "sinabs_unnormalised")])
def test_another_dialect_gives_other_spikes(name: str, wrong: str) -> None:
    path, x, y, _ = load(name)
    assert (evaluate(import_nir(path, wrong), x).output != y).any()
