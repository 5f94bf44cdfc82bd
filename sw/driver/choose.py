"""Choice of the execution mode per projection, by cycles measured on a device with the user's own data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.program_file import Program
from lifline.network.model import Network

from .device import LinkedDevice


@dataclass(frozen=True)
class ModeChoice:
    """One projection: cycles per sample of the whole network with it in each mode, all others in event mode."""

    source: str
    target: str
    event_cycles: float
    dense_cycles: float

    @property
    def mode(self) -> Mode:
        """The mode with fewer cycles; event on a tie."""
        return Mode.DENSE if self.dense_cycles < self.event_cycles else Mode.EVENT


def compile_auto(
    network: Network,
    config: Config,
    device: LinkedDevice,
    samples: NDArray[np.uint8],
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Program, list[ModeChoice]]:
    """Compile with the mode of every projection chosen by the device's own ``busy_cycles`` on ``samples`` (batch, time, neuron).

    Projections run one after the other, so the gain of one does not depend on the mode of another: one run with all in
    event mode and one per projection in dense mode are enough.

    Raises
    ------
    CompileError   if the network does not fit.
    """
    keys = [(p.source, p.target) for p in network.projections]

    def cycles(modes: dict[tuple[str, str], Mode]) -> float:
        device.load(compile_network(network, config, modes))
        result = device.run(samples)
        assert result.cycles is not None
        return float(result.cycles.busy.mean())

    event = dict.fromkeys(keys, Mode.EVENT)
    progress("all in event mode")
    base = cycles(event)
    choices = []
    for key in keys:
        progress(f"{key[0]} -> {key[1]} in dense mode")
        choices.append(ModeChoice(*key, base, cycles(event | {key: Mode.DENSE}) if config.dense_lanes else float("inf")))
    return compile_network(network, config, {(c.source, c.target): c.mode for c in choices}), choices
