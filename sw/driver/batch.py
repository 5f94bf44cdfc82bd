"""Samples one behind the other on one device, the next one's requests under way while the device computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DeviceError
from lifline.arch.frame import MAX_WORDS, Request
from lifline.arch.registers import CONTROL_TAG_SHIFT

from .exchange import Exchange
from .items import Items
from .pipeline import Pipeline
from .samples import TAG_MASK, Seen, Words, fits, input_words, requests_of, seen_of

REFUSALS = 3
"""A sample that did not end as it should so often, on a link without faults, is run alone, which finds out what is the matter."""


class Batch:
    """Fresh runs of samples that fit into the device's memories, into ``items``.

    Parameters
    ----------
    wanted : what is recorded.
    """

    def __init__(self, exchange: Exchange, items: Items, wanted: Mapping[str, set[str]]) -> None:
        self._exchange, self._items, self._wanted = exchange, items, wanted
        self._steps, self._outputs, self._refused = 0, 0, 0
        self._words: list[NDArray[np.uint32]] = []
        self._tag = 0
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
        count = next((k for k, words in enumerate(self._words) if not fits(exchange.program, exchange.config, self._wanted, words, self._steps)), len(samples))

        def done(k: int, words: list[Words]) -> bool:
            good = self._done(k, words)
            if good:
                tell((k + 1) / len(samples))
            return good

        finished = Pipeline(exchange.link, self._restart).run(self._group, count, done, lambda: exchange.stop.is_set() or self._refused >= REFUSALS)
        if finished:
            exchange.set("output_taken", exchange.position)
        return finished

    def _restart(self) -> None:
        self._exchange.halt()
        self._exchange.set("steps", self._steps)
        self._tag = self._exchange.get("control") >> CONTROL_TAG_SHIFT & TAG_MASK

    def _group(self, k: int) -> list[Request]:
        self._tag = self._tag + 1 & TAG_MASK
        self._sent[k] = self._tag, self._outputs
        return requests_of(self._exchange.program, self._words[k], self._tag, self._outputs)

    def _done(self, k: int, words: list[Words]) -> bool:
        """Keep what a sample gave, if it is whole."""
        exchange, items = self._exchange, self._items
        tag, outputs = self._sent.pop(k)
        populations = exchange.program.populations
        behind = len(words) - (len(populations) + len(range(0, outputs, MAX_WORDS)))
        seen: Seen = seen_of(words[behind - 1], tag)
        exchange.compare(seen.load_mark)
        if seen.input_range:
            raise DeviceError(f"{exchange.url}: an input index was outside the input of {exchange.program.network.input.size} neurons; load again")
        if not seen.ended or (seen.steps != self._steps and not seen.exited):
            self._refused += 1
            return False
        if seen.produced > outputs:  # what was not read is gone: once more, and more of it from now on
            self._outputs = max(seen.produced, min(2 * outputs, exchange.config.output_words))
            return False
        read = np.array([word for part in words[behind + len(populations) :] for word in part], np.uint32)
        if len(exchange.decode(read[: seen.produced], items.records, k, 0, 0)):
            raise DeviceError(f"{exchange.url}: the device sent a part of a record; load again, or reset the board")
        for counters in items.counters.values():
            counters[k] = 0
        for band, events in zip(populations, words[behind:], strict=False):
            items.counters[band.name][k] += events
        items.cycles[k], items.done[k], items.exited[k] = seen.cycles, seen.steps, seen.exited
        exchange.position, self._refused = seen.produced, 0
        return True
