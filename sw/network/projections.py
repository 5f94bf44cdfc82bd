"""Projections: the synapses from one population into another."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from math import prod

import numpy as np

from lifline.arch.errors import NetworkError
from lifline.arch.values import integer, short, text

from .connections.fully_connected import FullyConnected
from .connections.kind import Connection, Shape
from .neurons import IntArray, integers, one_or_more

MAX_DELAY = 63
"""Largest delay in steps that a network may ask for."""
MAX_WEIGHT = (1 << 15) - 1
MAX_SHIFT = 15


@dataclass(frozen=True, eq=False, kw_only=True)
class Projection:
    """Synapses between two populations. ``connection`` says which there are and what shape ``weights`` have; default: all, (target, source).

    ``delays`` in steps: None, one value, or one per source neuron (axonal); where not everything is connected also one per channel of the source,
    (channels,); where everything is also one per synapse, (target, source).

    What needs the shapes of the populations is known once the projection belongs to a network: use those of :attr:`Network.projections
    <lifline.network.model.Network.projections>`. Fully connected ones know it always. There may be several between the same two populations.
    """

    source: str
    target: str
    weights: IntArray
    weight_shift: int = 0
    delays: IntArray | int | None = None
    connection: Connection = FullyConnected()
    _shapes: tuple[Shape, Shape] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        for end in ("source", "target"):
            text(getattr(self, end), f"{end} of a projection:", NetworkError)
        object.__setattr__(self, "weights", integers(self.weights, f"weights {self.source} -> {self.target}"))
        object.__setattr__(self, "weight_shift", integer(self.weight_shift, "weight_shift", NetworkError))
        if self.delays is not None:
            object.__setattr__(self, "delays", one_or_more(self.delays, f"delays {self.source} -> {self.target}"))
        if not isinstance(self.connection, Connection):
            raise NetworkError(f"{self.where}: {short(self.connection)} is no kind of connection; give for example `Convolution(stride=2)`")

    def __repr__(self) -> str:
        delays = np.asarray(0 if self.delays is None else self.delays)
        shown = f", delays {delays.min()}..{delays.max()}" if delays.size and delays.any() else ""
        kind = f", {self.kind}" if self.kind else ""
        return f"Projection({self.source} -> {self.target}, {' x '.join(map(str, self.weights.shape[::-1]))} weights{kind}{shown})"

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"projection {self.source} -> {self.target}"

    @property
    def kind(self) -> str:
        """A few words on how it connects, such as ``3x3 convolution, stride 2``; nothing if everything is connected."""
        return self.connection.describe(self.weights)

    def between(self, source: Shape, target: Shape) -> Projection:
        """The same between populations of these shapes, checked; the connection has a value for every axis of positions.

        Raises
        ------
        NetworkError   if weights, connection or delays do not fit, or are out of range.
        """
        if self._shapes == (source, target):
            return self
        try:
            connection = self.connection.normalised(source)
            connection.validate(self.weights, source, target)
        except NetworkError as error:
            raise NetworkError(f"{self.where}: {error}") from None
        self._check_ranges()
        self._check_delays(source)
        placed = copy.copy(self)
        object.__setattr__(placed, "connection", connection)
        object.__setattr__(placed, "_shapes", (source, target))
        return placed

    def _check_ranges(self) -> None:
        low, high = int(self.weights.min()), int(self.weights.max())
        if low < -MAX_WEIGHT or high > MAX_WEIGHT:
            raise NetworkError(f"{self.where}: weight {low if low < -MAX_WEIGHT else high} must be in {-MAX_WEIGHT}..{MAX_WEIGHT}")
        if not 0 <= self.weight_shift <= MAX_SHIFT:
            raise NetworkError(f"{self.where}: weight_shift {self.weight_shift} must be in 0..{MAX_SHIFT}")

    def _check_delays(self, source: Shape) -> None:
        delays, neurons = np.asarray(0 if self.delays is None else self.delays), prod(source)
        channels = self.connection.channel_delays
        other = (source[0],) if channels else self.weights.shape
        if delays.ndim and delays.shape not in ((neurons,), other):
            more = f"{source[0]} (one per channel) or {neurons} (axonal)" if channels else f"{neurons} (axonal) or {other} (synaptic)"
            raise NetworkError(f"{self.where}: delays have shape {delays.shape}; give one value, {more}")
        if delays.min() < 0 or delays.max() > MAX_DELAY:
            bad = delays.min() if delays.min() < 0 else delays.max()
            raise NetworkError(f"{self.where}: delay {bad} must be in 0..{MAX_DELAY} steps")

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """Shapes of source and target; flat ones as long as a fully connected projection belongs to no network.

        Raises
        ------
        NetworkError   for other kinds that belong to no network.
        """
        if self._shapes is not None:
            return self._shapes
        if isinstance(self.connection, FullyConnected):
            target, source = self.weights.shape
            return (source,), (target,)
        raise NetworkError(f"{self.where} belongs to no network, so that nobody knows its shapes; use the one in `network.projections`")

    @property
    def source_size(self) -> int:
        """Source neurons. Errors as :attr:`shapes`."""
        return prod(self.shapes[0])

    @property
    def target_size(self) -> int:
        """Target neurons. Errors as :attr:`shapes`."""
        return prod(self.shapes[1])

    def weight_matrix(self) -> IntArray:
        """The weight of every synapse, not shifted, (target, source); 0 where there is none. Errors as :attr:`shapes`."""
        return self.connection.matrix(self.weights, *self.shapes)

    def fan_out(self) -> IntArray:
        """Synapses of every source neuron, (source,), those with weight 0 among them. Errors as :attr:`shapes`."""
        return self.connection.fan_out(self.weights, *self.shapes)

    @property
    def synapses(self) -> int:
        """Synapses, those with weight 0 among them; :attr:`weights` may be far fewer. Errors as :attr:`shapes`."""
        return self.connection.synapses(self.weights, *self.shapes)

    @property
    def synaptic(self) -> bool:
        """Whether synapses of one source neuron have different delays, which axonal delays cannot express."""
        delays = np.asarray(self.delays)
        return delays.ndim == 2 and bool((delays != delays[0]).any())

    @property
    def shortest_delay(self) -> int:
        """In steps."""
        return int(np.min(0 if self.delays is None else self.delays))

    @property
    def longest_delay(self) -> int:
        """In steps."""
        return int(np.max(0 if self.delays is None else self.delays))

    def delay_matrix(self) -> IntArray:
        """Delay of every synapse, (target, source). Errors as :attr:`shapes`."""
        delays = np.asarray(self.delays) if self.synaptic else self.delay_vector()
        return np.broadcast_to(delays, (self.target_size, self.source_size))

    def delay_vector(self) -> IntArray:
        """Delay of every source neuron, (source,).

        Raises
        ------
        NetworkError   if delays are synaptic, and as :attr:`shapes`.
        """
        if self.synaptic:
            raise NetworkError(f"{self.where} has synaptic delays; there is no one delay per source neuron")
        delays = np.asarray(0 if self.delays is None else self.delays, dtype=np.int64)
        if delays.ndim == 2:
            return delays[0]
        shape, _ = self.shapes
        if delays.ndim and delays.size == shape[0]:
            return np.repeat(delays, prod(shape) // shape[0])
        return np.broadcast_to(delays, (prod(shape),))
