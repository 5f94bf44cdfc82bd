"""Items of a batch on one device: records, counters and cycles of each, however many starts it takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lifline.arch.program import POPULATION_COUNTERS
from lifline.arch.records import MAX_STEPS_PER_RUN
from lifline.arch.registers import COUNTERS
from lifline.compiler.program import Program
from lifline.network.result import Counters, Cycles, RunResult, build_result

from .counters import counted
from .exchange import Clock, Exchange, Records

EventCounters = dict[str, NDArray[np.uint32]]
"""Population -> its counters as the device has them, (band, counter), modulo 2^32."""


class Items:
    """Runs items one after the other and collects what they give.

    Attributes
    ----------
    records : population -> variable -> (batch, time, neuron).   counters : population -> (batch, counter).   cycles : (batch, counter).
    done, exited : (batch,), steps executed and whether the item left early.
    """

    def __init__(self, exchange: Exchange, program: Program, wanted: dict[str, set[str]], batch: int, length: int) -> None:
        self._exchange, self._program = exchange, program
        network = program.network
        self.records: Records = {
            name: {v: np.zeros((batch, length, network.population(name).size), np.uint8 if v == "spikes" else np.int64) for v in variables}
            for name, variables in wanted.items()
        }
        self.counters = {p.name: np.zeros((batch, len(POPULATION_COUNTERS)), np.int64) for p in program.populations}
        self.cycles = np.zeros((batch, len(COUNTERS)), np.int64)
        self.done, self.exited = np.zeros(batch, np.int64), np.zeros(batch, np.bool_)

    def run(
        self, item: int, spikes: NDArray[np.uint8], before: EventCounters, *, reset: bool, clock: Clock = Clock.ALONE,
        tell: Callable[[float], object] = lambda share: None,
    ) -> EventCounters:
        """Run ``spikes`` (time, neuron) in parts that a device can run; returns its counters behind that.

        Parameters
        ----------
        before : the counters as they are, zero where the run is a fresh one.   reset : it is.
        clock : of real time, before and behind the item; between its parts it goes on.   tell : the share that is done.

        Raises
        ------
        LinkError, DeviceError   as :meth:`Exchange.run`.
        """
        first, counters = 0, before
        while first < len(spikes) and not self.exited[item] and not self._exchange.stop.is_set():
            part = spikes[first : first + MAX_STEPS_PER_RUN]
            last = first + len(part) == len(spikes)
            part_clock = (clock & Clock.GOES_ON if first == 0 else Clock.GOES_ON) | (clock & Clock.STAYS if last else Clock.STAYS)
            executed, self.exited[item] = self._exchange.run(part, reset and first == 0, self.records, item, first, part_clock)
            self.done[item] += executed
            first += len(part)
            tell(first / len(spikes))
            if not executed:
                break  # stopped; the first window of a fresh run would have cleared state and counters of populations
            # No population counts to 2^32 within one part.
            now = self._exchange.event_counters()
            for name, values in now.items():
                self.counters[name][item] += counted(counters[name], values).sum(axis=0)
            counters = now
        return counters

    def result(self, selection: dict[str, set[str]]) -> RunResult:
        """All of it, with the records that were ``selected``."""
        network, records = self._program.network, self.records
        output = network.population(network.output)
        batch, length = len(self.done), next(iter(next(iter(records.values())).values())).shape[1]
        spikes = records[output.name].get("spikes", np.zeros((batch, length, output.size), np.uint8))
        return build_result(
            network,
            spikes.astype(np.uint8),
            records[output.name].get("v") if output.neurons is not None and output.neurons.cap == 0 else None,
            self.done,
            self.exited,
            {name: {v: records[name][v] for v in variables} for name, variables in selection.items()},
            self.counted(),
            self.spent(),
        )

    def counted(self) -> dict[str, Counters]:
        """Events of every population."""
        return {name: Counters(*c.T) for name, c in self.counters.items()}

    def spent(self) -> Cycles:
        """Cycles of every item."""
        return Cycles(*self.cycles.T)
