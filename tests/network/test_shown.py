"""Networks, results and tables print themselves."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.data import digits
from lifline.network.result import SHOWN
from lifline.sim.golden.model import GoldenModel


def test_a_network_is_short_as_a_value_and_a_table_as_a_text() -> None:
    network = digits.network()
    assert repr(network) == "Network('digits', 64 -> 128 -> 96 -> 10 neurons, 18 state bits)"
    assert repr(network.projections[0]) == "Projection(pixels -> hidden1, 64 x 128 weights, delays 0..7)"
    assert "hidden2" in str(network) == str(network.summary()) and max(map(len, str(network).splitlines())) <= 80


def test_a_program_says_what_it_was_compiled_for() -> None:
    shown = repr(compile_network(digits.network(), preset("medium"), "dense"))
    assert shown == "Program('digits' for `medium`: pixels -> hidden1 dense, hidden1 -> hidden2 dense, hidden2 -> digit dense)"


def test_a_result_prints_a_row_for_each_of_its_first_items() -> None:
    network = digits.network()
    result = GoldenModel(network).run(np.zeros((SHOWN + 5, 6, 64), np.uint8))
    assert repr(result) == f"RunResult(batch {SHOWN + 5}, 6 steps, 10 outputs)"
    assert f"│ {SHOWN - 1:>6} │" in str(result) and f"│ {SHOWN:>6} │" not in str(result) and "and 5 more samples" in str(result)


def test_a_text_is_returned_and_not_shown_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert "hidden2" in str(digits.network())
