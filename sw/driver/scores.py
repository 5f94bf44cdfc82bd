"""What speaks for each class in a stream: of a part, of everything so far, and of the last parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import InputError
from lifline.network.model import Population
from lifline.network.result import RunResult

Values = NDArray[np.int64]
"""One per output neuron."""

JOINED: Mapping[str, Callable[[Values, Values], Values]] = {
    "spike_counts": np.add,
    "v_max": np.maximum,
    "v_sum": np.add,
    "v_last": lambda earlier, later: later,
}
"""What can decide, as in :class:`~lifline.network.result.RunResult`, and how an earlier and a later part become one."""


class Scores:
    """Joins what every part of a stream says.

    Parameters
    ----------
    by : a key of :data:`JOINED`; spike counts, or ``v_max`` for a read-out, if it is not given.   parts : in the window, or None.

    Attributes
    ----------
    chunk, running, windowed : (neuron,): of the last part, of all, of the last ``parts``; None before the first part, or without a window.

    Raises
    ------
    InputError   if ``by`` is nothing that this output has.
    """

    def __init__(self, output: Population, by: str | None, parts: int | None) -> None:
        assert output.neurons is not None
        fires = output.neurons.cap > 0
        known = ["spike_counts"] if fires else [name for name in JOINED if name != "spike_counts"]
        self.by = ("spike_counts" if fires else "v_max") if by is None else by
        if self.by not in known:
            raise InputError(f"score {by!r}: output `{output.name}` {'fires' if fires else 'never fires'} and has {', '.join(known)}; choose one of these")
        self._join = JOINED[self.by]
        self._last: deque[Values] | None = None if parts is None else deque(maxlen=parts)
        self.chunk: Values | None = None
        self.running: Values | None = None

    def add(self, result: RunResult) -> None:
        """The next part; one that executed no step says nothing."""
        if not result.steps[0]:
            return
        self.chunk = getattr(result, self.by)[0].copy()
        assert self.chunk is not None
        self.running = self.chunk if self.running is None else self._join(self.running, self.chunk)
        if self._last is not None:
            self._last.append(self.chunk)

    @property
    def windowed(self) -> Values | None:
        if not self._last:
            return None
        joined = self._last[0]
        for part in list(self._last)[1:]:
            joined = self._join(joined, part)
        return joined


def best(values: Values | None) -> int:
    """Arg max, ties to the lowest index; -1 if there is nothing."""
    return -1 if values is None else int(values.argmax())
