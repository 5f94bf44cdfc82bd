"""The golden model as a device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import DeviceError
from lifline.compiler.program import Program
from lifline.network.progress import Reporting
from lifline.network.result import Decisions, RunResult, decisions_of
from lifline.sim.board.owner import Owner
from lifline.sim.golden.model import GoldenModel

from .arguments import fresh, period, stateful
from .stream import Part, Stream, StreamOptions


class GoldenDevice:
    """The golden model behind the interface of every device: no cycles, every variable, whole batches at once.

    ``program`` is the one that was loaded last, or None. One thread uses it at a time; a forked process has a model of its own, which goes on where this one was.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._owner = Owner(f"golden:{config.name}")
        self._model: GoldenModel | None = None
        self.program: Program | None = None
        self._uses = 0  # runs, streams and loads so far: a stream that finds more than its own is over
        self._stream_record: list[str] = []
        self._stream_fresh = True

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
            self._uses += 1

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
            self._uses += 1
            return self._loaded().run(spikes, reset=reset, record=record, steps=steps)

    def classify(self, spikes: object, *, steps: int | None = None, progress: Reporting = None) -> Decisions:
        """As :meth:`lifline.driver.linked.LinkedDevice.classify`."""
        return decisions_of(self.run(spikes, steps=steps))

    def stream(self, source: object, **options: Unpack[StreamOptions]) -> Stream:
        """As :meth:`lifline.driver.linked.LinkedDevice.stream`; there is no clock, so that nothing is ever late."""
        return Stream(self, source, **options)

    def begin_part(self, record: str | Iterable[str], period_cycles: int, *, clock_goes_on: bool) -> Part:
        """For :class:`~lifline.driver.stream.Stream`: the next part starts from zero state."""
        with self._owner.use("stream()", forks=True):
            self._loaded()
            period(period_cycles)
            self._uses += 1
            self._stream_record, self._stream_fresh = list(record), True
            return Part(self._uses, None, 0)

    def next_part(self, before: Part, spikes: NDArray[np.uint8]) -> Part:
        """For :class:`~lifline.driver.stream.Stream`: run ``spikes`` (time, neuron) behind the part ``before``.

        Raises
        ------
        DeviceError   if the device did something else since.
        """
        with self._owner.use("stream()", forks=True):
            if before.uses != self._uses:
                raise DeviceError(f"golden:{self.config.name}: something else ran since the stream's last part; a stream needs the device alone: start a new one")
            result = self._loaded().run(spikes, reset=self._stream_fresh, record=self._stream_record)
            self._stream_fresh = False
            return Part(self._uses, result, 0)

    def stop(self) -> None:
        """Nothing happens: what runs ends by itself."""

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
