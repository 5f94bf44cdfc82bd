"""What a candidate would be: accuracy by the golden model, cycles by the cycle model, memories counted, lookup tables and energy estimated."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import ConfigError, InputError
from lifline.arch.program import Mode
from lifline.boards.board import board
from lifline.boards.capacity import check_fits, need
from lifline.boards.estimate import lookup_tables
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.driver.choose import compile_auto
from lifline.driver.coefficients import coefficients_of
from lifline.driver.energy import UNKNOWN_BOARD, EnergyModel, energy_model
from lifline.driver.predict import predict, record_activity
from lifline.network.model import Network
from lifline.network.spikes import as_batch
from lifline.sim.golden.model import GoldenModel

from .cache import Cache, key_of
from .candidate import Candidate
from .requantise import FloatSource, IntegerSource, with_decay_bits, with_delays_up_to

COSTED = 32
"""Samples whose cycles are counted unless told otherwise; the accuracy is that of all."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """What a search is for: a network, and samples with labels.

    Attributes
    ----------
    spikes : (batch, time, neuron) of 0/1.   labels : (batch,).   costed : the first so many samples give cycles and energy.
    cache : folder of results.   coefficients : a file of energy's (docs/energy.md), which every machine that helps can read; chips that it does not name have the built-in ones.

    Raises
    ------
    InputError   for samples that are none, or labels that do not belong to them.
    """

    source: IntegerSource | FloatSource
    spikes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    costed: int = COSTED
    cache: Path
    coefficients: Path | None = None

    def __post_init__(self) -> None:
        spikes, labels = np.asarray(self.spikes), np.asarray(self.labels)
        if spikes.ndim != 3 or not len(spikes) or not spikes.shape[1]:
            raise InputError(f"spikes have shape {spikes.shape}; a search needs (batch, time, neuron) with at least one sample and one step")
        size = (self.source.original if isinstance(self.source, IntegerSource) else self.source.exact).input.size
        object.__setattr__(self, "spikes", as_batch(spikes, size, None)[0])
        if labels.shape != (len(spikes),) or labels.dtype.kind not in "iu":
            raise InputError(f"labels have shape {labels.shape} and type {labels.dtype}; give one integer for each of the {len(spikes)} samples")
        if self.costed < 1:
            raise InputError(f"cycles of {self.costed} samples cannot be counted; give at least 1")
        parts = key_of(self.source.digest, self.spikes.shape, self.spikes.tobytes().hex(), labels.tolist(), self.costed, *self._own_coefficients())
        object.__setattr__(self, "_digest", parts)

    def _own_coefficients(self) -> list[str]:
        if self.coefficients is None:
            return []
        coefficients_of(board(UNKNOWN_BOARD).chip, self.coefficients, must=False)  # refused now rather than by every candidate
        return [self.coefficients.read_text()]

    def energy(self, config: Config, on: str) -> EnergyModel:
        """Of a configuration on a board."""
        return energy_model(config, board=on, coefficients=self.coefficients, must=False)

    @property
    def digest(self) -> str:
        """Changes with everything that a candidate's figures depend on besides itself: network, samples, lifline's sources."""
        return self._digest  # type: ignore[attr-defined, no-any-return]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a candidate is.

    Attributes
    ----------
    accuracy : share of all samples, by the golden model on the network in the candidate's widths; exact.
    cycles, window_cycles : mean over the costed samples, and the longest window of them; exact.
    clock_mhz : what the board's preset is built for, until the candidate has been built.
    microseconds : of the core for a sample at this clock.   lag_us : of the longest window.
    lut : an estimate, with its relative error.   block_ram, dsp, spram : exact.   microjoules : an estimate of the core's energy for a sample.
    operations : synaptic operations for a sample.   config : every parameter of the configuration.
    """

    accuracy: float
    cycles: float
    window_cycles: int
    clock_mhz: float
    microseconds: float
    lag_us: float
    lut: int
    lut_error: float
    block_ram: int
    dsp: int
    spram: int
    microjoules: float
    operations: float
    config: dict[str, Any]

    @property
    def hardware(self) -> Config:
        """The configuration."""
        fields: dict[str, Any] = {**self.config, "weight_shifts": tuple(self.config["weight_shifts"])}
        return Config(**fields)


def network_of(problem: Problem, candidate: Candidate) -> Network:
    """The network in the candidate's widths, with the delays that it keeps.

    Raises
    ------
    ConversionError, ConfigError, NetworkError   if there is none.
    """
    network = problem.source.network(candidate.roomy(early_exit=True, mapped=False))
    return with_decay_bits(with_delays_up_to(network, candidate.delays), candidate.decay_bits)


def program_of(problem: Problem, candidate: Candidate, network: Network) -> Program:
    """The network compiled for the candidate's configuration, whose memories are as small as it allows.

    Raises
    ------
    CompileError, ConfigError   if there is none.
    """
    roomy = candidate.roomy_for(network)
    check_at_once(roomy, candidate)
    if candidate.plain().modes == "event":
        first = compile_network(network, roomy, Mode.EVENT)
    else:
        first, _ = compile_auto(network, roomy, problem.spikes[: problem.costed], objective=candidate.modes, energy=problem.energy(roomy, candidate.board), progress=False)
    return compile_network(network, candidate.tight(roomy, first.memory), first.modes)


def check_at_once(config: Config, candidate: Candidate) -> None:
    """Refuse at once, before anything is compiled, what has too many lookup tables, which do not depend on memories.

    Raises
    ------
    ConfigError   naming both numbers.
    """
    chosen, wanted = board(candidate.board), lookup_tables(config, board(candidate.board).family.tables)
    if wanted.least > chosen.chip.lut:
        raise ConfigError(f"it needs about {wanted.number:,} lookup tables (give or take {100 * wanted.error:.0f} %), the {chosen.chip.name} has {chosen.chip.lut:,}")


def evaluate(problem: Problem, candidate: Candidate) -> Measured:
    """Everything about a candidate; taken from the problem's cache if it was found before.

    Raises
    ------
    LiflineError   of many kinds, for a candidate that does not exist, does not fit its board, or cannot run the network.
    """
    cache, candidate = Cache(problem.cache), candidate.plain()
    key = key_of(problem.digest, candidate)
    found = cache.recall(key)
    if found is None:
        found = dataclasses.asdict(_evaluated(problem, candidate, cache))
        cache.remember(key, found)
    return Measured(**found)


def _evaluated(problem: Problem, candidate: Candidate, cache: Cache) -> Measured:
    chosen = board(candidate.board)
    network = network_of(problem, candidate)
    program = program_of(problem, candidate, network)
    config = program.config
    check_fits(config, chosen)
    costs = predict(program, config, activity := record_activity(network, problem.spikes[: problem.costed]))
    operations = sum(activity.operations(p.source, p.fan_out()) for p in network.projections)
    cycles, reads = float(np.mean([c.busy_cycles for c in costs])), float(np.mean([c.weight_reads.sum() for c in costs]))
    window, wanted = max(int(c.cycles.sum(axis=1).max()) for c in costs), need(config, chosen.chip.family)
    return Measured(
        accuracy=_accuracy(problem, candidate, network, cache), cycles=cycles, window_cycles=window, clock_mhz=chosen.clock_hz / 1e6,
        microseconds=cycles / chosen.clock_hz * 1e6, lag_us=window / chosen.clock_hz * 1e6, lut=wanted.lut.number, lut_error=wanted.lut.error,
        block_ram=wanted.block_ram, dsp=wanted.dsp, spram=wanted.spram, operations=operations,
        microjoules=problem.energy(config, candidate.board).microjoules(config, cycles=cycles, weight_reads=reads, operations=operations), config=dataclasses.asdict(config),
    )  # fmt: skip


def _accuracy(problem: Problem, candidate: Candidate, network: Network, cache: Cache) -> float:
    """Of the network in these widths, which many candidates share."""
    key = key_of(problem.digest, "accuracy", candidate.weight_bits, candidate.state_bits, candidate.decay_bits, candidate.delays)
    found = cache.recall(key)
    if found is None:
        predictions = GoldenModel(network).run(problem.spikes).prediction
        found = {"accuracy": float((predictions == np.asarray(problem.labels)).mean())}
        cache.remember(key, found)
    return float(found["accuracy"])

