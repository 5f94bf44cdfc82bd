"""Energy of the FPGA as an estimate: what switches, times what it costs, with the range in which the truth is thought to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from lifline.arch.config import Config
from lifline.boards.board import BOARDS, Board
from lifline.boards.board import board as board_of
from lifline.boards.capacity import Need, need

from .coefficients import NOTHING, Coefficients, Range, Switching, coefficients_of, switching_of

UNKNOWN_BOARD = "ulx3s-25f"
"""Whose chip and clock are assumed for a configuration that no board is built with."""
TOGGLES = "table", "flip_flop", "memory"
"""Changes of wires between cells, by the kinds of :mod:`lifline.sim.netlist.activity`."""
PICO_TO_MICRO = 1e-6


@dataclass(frozen=True)
class Energy:
    """In microjoules: what leaks and runs anyway (``static``), what the clock takes, what switches (``dynamic``); and the range of the sum."""

    static: float = 0.0
    clock: float = 0.0
    dynamic: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def total(self) -> float:
        """The estimate of the sum."""
        return self.static + self.clock + self.dynamic

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.static + other.static, self.clock + other.clock, self.dynamic + other.dynamic, self.low + other.low, self.high + other.high)

    def scaled(self, factor: float) -> Energy:
        """All of it times ``factor``, which is not negative."""
        return Energy(self.static * factor, self.clock * factor, self.dynamic * factor, self.low * factor, self.high * factor)

    @property
    def figures(self) -> dict[str, float]:
        """For JSON, in microjoules."""
        return {f"{name}_uj": getattr(self, name) for name in ("total", "static", "clock", "dynamic", "low", "high")}

    def described(self) -> str:
        """In words, an estimate with its range and parts."""
        parts = ", ".join(f"{name} {getattr(self, name) / self.total:.0%}" if self.total else f"{name} 0%" for name in ("static", "clock", "dynamic"))
        return f"{_short(self.total)} µJ, an estimate ({_short(self.low)} to {_short(self.high)}); {parts}"


def _short(number: float) -> str:
    """With three digits, or whole."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _energy(static: Range, clock: Range, dynamic: Range) -> Energy:
    """Of picojoules."""
    whole = static + clock + dynamic
    return Energy(*(PICO_TO_MICRO * number for number in (static.value, clock.value, dynamic.value, whole.low, whole.high)))


def switched_pj(coefficients: Coefficients, counts: Mapping[str, float]) -> Range:
    """What is used by things that have happened, by their kind (those of :mod:`lifline.sim.netlist.activity`); in picojoules."""
    c = coefficients
    return (
        c.toggle_fj.scaled(1e-3 * sum(counts.get(kind, 0) for kind in TOGGLES))
        + c.carry_fj.scaled(1e-3 * counts.get("carry", 0))
        + c.block_pj.scaled(counts.get("block_read", 0) + counts.get("block_write", 0))
        + c.single_port_pj.scaled(counts.get("single_port_read", 0) + counts.get("single_port_write", 0))
        + c.distributed_pj.scaled(counts.get("distributed_write", 0))
        + c.product_pj.scaled(counts.get("product", 0))
    )


def energy_of(coefficients: Coefficients, clock_hz: float, flip_flops: float, counts: Mapping[str, float]) -> Energy:
    """Of everything that has happened in ``counts["cycles"]`` clock cycles of a design with so many flip-flops."""
    c, cycles = coefficients, counts.get("cycles", 0)
    each = 1e6 / clock_hz  # microwatts are so many picojoules in a cycle
    clock = c.loop_uw.scaled(each) + c.tree_pj + c.flip_flop_fj.scaled(1e-3 * flip_flops)
    return _energy(c.static_uw.scaled(each * cycles), clock.scaled(cycles), switched_pj(c, counts))


@dataclass(frozen=True)
class Rates:
    """Microjoules of a configuration: for a cycle in which it computes; beyond that for a weight bit read and a synaptic operation; for a cycle in which it waits."""

    cycle: Energy
    weight_bit: Energy
    operation: Energy
    waiting: Energy


@dataclass(frozen=True)
class EnergyModel:
    """Energy of a chip as a sum over clock cycles, weight bits read and synaptic operations, without a netlist; see ``docs/energy.md``.

    Attributes
    ----------
    coefficients : of the chip.   switching : what designs of its family switch.   family : its name.   clock_hz : of the core.
    """

    coefficients: Coefficients
    switching: Switching
    family: str
    clock_hz: float

    def rates(self, config: Config) -> Rates:
        """For a configuration; takes a second the first time, as its memories are counted."""
        return _rates(self, config)

    def energy(self, config: Config, *, cycles: float, weight_reads: float = 0.0, operations: float = 0.0) -> Energy:
        """Estimate for ``cycles`` in which the device computes, weight words read, and synaptic operations."""
        rates = self.rates(config)
        return rates.cycle.scaled(cycles) + rates.weight_bit.scaled(weight_reads * config.weight_word_bits) + rates.operation.scaled(operations)

    def microjoules(self, config: Config, *, cycles: float, weight_reads: float = 0.0, operations: float = 0.0) -> float:
        """The same as one number."""
        return self.energy(config, cycles=cycles, weight_reads=weight_reads, operations=operations).total

    def waiting(self, config: Config, seconds: float) -> Energy:
        """Estimate for a time in which the device has nothing to do and its clock runs."""
        return self.rates(config).waiting.scaled(seconds * self.clock_hz)

    def describe(self, config: Config) -> str:
        """The formula in one line, for tables."""
        r, c = self.rates(config), self.coefficients
        pico = 1 / PICO_TO_MICRO
        low, high = r.cycle.low / r.cycle.total, r.cycle.high / r.cycle.total
        return (
            f"{_short(r.cycle.total * pico)} pJ per cycle ({_short(r.cycle.static * pico)} static, {_short(r.cycle.clock * pico)} clock, "
            f"{_short(r.cycle.dynamic * pico)} switching) + {_short(r.weight_bit.total * pico)} pJ per weight bit read + {_short(r.operation.total * pico)} pJ per synaptic operation, {c.device} at {self.clock_hz / 1e6:g} MHz; "
            f"an estimate, the truth may be {low:.1g} to {high:.2g} times that; {c.source}"
        )


@lru_cache(maxsize=256)
def _rates(model: EnergyModel, config: Config) -> Rates:
    c, s = model.coefficients, model.switching
    wanted: Need = need(config, model.family)
    standing = {"cycles": 1.0, "block_read": s.block_accesses * wanted.block_ram, "single_port_read": s.single_port_accesses * wanted.spram}
    flip_flops = s.flip_flops * wanted.lut.number

    def wires(number: float) -> Range:
        """So many changes, and carries with them; how many there are is known no better than the fit."""
        pj = switched_pj(c, {"table": number, "carry": number * s.carries_per_toggle})
        return Range(pj.value, pj.low * (1 - s.error_90_percent), pj.high * (1 + s.error_90_percent))

    busy = {"distributed_write": s.distributed_writes, "product": s.products * config.multipliers}
    moved = wires(s.per_cycle + s.per_lane_bit_cycle * config.multipliers * config.state_bits) + switched_pj(c, busy)
    waiting = energy_of(c, model.clock_hz, flip_flops, standing)
    return Rates(
        cycle=waiting + _energy(NOTHING, NOTHING, moved), weight_bit=_energy(NOTHING, NOTHING, wires(s.per_weight_bit)),
        operation=_energy(NOTHING, NOTHING, wires(s.per_operation)), waiting=waiting,
    )  # fmt: skip


def board_for(config: Config) -> Board | None:
    """The board that is built with the configuration of this name, if there is one."""
    return next((b for b in BOARDS.values() if b.configuration().name == config.name), None)


def energy_model(
    config: Config, *, board: str | Board | None = None, coefficients: str | os.PathLike[str] | None = None, must: bool = True,
) -> EnergyModel:
    """For a board, by default the one that is built with ``config``; without one, for the chip and clock of :data:`UNKNOWN_BOARD`.

    Parameters
    ----------
    coefficients : a file, see :func:`~lifline.driver.coefficients.coefficients_of`.   must : it has something for the chip; else what is built in counts.

    Raises
    ------
    ConfigError   for a board that does not exist.
    InputError    for a file that holds no coefficients.
    """
    chosen = board_of(board) if isinstance(board, str) else board or board_for(config) or BOARDS[UNKNOWN_BOARD]
    chip = chosen.chip
    return EnergyModel(coefficients_of(chip, coefficients, must=must), switching_of(chip.family), chip.family, chosen.clock_hz)
