"""Energy of a program on one's own samples, from what its board's mapped netlist switches while it runs them: layer by layer and module by module."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import NetlistError, ToolError
from lifline.arch.program import PASS_0
from lifline.boards.board import BOARDS, Board
from lifline.boards.board import board as board_of
from lifline.boards.synthesis import SYNTHESISED, synthesised
from lifline.compiler.program import Program
from lifline.network.progress import Reporting, progress_of
from lifline.network.result import differences
from lifline.network.spikes import as_batch
from lifline.sim.board.build import cache_folder
from lifline.sim.golden.model import GoldenModel
from lifline.sim.netlist.activity import KINDS, ActivityCounter
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.reader import read_netlist

from .coefficients import Coefficients, coefficients_of
from .energy import UNKNOWN_BOARD, Energy, board_for, energy_of, switched_pj
from .link import Link
from .linked import LinkedDevice
from .predict import predict, record_activity

WINDOWS, HOST = "windows, clearing", "host and link"
"""What is no layer: before, between and behind the passes; while the device does not run or waits for its input, of which only what switches is counted, as the time is
the link's."""
FIRST = 1
"""Of the counter's rows, the first one in which the device runs; the last one is before the first instruction."""


@dataclass(frozen=True)
class Part:
    """Per sample. ``counts``: what has happened, by kind (:data:`lifline.sim.netlist.activity.KINDS`)."""

    name: str
    counts: dict[str, float]
    energy: Energy


@dataclass(frozen=True)
class NetlistEnergy:
    """What a program takes by its netlist, per sample.

    Attributes
    ----------
    board : whose chip and clock.   flip_flops : of the design.   coefficients : of the chip.   clock_hz : of the core.
    layers : in the order of the program, and what is between them (:data:`WINDOWS`) last.   total : their sum, while the device computes.
    host : what programs, input and results switch beside that, without clock and leakage.
    modules : parts of the core by name, microjoules that they switch while it computes, largest first.
    samples : how many there were.   netlist_cycles : (batch,), all clock cycles that were simulated.
    """

    board: str
    flip_flops: int
    coefficients: Coefficients
    clock_hz: float
    layers: tuple[Part, ...]
    total: Energy
    host: Part
    modules: tuple[tuple[str, float], ...]
    samples: int
    netlist_cycles: NDArray[np.int64]


def netlist_energy(
    program: Program, samples: object, *, board: str | Board | None = None, coefficients: str | os.PathLike[str] | None = None, progress: Reporting = None,
) -> NetlistEnergy:
    """Run ``samples``, (batch, time, neuron) or (time, neuron), on the mapped netlist of the board, and count.

    Every result is compared with the golden model. Synthesis takes a minute or a few the first time; then thousands of clock cycles pass per second.

    Parameters
    ----------
    board : as for :func:`~lifline.driver.energy.energy_model`.   progress : see :data:`~lifline.network.progress.Reporting`.

    Raises
    ------
    InputError     for bad samples, or a file that holds no coefficients.
    ToolError      for a board of a family whose netlists cannot be simulated, or without the tools.
    NetlistError   if the netlist computes something else than the golden model.
    """
    chosen = board_of(board) if isinstance(board, str) else board or board_for(program.config) or BOARDS[UNKNOWN_BOARD]
    known = coefficients_of(chosen.chip, coefficients)
    family = chosen.chip.family
    if family not in SYNTHESISED:
        raise ToolError(f"netlists of {family} cannot be simulated, only those of {', '.join(SYNTHESISED)}; leave --netlist away, or choose another board")
    batch, _ = as_batch(samples, program.network.input.size, None)
    transport = NetlistBoard(read_netlist(synthesised(program.config, family, cache_folder())))
    counter = ActivityCounter(transport.engine)
    cycles = []
    with LinkedDevice(Link(transport), config=program.config) as device, progress_of("samples on the netlist", progress) as tell:
        device.load(program)
        counter.begin()
        for k, sample in enumerate(batch):
            before = transport.cycles
            wrong = differences(GoldenModel(program.network).run(sample), device.run(sample))
            if wrong:
                raise NetlistError(f"the netlist differs from the golden model in {wrong} values of sample {k}; report it, with the output of `lifline info --json`")
            cycles.append(transport.cycles - before)
            tell((k + 1) / len(batch))
        counts = counter.counts()
    numbers = _per_sample(program, batch, counts.numbers / len(batch))

    def part(name: str, rows: NDArray[np.float64], *, clocked: bool = True) -> Part:
        found: dict[str, float] = dict(zip(KINDS, rows.sum(axis=(0, 1)).tolist(), strict=True))
        return Part(name, found, energy_of(known, chosen.clock_hz, counter.flip_flops, found if clocked else found | {"cycles": 0.0}))

    starts = [address + 1 for address, layout, _ in program.listing() if layout is PASS_0]  # where the sequencer's address is while a pass runs
    rows_of = {name: [row for row, p in zip(starts, program.passes, strict=True) if p.target == name] for name in program.order}
    rest = np.setdiff1d(np.arange(FIRST, len(numbers)), starts)
    layers = (*(part(name, numbers[rows]) for name, rows in rows_of.items()), part(WINDOWS, numbers[rest]))
    by_module = numbers[FIRST:].sum(axis=0)
    modules = [
        (name.removeprefix("top.core.") or "multipliers", switched_pj(known, dict(zip(KINDS, by_module[m].tolist(), strict=True))).value * 1e-6)
        for m, name in enumerate(counts.modules)
    ]
    return NetlistEnergy(
        board=chosen.title, flip_flops=counter.flip_flops, coefficients=known, clock_hz=chosen.clock_hz, layers=layers,
        total=sum((layer.energy for layer in layers), Energy()), host=part(HOST, numbers[:FIRST], clocked=False),
        modules=tuple(sorted(((n, uj) for n, uj in modules if uj), key=lambda m: -m[1])), samples=len(batch), netlist_cycles=np.array(cycles, np.int64),
    )  # fmt: skip


def _per_sample(program: Program, batch: NDArray[np.uint8], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts (row, module, kind); before its first instruction the device clears its rings, and then waits for its input: the latter is the host's."""
    costs = predict(program, program.config, record_activity(program.network, batch))
    start, seen = float(np.mean([c.start for c in costs])), float(numbers[-1, :, KINDS.index("cycles")].sum())
    waits = numbers[-1] * (1 - min(1.0, start / seen) if seen else 0.0)
    found = numbers.copy()
    found[0] += waits
    found[-1] -= waits
    return found
