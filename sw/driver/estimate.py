"""What a program will do on a board before anything is built: time in the core, time on the link, energy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import ceil_div
from lifline.arch.errors import InputError
from lifline.arch.frame import Kind, Request
from lifline.arch.limits import RING_BITS
from lifline.arch.values import integer
from lifline.boards.board import BAUD_HZ, BOARDS, Board
from lifline.boards.board import board as board_of
from lifline.compiler.program import Program
from lifline.network.result import parse_records, with_output

from .energy import Energy, EnergyModel, board_for, energy_model
from .exchange import POLLED
from .input_words import input_words
from .predict import Activity, predict, record_activity
from .samples import Wanted, decision_of, fits, requests_of

BITS_PER_BYTE = 10
"""On a serial line, with start and stop."""
SLOWEST_HZ, FASTEST_HZ = 50, 50_000_000
"""Baud rates that a link may have."""

LOOK = [Request(0, Kind.WRITE, 0, 1, (0,)), Request(0, Kind.READ, 0, POLLED[1] - POLLED[0]), Request(0, Kind.WRITE, 0, 1, (0,))]
"""What crosses the link when the device's memories are filled and emptied once more: how much input there is, how far the device is, what it may free."""


@dataclass(frozen=True)
class Estimate:
    """Estimates, per sample; cycles are exact, the clock is what the board is built for, the host takes no time.

    Attributes
    ----------
    board : by its name.   clock_hz, baud_hz : of the core and of the line.   fastest_baud_hz : that the board's serial chip and this clock can make; the line's where nobody knows.
    cycles : of the core (batch,), exact.   window_cycles : of the longest window.   core_s : seconds that the core computes.
    sent, received : bytes that cross the link, each way.   link_s : seconds that the busier direction of the line takes.
    alone_s : from the first byte of a sample to the last one of its result, with nothing else under way.   samples_per_second : in a long batch.
    limit : what limits them: ``input``, ``output`` or ``core``.
    microjoules : of the chip while it computes a sample, an estimate.   energy : the same with its parts and range.   energy_model : how it is estimated.
    waiting : energy while the chip has nothing to do for the rest of the time that a sample takes at this rate.   milliwatts : mean power at this rate.
    whole : all samples fit into the device's memories, so that the bytes are exact where no spikes come back. Else nothing of the next sample crosses the link
        while one is under way, and the bytes are those of one look at the device for every filling of its memories.
    """

    board: str
    clock_hz: float
    baud_hz: int
    fastest_baud_hz: int
    cycles: NDArray[np.int64]
    window_cycles: int
    core_s: float
    sent: float
    received: float
    link_s: float
    alone_s: float
    samples_per_second: float
    limit: str
    microjoules: float
    energy: Energy
    waiting: Energy
    energy_model: str
    whole: bool

    @property
    def milliwatts(self) -> float:
        """Mean power of the chip at ``samples_per_second``, an estimate."""
        return (self.energy + self.waiting).total * self.samples_per_second * 1e-3

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """In words."""
        faster = f" ({self.fastest_baud_hz:,} with `lifline build --baud`)" if self.fastest_baud_hz > self.baud_hz else ""
        name = {"input": "input on the link", "output": "results on the link", "core": "the core"}[self.limit]
        return [
            f"estimate for {self.board}, core at {self.clock_hz / 1e6:g} MHz, link at {self.baud_hz:,} baud{faster}:",
            f"  {self.samples_per_second:,.1f} samples per second, limited by {name}; one alone takes {1e3 * self.alone_s:,.3f} ms",
            f"  core {1e3 * self.core_s:,.3f} ms per sample ({self.cycles.mean():,.0f} cycles), longest window {1e6 * self.window_cycles / self.clock_hz:,.1f} us",
            f"  link {1e3 * self.link_s:,.3f} ms per sample ({self.sent:,.0f} bytes there, {self.received:,.0f} back{'' if self.whole else ', roughly'})",
            f"  energy per sample {self.energy.described()}",
            f"  at this rate {self.milliwatts:,.3g} mW, of which {self.waiting.total * self.samples_per_second * 1e-3:,.3g} mW while the core waits for the link",
            f"  energy model: {self.energy_model}",
        ]


def estimate(
    program: Program, samples: object, *, board: str | Board | None = None, link: int = BAUD_HZ, record: str | Iterable[str] | None = (),
    energy: EnergyModel | None = None, activity: Activity | None = None,
) -> Estimate:
    """Time, rate, latency and energy of ``samples``, (batch, time, neuron) or (time, neuron), each from a fresh start.

    Parameters
    ----------
    board : its name, or a board of :mod:`lifline.boards.board`; the one that is built with the program's configuration unless given.   link : its baud rate.
    record : as for ``Device.run``; None: as by ``Device.classify``.   activity : of the network on these samples, if it is known.
    energy : of this board, unless given.

    Raises
    ------
    InputError    for bad samples, names or baud rates, or if no board is built with the program's configuration.
    ConfigError   for a board that does not exist.
    """
    chosen = _board(program, board)
    name, clock_hz = chosen.title, chosen.clock_hz
    baud_hz = integer(link, "link, in baud,", InputError, low=SLOWEST_HZ, high=FASTEST_HZ)
    fastest = chosen.adapter.rates(clock_hz)[-1] if chosen.adapter.base_hz else baud_hz
    config, network = program.config, program.network
    energy = energy or energy_model(config, board=chosen)
    activity = activity or record_activity(network, samples)
    wanted = decision_of(program) if record is None else Wanted(with_output(network, parse_records(network, record)))
    recorded = [f"{name}.{v}" for name, variables in wanted.records.items() for v in variables]
    costs = predict(program, config, activity, record=recorded or None)
    sizes = [_bytes(program, activity, wanted, k) for k in range(len(activity.steps))]
    sent, received = (float(np.mean([size[k] for size in sizes])) for k in (0, 1))
    cycles = np.array([c.busy_cycles for c in costs], np.int64)
    byte_s, core_s = BITS_PER_BYTE / baud_hz, float(cycles.mean()) / clock_hz
    # The device answers one request after the other: it does not compute while its results leave.
    there_s, back_s = sent * byte_s, received * byte_s + core_s
    whole = all(size[2] for size in sizes)
    operations = sum(activity.operations(p.source, p.fan_out()) for p in network.projections)
    reads = float(np.mean([c.weight_reads.sum() for c in costs]))
    rate = 1 / (max(there_s, back_s) if whole else there_s + back_s)
    spent = energy.energy(config, cycles=float(cycles.mean()), weight_reads=reads, operations=operations)
    return Estimate(
        board=name, clock_hz=clock_hz, baud_hz=baud_hz, fastest_baud_hz=fastest, cycles=cycles, window_cycles=max(int(c.cycles.sum(axis=1).max()) for c in costs), core_s=core_s,
        sent=sent, received=received, link_s=max(sent, received) * byte_s, alone_s=there_s + back_s, samples_per_second=rate,
        limit="input" if there_s > back_s else "core" if core_s > received * byte_s else "output",
        microjoules=spent.total, energy=spent, waiting=energy.waiting(config, max(0.0, 1 / rate - core_s)), energy_model=energy.describe(config), whole=whole,
    )  # fmt: skip


def _board(program: Program, board: str | Board | None) -> Board:
    """The board that is meant."""
    if board is not None:
        return board_of(board) if isinstance(board, str) else board
    found = board_for(program.config)
    if found is None:
        raise InputError(f"no board is built with `{program.config_name}` by itself; name one of {', '.join(BOARDS)} (board=, `--board`)")
    return found


def _bytes(program: Program, activity: Activity, wanted: Wanted, k: int) -> tuple[int, int, bool]:
    """Bytes to the device and from it for a sample, by the requests that the driver sends, and whether it fits into the device's memories."""
    config = program.config
    words = input_words(program, activity.spikes[program.network.input.name][k])
    outputs = _output_words(program, activity, wanted, k)
    whole = fits(program, config, wanted.records, words, len(activity.spikes[program.network.input.name][k]))
    requests = requests_of(program, config, words, wanted, tag=0, outputs=outputs)
    if not whole:
        fillings = max(ceil_div(len(words), config.input_words), ceil_div(outputs, config.output_words), 1)
        requests += LOOK * (fillings - 1)
    return sum(r.sent_bytes for r in requests), sum(r.reply_bytes for r in requests), whole


def _output_words(program: Program, activity: Activity, wanted: Wanted, k: int) -> int:
    """Words of the records of a sample."""
    words, lanes, steps = 0, program.config.multipliers, int(activity.steps[k])
    for name, variables in wanted.records.items():
        spread = program.layouts[name].spread(activity.spikes[name][k][:steps])
        for band in program.bands(name):
            if "spikes" in variables:
                places = spread[:, band.first : band.first + band.places]
                padded = np.pad(places, ((0, 0), (0, -places.shape[1] % RING_BITS)))
                words += 2 * int(padded.reshape(steps, -1, RING_BITS).any(axis=2).sum())
            words += steps * band.rows * (1 + lanes) * len(variables - {"spikes"})
    return words
