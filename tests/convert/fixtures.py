"""Where the frameworks' own graphs and outputs are in the shared data, and the dialect of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests import shared

FOLDER = shared.FOLDER / "nir"
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
needs_fixtures = shared.needs("nir")


def load(name: str) -> tuple[Path, NDArray[np.float32], NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Path of the graph, its input and output as (batch, time, ...), and the spikes of inner layers by node name."""
    with np.load(FOLDER / f"{name}.npz") as data:
        probes = {key.removeprefix("probe_"): data[key].swapaxes(0, 1) for key in data.files if key.startswith("probe_")}
        return FOLDER / f"{name}.nir", data["x"].swapaxes(0, 1), data["y"].swapaxes(0, 1), probes
