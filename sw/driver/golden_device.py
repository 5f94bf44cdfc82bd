"""The golden model as a device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import DeviceError
from lifline.compiler.program import Program
from lifline.network.progress import Reporting
from lifline.network.result import RunResult
from lifline.sim.board.owner import Owner
from lifline.sim.golden.model import GoldenModel

from .arguments import fresh, period, stateful


class GoldenDevice:
    """The golden model behind the interface of every device: no cycles, every variable, whole batches at once.

    ``program`` is the one that was loaded last, or None. One thread uses it at a time; a forked process has a model of its own, which goes on where this one was.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._owner = Owner(f"golden:{config.name}")
        self._model: GoldenModel | None = None
        self.program: Program | None = None

    def __enter__(self) -> GoldenDevice:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def load(self, program: Program) -> None:
        """Take a program. One for any configuration will do: the bits do not depend on it.

        Raises
        ------
        DeviceError   if another thread uses the device.
        """
        with self._owner.use("load()", forks=True):
            self._model, self.program = GoldenModel(program.network), program

    def _loaded(self) -> GoldenModel:
        if self._model is None:
            raise DeviceError("no program is loaded; call load() first")
        return self._model

    def run(
        self, spikes: object, *, reset: bool = True, record: str | Iterable[str] = (), steps: int | None = None, period_cycles: int = 0,
        progress: Reporting = None,
    ) -> RunResult:
        """As :meth:`lifline.driver.linked.LinkedDevice.run`; there is no clock, so that a period changes nothing, and a batch is
        computed at once, so that no progress is shown.

        A batch can be continued, too.
        """
        with self._owner.use("run()", forks=True):
            reset, _ = fresh(reset), period(period_cycles)
            return self._loaded().run(spikes, reset=reset, record=record, steps=steps)

    def read_state(self, population: str) -> dict[str, NDArray[np.int64]]:
        """``v``, ``i``, ``c`` and ``count`` after the last run, of its last item: shape (neuron,) each, zero before the first run.

        Raises
        ------
        InputError    if there is no such population, or it is the input.
        DeviceError   if no program is loaded, or another thread uses the device.
        """
        with self._owner.use("read_state()", forks=True):
            model = self._loaded()
            size = stateful(model.network, population).size
            state = model.state(population) or {name: np.zeros((1, size), np.int64) for name in ("v", "i", "c", "count")}
            return {name: values[-1] for name, values in state.items()}

    def info(self) -> dict[str, Any]:
        """What this device is."""
        return {"url": f"golden:{self.config.name}", "config": self.config.name}

    def close(self) -> None:
        """Forget the program; a run under way, in another thread, is not disturbed."""
        self._model = None
