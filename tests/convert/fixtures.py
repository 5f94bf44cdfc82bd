"""Where the frameworks' own graphs and outputs are, and the dialect of each: ``LIFLINE_SHARED`` names the folder, else it lies beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

FOLDER = Path(os.environ.get("LIFLINE_SHARED", Path(__file__).parents[3] / "shared")) / "nir"
DIALECT_OF = {
    "snntorch_fc_leaky": "snntorch",
    "snntorch_fc_synaptic": "snntorch",
    "snntorch_rleaky": "snntorch",
    "snntorch_fc_leaky_zero_nodelay": "snntorch_zero_now",
    "norse_fc_lifbox": "norse",
    "norse_li_readout": "norse",
    "norse_conv_iaf": "norse",
    "sj_fc_lif_decayin": "spikingjelly",
    "sj_conv_avgpool_if": "spikingjelly",
    "sinabs_conv_iaf_sumpool_single": "sinabs",
    "sinabs_fc_lif_vec": "sinabs",
    "rockpool_fc_lif_cuba": "rockpool",
}
needs_fixtures = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the frameworks' graphs in {FOLDER}; set LIFLINE_SHARED")


def load(name: str) -> tuple[Path, NDArray[np.float32], NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Path of the graph, its input and output as (batch, time, ...), and the spikes of inner layers by node name."""
    with np.load(FOLDER / f"{name}.npz") as data:
        probes = {key.removeprefix("probe_"): data[key].swapaxes(0, 1) for key in data.files if key.startswith("probe_")}
        return FOLDER / f"{name}.nir", data["x"].swapaxes(0, 1), data["y"].swapaxes(0, 1), probes
