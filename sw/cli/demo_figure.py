"""The demo's picture: one image's spikes through the layers, and where the cycles went."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lifline.driver.choose import ModeChoice
from lifline.network.result import RunResult


def draw_demo(
    path: Path, spikes: dict[str, np.ndarray], result: RunResult, output: str, label: int, choices: list[ModeChoice], spent: dict[str, float]
) -> None:
    """Write the picture.

    Parameters
    ----------
    spikes : (time, neuron) of one image by population.   result : its run, with the output's membrane recorded.   label : what it shows.
    choices : modes per projection.   spent : cycles per image by what they were spent on.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    layers = [n for n in spikes if n != output]
    figure, axes = plt.subplots(len(layers) + 2, 1, figsize=(8, 9), layout="constrained")
    for axis, name in zip(axes, layers, strict=False):
        t, n = np.nonzero(spikes[name])
        axis.scatter(t, n, s=4, color="black")
        axis.set(ylabel=name, xlim=(-0.5, len(spikes[name]) - 0.5), ylim=(-1, spikes[name].shape[1]))
    membrane = result.records[output]["v"][0]
    for k in range(membrane.shape[1]):
        chosen = k == int(result.prediction[0])
        axes[-2].plot(membrane[:, k], color="tab:red" if chosen else "0.7", label=f"digit {k}" if chosen else None)
    axes[-2].set(ylabel=f"{output}: membrane", xlabel="time step", xlim=(-0.5, len(membrane) - 0.5))
    axes[-2].legend(loc="upper left")
    axes[0].set_title(f"first test image: a {label}, recognised as {int(result.prediction[0])}")
    modes = {f"{c.source} -> {c.target}": c for c in choices}
    for name, cycles in spent.items():
        choice = modes.get(name)
        kind = choice.mode.name.lower() if choice else "overhead"
        axes[-1].barh(name, cycles, color={"event": "tab:blue", "dense": "tab:orange", "overhead": "0.7"}[kind])
        other = "" if choice is None else f", the other mode {1 + choice.margin:.2f} times as many"
        axes[-1].annotate(f" {cycles:,.0f} ({kind}{other})", (0, name), va="center")
    axes[-1].set_xlabel("clock cycles per image, by projection")
    axes[-1].invert_yaxis()
    figure.savefig(path, dpi=120)
    plt.close(figure)
