"""Golden model: predicts every bit of every device. The contract is ``docs/semantics.md``; this is its executable form.

Layers run one after another, each over all time steps at once; populations on a cycle of projections advance together, step by
step. Parts of the batch run in parallel threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import InputError
from lifline.arch.program import POPULATION_COUNTERS
from lifline.network.model import Network
from lifline.network.result import Counters, RunResult, build_result, parse_records
from lifline.network.spikes import as_batch

from .layer import Ints, Items, Layer, State
from .scratch import Scratch

SLICE_ITEMS = 64
"""Most items of a batch that run together."""
SLICE_NEURONS = 1 << 15
"""Neurons of the widest population in all items that run together, if that are several: few enough that what they keep stays in a core's cache."""
SLICE_VALUES = 1 << 20
"""Synaptic inputs of one population that are computed ahead at most; bounds the memory of long runs."""


@dataclass
class _Recording:
    """What all slices of a batch write into, each at its own items."""

    records: dict[str, dict[str, Ints]]
    counters: dict[str, NDArray[np.int64]]
    steps: NDArray[np.int64]
    exited: NDArray[np.bool_]
    wanted: dict[str, set[str]] = field(default_factory=dict)
    scratch: Scratch = field(default_factory=Scratch)


class GoldenModel:
    """Run a :class:`~lifline.network.model.Network` bit-exactly, a whole batch at once.

    State is kept between calls for ``run(..., reset=False)``. ``threads`` defaults to the number of processors; results do
    not depend on it.
    """

    def __init__(self, network: Network, *, threads: int | None = None) -> None:
        self.network = network
        self.threads = threads or os.cpu_count() or 1
        self._widest = max(p.size for p in network.populations)
        self._components = [[n for n in names if n != network.input.name] for names in network.components]
        self._layers = {p.name: Layer(network, p) for p in network.populations if p.neurons is not None}
        self._depth = {
            p.name: max((q.longest_delay for q in network.projections_from(p.name)), default=0) for p in network.populations
        }
        self._state: dict[str, State] = {}
        self._time = np.zeros(0, np.int64)
        self._counts = np.zeros((0, 0), np.int64)

    def run(self, spikes: object, *, reset: bool = True, record: str | Iterable[str] = (), steps: int | None = None) -> RunResult:
        """Run all steps of ``spikes``, (time, neuron) or (batch, time, neuron), or an event list with ``steps``.

        Parameters
        ----------
        spikes, steps : see :func:`lifline.network.spikes.as_batch`.
        reset : start from zero state; else continue where the last run stopped (same batch size).
        record : names as in :func:`lifline.network.result.parse_records`.

        Raises
        ------
        InputError   for bad spikes, or a continued run of another batch size.
        """
        network = self.network
        array, _ = as_batch(spikes, network.input.size, steps)
        selection = parse_records(network, record)
        batch, length = array.shape[:2]
        output = network.population(network.output)
        if reset or not self._state:
            self._state = {p.name: State.zeros(batch, p.size, self._depth[p.name]) for p in network.populations}
            self._time = np.zeros(batch, np.int64)
            self._counts = np.zeros((batch, output.size), np.int64)
        if len(self._time) != batch:
            raise InputError(f"a continued run needs the batch size {len(self._time)} of the last one, not {batch}; use reset=True")

        wanted = {name: set(variables) for name, variables in selection.items()}
        read_out = output.neurons is not None and output.neurons.cap == 0
        wanted.setdefault(output.name, set()).update({"spikes", "v"} if read_out else {"spikes"})
        recording = _Recording(
            records={
                name: {v: np.zeros((batch, length, self._layers[name].size), np.uint8 if v == "spikes" else np.int64) for v in variables}
                for name, variables in wanted.items()
            },
            counters={name: np.zeros((batch, len(POPULATION_COUNTERS)), np.int64) for name in self._layers},
            steps=np.zeros(batch, np.int64),
            exited=np.zeros(batch, np.bool_),
            wanted=wanted,
        )
        self._run_slices(array, recording)
        records = recording.records
        return build_result(
            network,
            records[output.name]["spikes"].astype(np.uint8, copy=False),
            records[output.name]["v"] if read_out else None,
            recording.steps,
            recording.exited,
            {name: {v: records[name][v] for v in variables} for name, variables in selection.items()},
            {name: Counters(*c.T) for name, c in recording.counters.items()},
        )

    def state(self, population: str) -> dict[str, NDArray[np.int64]]:
        """Stored ``v``, ``i``, ``c`` and ``count`` of a population, shape (batch, neuron) each; empty before the first run.

        Raises
        ------
        NetworkError   if there is no such population.
        """
        self.network.population(population)
        if population not in self._state:
            return {}
        state, layer = self._state[population], self._layers.get(population)
        found = {"v": state.v, "i": state.i, "c": state.c, "count": state.count}
        return {name: (values if layer is None else layer.shown(values)).copy() for name, values in found.items()}

    def _run_slices(self, spikes: NDArray[np.uint8], recording: _Recording) -> None:
        exit_ = self.network.early_exit
        phase = self._time % exit_.every if exit_ is not None else np.zeros(len(spikes), np.int64)
        together = min(SLICE_ITEMS, max(1, SLICE_NEURONS // self._widest))
        slices = []
        for value in np.unique(phase):
            items = np.flatnonzero(phase == value)
            slices += np.array_split(items, -(-len(items) // together))
        if min(self.threads, len(slices)) == 1:
            for items in slices:
                self._run_items(spikes, items, recording)
            return
        with ThreadPoolExecutor(min(self.threads, len(slices))) as pool:
            for done in [pool.submit(self._run_items, spikes, items, recording) for items in slices]:
                done.result()

    def _run_items(self, spikes: NDArray[np.uint8], items: NDArray[np.int64], recording: _Recording) -> None:
        """Run items that are at the same phase of the early-exit check, until the end or until the last of them has left."""
        exit_, length = self.network.early_exit, spikes.shape[1]
        longest = max(1, SLICE_VALUES // (len(items) * self._widest))
        position = 0
        while position < length and len(items):
            stop = min(length, position + longest)
            if exit_ is not None:
                stop = min(stop, position + exit_.every - int(self._time[items[0]] % exit_.every))
            key = slice(int(items[0]), int(items[-1]) + 1) if items[-1] - items[0] == len(items) - 1 else items
            output_spikes = self._run_steps(spikes[key, position:stop], key, position, recording)
            self._time[items] += stop - position
            recording.steps[items] = stop
            if exit_ is not None:
                # A device keeps these counts in words of its state's width.
                counts = self._counts[items] + output_spikes.sum(axis=1, dtype=np.int64)
                self._counts[items] = np.minimum(counts, self.network.state_max)
                if self._time[items[0]] % exit_.every == 0:
                    ranked = np.sort(self._counts[items], axis=1)
                    second = ranked[:, -2] if ranked.shape[1] > 1 else 0
                    leaves = ranked[:, -1] - second > exit_.margin
                    recording.exited[items[leaves]] = True
                    items = items[~leaves]
            position = stop

    def _run_steps(self, spikes: NDArray[np.uint8], items: Items, position: int, recording: _Recording) -> NDArray[np.uint8]:
        """Run some steps of some items from their stored state; returns the output's spikes (items, time, neuron)."""
        length = spikes.shape[1]
        state = {name: s.take(items) for name, s in self._state.items()}
        fired = {}
        for name, s in state.items():
            if name == self.network.input.name:
                own = np.ascontiguousarray(spikes)
            else:
                own = recording.scratch.empty(f"{name} fired", (len(spikes), length, s.past.shape[2]), np.uint8)
            fired[name] = np.concatenate([s.past, own], axis=1) if self._depth[name] else own
        for component in self._components:
            self._run_component(component, state, fired, items, position, length, recording)
        for name, s in state.items():
            s.past = fired[name][:, length:]
            self._state[name].put(items, s)
        output = self.network.output
        return self._layers[output].shown(fired[output][:, self._depth[output] :])

    def _run_component(
        self,
        names: list[str],
        state: dict[str, State],
        fired: dict[str, NDArray[np.uint8]],
        items: Items,
        position: int,
        length: int,
        recording: _Recording,
    ) -> None:
        batch = len(fired[self.network.input.name])
        layers = [self._layers[name] for name in names]
        x, records, counters = {}, {}, {}
        for layer in layers:
            wanted = recording.wanted.get(layer.name, set())
            x[layer.name] = layer.synaptic_input(batch, length, wanted, recording.scratch)
            records[layer.name] = {v: np.empty((batch, length, layer.size), np.int64) for v in wanted & {"v", "i", "c"}}
            counters[layer.name] = np.zeros((batch, len(POPULATION_COUNTERS)), np.int64)
            for synapses in layer.synapses:
                if synapses.source not in names:
                    synapses.add(fired[synapses.source], self._depth[synapses.source], x[layer.name], 0, length)
        cyclic = any(synapses.source in names for layer in layers for synapses in layer.synapses)
        for start, stop in ((t, t + 1) for t in range(length)) if cyclic else ((0, length),):
            for layer in layers:
                for synapses in layer.synapses:
                    if synapses.source in names:
                        synapses.add(fired[synapses.source], self._depth[synapses.source], x[layer.name], start, stop)
                layer.update(state[layer.name], x[layer.name], fired[layer.name], records[layer.name], counters[layer.name], start, stop)
        for layer in layers:
            recording.counters[layer.name][items] += counters[layer.name]
            found = {**records[layer.name], "x": x[layer.name], "spikes": fired[layer.name][:, self._depth[layer.name] :]}
            for variable, values in recording.records.get(layer.name, {}).items():
                values[items, position : position + length] = layer.shown(found[variable])
