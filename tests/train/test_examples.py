"""The committed networks of the examples reach the accuracy that their pages state, in integers, on the real data."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.network.file import load
from lifline.sim.golden.model import GoldenModel
from tests import shared

ROOT = Path(__file__).parents[2]
NETWORKS = [
    ("mnist", "mnist8", "mnist.npz", "large", 8, "v_max", 0.988),
    ("mnist", "mnist4", "mnist.npz", "large", 4, "v_max", 0.985),
    ("fsdd", "fsdd8", "fsdd_logmel.npz", "large", 8, "v_last", 0.983),
    ("fsdd", "fsdd4", "fsdd_logmel.npz", "large", 4, "v_last", 0.977),
    ("braille", "braille8", "braille7.npz", "medium", 8, "v_last", 0.945),
    ("nmnist", "nmnist", "nmnist_small.npz", "conv", 8, "v_last", 0.97),
    ("speech", "speech", "gsc_v2_testset_logmel.npz", "conv85", 8, "v_last", 0.90),
]


@pytest.mark.parametrize(("example", "name", "file", "config", "bits", "rule", "least"), NETWORKS)
def test_committed_network(monkeypatch: pytest.MonkeyPatch, example: str, name: str, file: str, config: str, bits: int, rule: str, least: float) -> None:
    network = load(ROOT / "examples" / example / f"{name}.safetensors")
    assert max(abs(p.weights).max() for p in network.projections) < 1 << (bits - 1)
    compile_network(network, preset(config))
    if reason := shared.absent(f"data/{file}"):
        pytest.skip(reason)
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT / "examples" / example))
    spikes, labels = runpy.run_path(str(ROOT / "examples" / example / "train.py"))["test_samples"](str(shared.FOLDER / "data" / file))
    scores = getattr(GoldenModel(network).run(spikes), rule)
    assert (scores.argmax(1) == labels).mean() >= least
