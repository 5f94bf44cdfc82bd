"""A network in fewer bits.

From a graph in floating point (:class:`FloatSource`) every width is quantised anew, with the calibration data. A network file (:class:`IntegerSource`) holds
nothing but integers: these are rounded a second time, so that its figures at fewer bits are what rounding alone gives, without training again; at its own
widths it stays as it is, bit for bit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_BITS, DECAY_ONE
from lifline.arch.config import Config
from lifline.arch.errors import ConversionError
from lifline.convert.floating.network import FloatNetwork
from lifline.convert.quantisation.quantise import quantise
from lifline.network.file import digest_of
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

HEADROOM = 0.5
"""Share of the states' range that the largest membranes of the calibration data may take, as in quantisation."""
CALIBRATED = 100
"""Samples that show how large membranes become, unless others are given."""
CLIPS = (1.0, 1.15, 1.35, 1.6, 2.0, 2.5, 3.2, 4.0)
"""Factors by which the largest weights may be cut for finer steps; the one with the smallest squared error is taken."""


class Source(Protocol):
    """What networks of several widths are made of."""

    @property
    def digest(self) -> str:
        """Changes with everything that the networks depend on."""
        ...

    @property
    def longest_delay(self) -> int:
        """In steps."""
        ...

    def network(self, config: Config) -> Network:
        """The network in the widths of ``config``.

        Raises
        ------
        ConversionError   if it has none in these widths.
        """
        ...


@dataclass(frozen=True, eq=False)
class FloatSource:
    """A network in floating point, and typical spikes (batch, time, neuron) that choose its scales."""

    exact: FloatNetwork
    calibration: NDArray[np.uint8]

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(pickle.dumps(self.exact) + _bytes_of(self.calibration)).hexdigest()

    @property
    def longest_delay(self) -> int:
        return max((int(p.delays.max()) for p in self.exact.projections), default=0)

    def network(self, config: Config) -> Network:
        return quantise(self.exact, self.calibration, config=config)


@dataclass(frozen=True, eq=False)
class IntegerSource:
    """A network in integers, and typical spikes (batch, time, neuron) that show how large its membranes become."""

    original: Network
    calibration: NDArray[np.uint8]

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(digest_of(self.original).encode() + _bytes_of(self.calibration)).hexdigest()

    @property
    def longest_delay(self) -> int:
        return max((p.longest_delay for p in self.original.projections), default=0)

    @cached_property
    def peaks(self) -> dict[str, float]:
        """The largest magnitude that a membrane, a current or a parameter of each population takes."""
        names = [p.name for p in self.original.populations if p.neurons is not None]
        currents = [f"{p.name}.i" for p in self.original.populations if p.neurons is not None and p.neurons.decay_i < DECAY_ONE]
        records = GoldenModel(self.original).run(self.calibration, record=[*(f"{name}.v" for name in names), *currents]).records
        return {
            p.name: max(float(np.abs(states).max()) for states in (*(v for k, v in records[p.name].items() if k != "spikes"), *_parameters(p.neurons).values()))
            for p in self.original.populations
            if p.neurons is not None
        }

    def network(self, config: Config) -> Network:
        populations, projections = [self.original.input], []
        for name in self.original.order:
            p = self.original.population(name)
            if p.neurons is not None:
                scaled, synapses = _scaled(p, p.neurons, self.original.projections_into(name), self.peaks[name], config)
                populations.append(scaled)
                projections += synapses
        order = {p.name: k for k, p in enumerate(self.original.populations)}
        return self.original.replace(
            populations=tuple(sorted(populations, key=lambda p: order[p.name])), projections=tuple(projections), state_bits=config.state_bits
        )


def _bytes_of(array: NDArray[np.uint8]) -> bytes:
    return repr((array.shape, array.dtype.str)).encode() + np.ascontiguousarray(array).tobytes()


def _parameters(neurons: Neurons) -> dict[str, NDArray[np.int64]]:
    """Everything of a population that is in units of its membrane."""
    named = {name: getattr(neurons, name) for name in ("threshold", "bias", "v_reset", "v_min")}
    return {name: np.asarray(value) for name, value in named.items() if value is not None and not (name == "threshold" and neurons.cap == 0)}


def _scaled(p: Population, neurons: Neurons, into: list[Projection], peak: float, config: Config) -> tuple[Population, list[Projection]]:
    """A population and what reaches it in the widths of ``config``: as they are if they fit, else rounded.

    Raises
    ------
    ConversionError   if no scale leaves its thresholds above zero.
    """
    limit = HEADROOM * config.state_max / max(peak, 1.0)
    fits = all(q.weights.min() >= config.weight_min and q.weights.max() <= config.weight_max and q.weight_shift in config.weight_shifts for q in into)
    if fits and limit >= 1 and len({q.weight_shift for q in into}) == 1:
        return p, into
    effective = [q.weights.astype(np.float64) * (1 << q.weight_shift) for q in into]
    together = np.concatenate([w.reshape(-1) for w in effective])
    best: tuple[float, float, int] | None = None
    for shift in reversed(config.weight_shifts):
        fill = config.weight_max * (1 << shift) / max(np.abs(together).max(), 1.0)
        for scale in sorted({min(fill * clip, limit) for clip in CLIPS}):
            error = float(((_rounded(together, scale, shift, config) * (1 << shift) / scale - together) ** 2).sum())
            if _threshold_survives(neurons, scale) and (best is None or error < best[0] * (1 - 1e-9)):
                best = error, scale, shift
    if best is None:
        raise ConversionError(
            f"population `{p.name}`: with {config.weight_bits} weight bits and {config.state_bits} state bits its threshold rounds to zero; use more of either"
        )
    _, scale, shift = best
    values = {name: np.rint(value * scale).astype(np.int64) for name, value in _parameters(neurons).items()}
    changes = {name: value if value.ndim else int(value) for name, value in values.items()}
    projections = [
        dataclasses.replace(q, weights=_rounded(w, scale, shift, config).astype(np.int64), weight_shift=shift) for q, w in zip(into, effective, strict=True)
    ]
    return Population(p.name, p.shape, dataclasses.replace(neurons, **changes)), projections


def _rounded(effective: NDArray[np.float64], scale: float, shift: int, config: Config) -> NDArray[np.float64]:
    return np.clip(np.rint(effective * scale / (1 << shift)), -config.weight_max, config.weight_max)


def _threshold_survives(neurons: Neurons, scale: float) -> bool:
    return neurons.cap == 0 or bool((np.rint(np.asarray(neurons.threshold) * scale) >= 1).all())


def with_decay_bits(network: Network, bits: int) -> Network:
    """Decays rounded to multiples of 1/2^bits; one that is not zero stays above it."""
    step = 1 << (DECAY_BITS - bits)

    def of(decay: int) -> int:
        return decay if decay == 0 else min(max(round(decay / step), 1) * step, DECAY_ONE)

    populations = tuple(
        p if p.neurons is None else dataclasses.replace(p, neurons=dataclasses.replace(p.neurons, decay_v=of(p.neurons.decay_v), decay_i=of(p.neurons.decay_i)))
        for p in network.populations
    )
    return network.replace(populations=populations)


def with_delays_up_to(network: Network, limit: int) -> Network:
    """Delays above ``limit`` steps become ``limit``.

    Raises
    ------
    NetworkError   if a cycle has no delay left.
    """
    projections = tuple(
        q if q.delays is None or q.longest_delay <= limit else dataclasses.replace(q, delays=_plain(np.minimum(np.asarray(q.delays), limit)))
        for q in network.projections
    )
    return network.replace(projections=projections)


def _plain(delays: NDArray[np.int64]) -> NDArray[np.int64] | int | None:
    if not delays.any():
        return None
    return delays if delays.ndim else int(delays)
