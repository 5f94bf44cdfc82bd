"""The system on a chip of examples/litex, simulated: a processor that LiteX puts beside the core loads a network and runs it."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lifline.network.file import save as save_network
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

SCRIPT = Path(__file__).parents[2] / "examples" / "litex" / "soc.py"
STEPS, NEURONS = 32, 12
MISSING = [name for name in ("riscv64-unknown-elf-gcc", "iverilog") if shutil.which(name) is None] + [
    name for name in ("litex", "migen", "pythondata_cpu_vexriscv") if importlib.util.find_spec(name) is None
]


@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
def test_a_processor_beside_the_core_prints_the_spikes_of_the_golden_model(tmp_path: Path) -> None:
    weights = np.random.default_rng(5).integers(-20, 60, (6, NEURONS))
    network = Network(
        name="first", state_bits=16, output="out",
        populations=(Population("in", (NEURONS,)), Population("out", (6,), Neurons(threshold=120, decay_v=300))),
        projections=(Projection(source="in", target="out", weights=weights, delays=1),),
    )  # fmt: skip
    save_network(network, tmp_path / "first.safetensors")
    command = [sys.executable, str(SCRIPT), str(tmp_path / "first.safetensors"), "--out", str(tmp_path / "out"), "--simulate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    spikes = np.zeros((STEPS, NEURONS), np.uint8)
    spikes[np.arange(STEPS), np.arange(STEPS) % NEURONS] = 1
    spikes[::4, :8] = 1
    expected = [f"step {t} neuron {n}" for t, n in np.argwhere(GoldenModel(network).run(spikes).output_spikes[0])]
    said = [line for line in done.stdout.splitlines() if line.startswith(("step ", "failed")) or line.endswith(" steps")]
    assert said == [*expected, f"{STEPS} steps"] and expected
