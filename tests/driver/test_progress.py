"""Boards, runs and reports tell how far they are."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import lifline
from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.driver.account import account
from lifline.driver.predict import predict, record_activity
from lifline.sim.random.network import random_network, random_spikes

TINY = preset("tiny")


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_run_tells_the_share_of_its_items_that_is_done() -> None:
    rng, shares = np.random.default_rng(5), []
    network = random_network(rng, config=TINY).replace(early_exit=None)
    with lifline.open("sim:tiny", progress=shares.append) as device:
        shares.clear()
        device.load(compile_network(network, TINY))
        device.run(np.stack([random_spikes(rng, network, 9)] * 4), progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_an_account_adds_up_and_tells_how_far_it_is() -> None:
    rng, shares = np.random.default_rng(5), []
    network = random_network(rng, config=TINY).replace(early_exit=None)
    activity = record_activity(network, np.stack([random_spikes(rng, network, 9)] * 3))
    program = compile_network(network, TINY, "dense")
    found = account(program, activity, progress=shares.append)
    assert found.busy_cycles.tolist() == [c.busy_cycles for c in predict(program, TINY, activity)]
    assert sum(layer.cycles for layer in found.layers) + found.rest_cycles == pytest.approx(found.cycles) and found.rest_cycles > 0
    assert sum(layer.microjoules for layer in found.layers) + found.rest_microjoules == pytest.approx(found.microjoules)
    assert [layer.name for layer in found.layers] == [p.name for p in program.populations] and found.layers[0].spikes == activity.spikes[found.layers[0].name].sum() / 3
    assert {c.mode for c in found.choices} == {lifline.Mode.DENSE} and all(c.event > 0 and c.dense > 0 for c in found.choices)
    assert shares == sorted(shares) and shares[-1] == 1.0
