"""Samples one behind the other on one device, the next one's requests under way while the device computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DeviceError
from lifline.arch.frame import MAX_WORDS, Request
from lifline.arch.registers import CONTROL_TAG_SHIFT, Space, address
from lifline.network.result import Decisions, decisions

from .exchange import Exchange
from .input_words import input_words
from .items import Items
from .pipeline import Pipeline
from .samples import TAG_MASK, Wanted, Words, fits, most_output, requests_of, seen_of, state_of, state_reads

REFUSALS = 3
"""A sample that did not end as it should so often, on a link without faults, is run alone, which finds out what is the matter."""


class Batch:
    """Fresh runs of samples that fit into the device's memories, into ``items``.

    Parameters
    ----------
    wanted : what comes back.

    Attributes
    ----------
    states : of every sample that was run, (neuron,), if a state is wanted.
    """

    def __init__(self, exchange: Exchange, items: Items, wanted: Wanted) -> None:
        self._exchange, self._items, self._wanted = exchange, items, wanted
        self._steps, self._outputs, self._refused, self._end = 0, 0, 0, 0
        self.states: list[NDArray[np.int64]] = []
        self._words: list[NDArray[np.uint32]] = []
        self._tag, self._restarted = 0, False
        self._sent: dict[int, tuple[int, int]] = {}
        """Of a sample under way: its tag, and the output words that are read."""

    def run(self, samples: NDArray[np.uint8], tell: Callable[[float], object]) -> int:
        """Run (sample, time, neuron); returns how many samples were run: all, or fewer if one does not fit, or the device is to stop.

        Raises
        ------
        LinkError     if the link fails.
        DeviceError   if the device was taken away, or reports an error.
        """
        exchange = self._exchange
        self._steps = samples.shape[1]
        self._words = [input_words(exchange.program, sample) for sample in samples]
        count = next((k for k, words in enumerate(self._words) if not fits(exchange.program, exchange.config, self._wanted.records, words, self._steps)), len(samples))

        def done(k: int, words: list[Words]) -> bool:
            good = self._done(k, words)
            if good:
                tell((k + 1) / len(samples))
            return good

        def stop() -> bool:
            return exchange.stop.is_set() or self._refused >= REFUSALS

        states = {name: variables - {"spikes"} for name, variables in self._wanted.records.items()}
        self._outputs = most_output(exchange.program, exchange.config, states, self._steps)  # these are known; of spikes the first sample tells
        alone = min(count, 1) if any("spikes" in variables for variables in self._wanted.records.values()) else 0
        pipeline, finished = Pipeline(exchange.link, self._restart), 0
        for self._end in dict.fromkeys((alone, count)):
            if finished < self._end:
                finished = pipeline.run(self._group, finished, self._end, done, stop)
        if finished:
            exchange.set("output_taken", exchange.position)
            exchange.check()
        return finished

    def decisions(self) -> Decisions:
        """Of the samples that were run, if what was wanted tells them; zero for the others."""
        items, output = self._items, self._exchange.program.network.output
        if self._wanted.state is None:
            scores = items.records[output]["spikes"].sum(axis=1, dtype=np.int64)
        else:
            scores = np.zeros((len(items.done), self._exchange.program.network.population(output).size), np.int64)
            scores[: len(self.states)] = np.reshape(self.states, (-1, scores.shape[1]))
        return decisions(scores, items.done, items.exited)

    def _restart(self) -> None:
        if self._restarted:
            self._exchange.check()  # a device that was reconfigured waits for input for ever
        self._restarted = True
        self._exchange.halt()
        self._exchange.set("steps", self._steps)
        self._tag = self._exchange.get("control") >> CONTROL_TAG_SHIFT & TAG_MASK

    def _group(self, k: int) -> list[Request]:
        self._tag = self._tag + 1 & TAG_MASK
        self._sent[k] = self._tag, self._outputs
        return requests_of(self._exchange.program, self._exchange.config, self._words[k], self._wanted, tag=self._tag, outputs=self._outputs)

    def _done(self, k: int, words: list[Words]) -> bool:
        """Keep what a sample gave, if it is whole."""
        exchange, items = self._exchange, self._items
        tag, outputs = self._sent.pop(k)
        bands = exchange.program.populations if self._wanted.events else ()
        read = len(range(0, outputs, MAX_WORDS))
        state = sum(map(len, state_reads(exchange.program, exchange.config, self._wanted.state))) if self._wanted.state else 0
        behind = len(words) - read - state - len(bands)
        events, values, output = words[behind : behind + len(bands)], words[behind + len(bands) : len(words) - read], words[len(words) - read :]
        seen = seen_of(words[behind - 1], tag)
        exchange.compare(seen.load_mark)
        if seen.input_range:
            raise DeviceError(f"{exchange.url}: an input index was outside the input of {exchange.program.network.input.size} neurons; load again")
        if not seen.ended or (seen.steps != self._steps and not seen.exited):
            self._refused += 1
            return False
        produced = np.array([word for part in output for word in part], np.uint32)[: seen.produced]
        if seen.produced > outputs:
            self._outputs = min(seen.produced + seen.produced // 4, exchange.config.output_words)
            if k + 1 < self._end:
                return False  # what was not read is gone: once more
            produced = np.concatenate([produced, exchange.link.read(address(Space.OUTPUT, outputs), seen.produced - outputs)])
        if len(exchange.decode(produced, items.records, k, 0, 0)):
            raise DeviceError(f"{exchange.url}: the device sent a part of a record; load again, or reset the board")
        for counters in items.counters.values():
            counters[k] = 0
        for band, counted in zip(bands, events, strict=True):
            items.counters[band.name][k] += counted
        if self._wanted.state:
            self.states.append(state_of(exchange.program, exchange.config, self._wanted.state, values))
        items.cycles[k], items.done[k], items.exited[k] = seen.cycles, seen.steps, seen.exited
        exchange.position, self._refused = seen.produced, 0
        return True
