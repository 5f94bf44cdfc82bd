"""All boards at a glance: chips, what fits, what it holds, and how fast it computes one and the same layer.

    python -m lifline.driver.overview      writes down what takes long to find out, in boards/known.json
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from lifline import boards
from lifline.arch.config import Config
from lifline.boards.board import BAUD_HZ, BOARDS, Board
from lifline.boards.capacity import largest_that_fits, need
from lifline.boards.memories import FILE, memories, name_of, written, written_memories

BITS_PER_BYTE = 10
"""On a serial line: with start and stop bit."""
SIZE, INPUTS, STEPS = 256, 26, 64
"""R256: a fully connected layer of so many neurons behind as many, of which so many fire in each of so many steps."""


def overview() -> list[dict[str, Any]]:
    """:func:`board_row` of every board."""
    return [board_row(name, board) for name, board in BOARDS.items()]


def board_row(name: str, board: Board) -> dict[str, Any]:
    """A board: ``board``, ``title``, ``chip``, ``family``, ``available`` (number by resource), ``largest`` (the largest preset that fits, or None), ``config`` (the one it is
    built with unless told otherwise), ``takes`` (block RAMs and multipliers of that, exact, lookup tables estimated), ``holds`` (``weights``, ``neurons``, ``inputs``,
    ``max_delay`` of that), ``clock_mhz``, ``adapter`` (the chip behind the serial line), ``baud_hz``, ``fastest_baud_hz`` (that
    adapter and clock can make, None where the adapter's firmware decides), ``link_bytes_per_s`` each way, ``usb`` (the board's port on pins of the FPGA, or None), ``r256`` (steps per second: ``core``, and ``link``, which is what the line has time for if
    every input spike comes and every score goes over it; None where its weights do not fit)."""
    config = board.configuration()
    wanted, layer = need(config, board.chip.family, written_memories), r256(config)
    fitting = largest_that_fits(board.chip)
    bytes_per_s = BAUD_HZ // BITS_PER_BYTE
    return {
        "board": name,
        "title": board.title,
        "chip": board.chip.name,
        "family": board.chip.family,
        "available": board.chip.available(),
        "largest": fitting.name if fitting else None,
        "config": config.name,
        "takes": {"lut": wanted.lut.number, "block_ram": wanted.block_ram, "spram": wanted.spram, "dsp": wanted.dsp},
        "holds": holds(config),
        "clock_mhz": board.clock_hz / 1e6,
        "adapter": board.adapter.name,
        "baud_hz": BAUD_HZ,
        "fastest_baud_hz": board.adapter.rates(board.clock_hz)[-1] if board.adapter.base_hz else None,
        "link_bytes_per_s": bytes_per_s,
        "usb": board.usb or None,
        "r256": None if layer is None else {"core": board.clock_hz / layer["cycles"], "link": bytes_per_s / layer["bytes"]},
    }


def holds(config: Config) -> dict[str, int]:
    """The largest network: weights, neurons besides inputs, inputs, and the longest delay in steps."""
    weights = config.weight_words * config.lanes
    return {"weights": weights, "neurons": config.max_neurons, "inputs": config.max_input_neurons, "max_delay": config.max_delay}


def r256(config: Config) -> dict[str, float] | None:
    """Of R256 in the faster mode, per step: ``cycles``, exact, and ``bytes`` in the busier direction of the line. None where the weights do not fit."""
    key = f"{config.name} {config.hash:08x}"
    return written()["r256"][key] if key in written()["r256"] else measure_r256(config)


def measure_r256(config: Config) -> dict[str, float] | None:
    """As :func:`r256`, by the cycle model and the driver's requests."""
    from lifline.compiler.compile import compile_network
    from lifline.network.model import Network, Neurons, Population, Projection

    from .choose import compile_auto
    from .estimate import estimate

    if config.max_neurons < SIZE or config.weight_words * config.lanes < SIZE * SIZE:
        return None
    rng = np.random.default_rng(0)
    network = Network(
        name="r256", output="out", state_bits=config.state_bits,
        populations=(Population("in", (SIZE,)), Population("out", (SIZE,), Neurons(threshold=1 << (config.state_bits - 2), decay_v=200))),
        projections=(Projection(source="in", target="out", weights=rng.integers(config.weight_min, config.weight_max + 1, (SIZE, SIZE))),),
    )  # fmt: skip
    spikes = np.zeros((STEPS, SIZE), np.uint8)
    for step in spikes:
        step[rng.choice(SIZE, INPUTS, replace=False)] = 1
    program = compile_auto(network, config, spikes, progress=False)[0] if config.dense_lanes else compile_network(network, config)
    some = next(name for name, board in BOARDS.items() if board.configuration() == config)
    found = estimate(program, spikes, board=some, record=None)
    return {"cycles": float(found.cycles[0]) / STEPS, "bytes": max(found.sent, found.received) / STEPS}


def known() -> dict[str, Any]:
    """What belongs into the file: memories of every configuration that :func:`overview` looks at on some family, and R256 on those that boards are built with."""
    shapes: dict[str, Any] = {}
    rows: dict[str, Any] = {}

    def look(config: Config, family: str) -> tuple[Any, ...]:
        found = memories(config, family)
        shapes[name_of(config, family)] = [list(dataclasses.astuple(shape)) for shape in found]
        return found

    for board in BOARDS.values():
        config = board.configuration()
        largest_that_fits(board.chip, look)
        look(config, board.chip.family)
        rows[f"{config.name} {config.hash:08x}"] = measure_r256(config)
    return {"memories": dict(sorted(shapes.items())), "r256": dict(sorted(rows.items()))}


def main() -> None:
    lines = [f"{json.dumps(name)}: {{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in part.items()) + "\n}" for name, part in known().items()]
    folder = Path(next(iter(boards.__path__)))
    (folder / FILE).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
