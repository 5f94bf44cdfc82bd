"""Which talks make a mapped netlist look at most rows of its lookup tables? A wrong bit in a row that nothing looks at cannot be noticed.

    python -m tests.netlist.choose --seeds 0 128

Every talk is had by a lane of its own, 64 at once; then the talk that adds most rows is chosen, again and again. Prints seeds and what each adds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, preset
from lifline.boards.synthesis import synthesised
from lifline.sim.board.build import cache_folder
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.conversation import faults_of
from lifline.sim.netlist.engine import LANES
from lifline.sim.netlist.reader import read_netlist

from .talks import talk

QUIET_CYCLES, MOST_CYCLES = 3000, 250_000
LEAST_ROWS = 5
"""A talk that adds fewer is not chosen."""


def rows_of(circuit: Circuit, said: Sequence[bytes]) -> NDArray[np.bool_]:
    """Which rows each of up to 64 talks looks at: (talk, bit), bits in the order of :func:`~lifline.sim.netlist.conversation.faults_of`."""
    board = NetlistBoard(circuit)
    board.engine.cover()
    board.engine.stream(said, quiet=QUIET_CYCLES, most=MOST_CYCLES)
    seen = board.engine.covered_by_lane()
    place = {index: op for op, (kind, index, _) in enumerate(board.engine.order) if kind == "table"}
    board.close()
    words = np.array([seen[place[fault.table], fault.bit] for fault in faults_of(circuit)], np.uint64)
    return (words[None, :] >> np.arange(len(said), dtype=np.uint64)[:, None] & np.uint64(1)).astype(bool)


def chosen(rows: NDArray[np.bool_], least: int = LEAST_ROWS) -> list[tuple[int, int]]:
    """Talk and how many rows it adds, the one that adds most first; none that adds fewer than ``least``."""
    left, found = rows.copy(), []
    while left.size and (best := int(left.sum(axis=1).argmax())) >= 0 and (adds := int(left[best].sum())) >= least:
        found.append((best, adds))
        left[:, left[best]] = False
    return found


def main() -> None:
    """Print seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--family", default="ice40")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 128), metavar=("FIRST", "END"))
    args = parser.parse_args()
    config: Config = preset(args.config)
    circuit, seeds = read_netlist(synthesised(config, args.family, cache_folder())), range(*args.seeds)
    parts = []
    for k in range(0, len(seeds), LANES):
        parts.append(rows_of(circuit, [talk(seed, config) for seed in seeds[k : k + LANES]]))
        print(f"talks up to {seeds[k : k + LANES][-1]}: {int(np.concatenate(parts).any(axis=0).sum())} of {parts[0].shape[1]} rows looked at", flush=True)
    for index, adds in chosen(np.concatenate(parts)):
        print(f"talk {seeds[index]}: {adds} rows")


if __name__ == "__main__":
    main()
