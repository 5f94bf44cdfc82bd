"""Does the file that an iCEBreaker loads run programs? Builds it, takes it apart, and runs what comes out of it through the two pins of its serial line.

    python -m tests.netlist.bitstream --folder build/icebreaker

Place and route and the packer are between this and the netlist that synthesis writes. Needs Project IceStorm's database of the chip, see :mod:`lifline.sim.netlist.icestorm`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lifline.arch.config import Config, preset
from lifline.boards.board import BAUD_HZ, board
from lifline.boards.build import build
from lifline.cli.verify import differs, random_program
from lifline.driver.device import GoldenDevice, LinkedDevice
from lifline.driver.link import Link
from lifline.sim.board.build import cache_folder
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.ice40_file import read_bitstream

BOARD = "icebreaker"
PROGRAMS = (0, 6, 10)
"""Seeds of random programs with few words: a serial line takes most of the time."""


def run_programs(circuit: Circuit, config: Config, cycles_per_bit: int, seeds: Sequence[int], tell: Callable[[str], object]) -> None:
    """Every spike, state, counter and busy cycle of random programs through a serial line: those of the golden model and of the compiled simulation.

    Raises
    ------
    AssertionError   if any differs.
    """
    design = NetlistBoard(circuit, cycles_per_bit=cycles_per_bit)
    device, compiled, golden = LinkedDevice(Link(design)), LinkedDevice(Link(CompiledBoard(config))), GoldenDevice(config)
    for seed in seeds:
        begin, before = time.monotonic(), design.cycles
        _, program, spikes = random_program(seed, config)
        results = []
        for one in (device, compiled, golden):
            one.load(program)
            results.append(one.run(spikes, record="all.v"))
        found, simulated, expected = results
        assert not differs(expected, found), f"program {seed} differs from the golden model"
        assert found.cycles is not None and simulated.cycles is not None
        assert np.array_equal(found.cycles.busy, simulated.cycles.busy), f"program {seed} takes other cycles than the simulation"
        passed, cycles = time.monotonic() - begin, design.cycles - before
        tell(f"program {seed}: {expected.steps[0]} steps, {cycles} cycles, 0 differences ({passed:.0f} s, {cycles / passed / 1000:.0f} k cycles/s)")
    design.close()


def check_bitstream(folder: Path, seeds: Sequence[int], tell: Callable[[str], object]) -> None:
    """Build the board's file in ``folder``, or find it there, and run programs on what it holds.

    Raises
    ------
    ToolError, NetlistError   as the build and :func:`~lifline.sim.netlist.ice40_file.read_bitstream`.
    AssertionError            if a program gives something else than on the golden model.
    """
    config = preset("small")
    report = build(BOARD, config, folder)
    built, begin = Path(report.folder), time.monotonic()
    circuit = read_bitstream(built / "top.bin", built / "top.pcf")
    tell(
        f"{built / 'top.bin'}: {len(circuit.tables)} tables and carries, {len(circuit.registers)} registers, {len(circuit.memories)} memories, "
        f"{len(circuit.multipliers)} multipliers recovered ({time.monotonic() - begin:.0f} s)"
    )
    run_programs(circuit, config, round(report.constraint_mhz * 1e6 / BAUD_HZ), seeds, tell)


def main() -> None:
    """Print what was run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=cache_folder() / "bitstreams", help=f"of builds for the {board(BOARD).title}; one that is there is not made again")
    parser.add_argument("--programs", type=int, nargs="+", default=list(PROGRAMS), help="seeds")
    args = parser.parse_args()
    check_bitstream(args.folder, args.programs, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
