"""What the words of a program's passes add up, in pure Python, and random convolutions for dense mode."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from lifline.arch.config import Config
from lifline.arch.errors import NetworkError
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import MAP, TABLES
from lifline.arch.program import PASS_0, PASSES, RING_0, Mode, Opcode
from lifline.arch.registers import Space
from lifline.compiler.program import Program
from lifline.network.connections.convolution import Convolution
from lifline.network.model import Network, Neurons, Population, Projection

PASS_LAYOUTS = {layout for layouts in PASSES.values() for layout in layouts}


def passes(program: Program) -> list[dict[str, int]]:
    """The fields of every pass by name."""
    found: list[dict[str, int]] = []
    for _, layout, word in program.listing():
        if layout is PASS_0:
            found.append({})
        if layout in PASS_LAYOUTS:
            found[-1] |= layout.unpack(word)
    return found


def gathered(own: dict[str, int], maps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(block, lane, index): the weight with which every scanned neuron adds to every lane, as the documentation of maps says."""
    depth = len(weights)
    sums = np.zeros((own["blocks"], weights.shape[1], own["source_words"] * RING_BITS), np.int64)
    for block in range(own["blocks"]):
        position, group = divmod(block, own["groups"])
        row, column = divmod(position, own["columns"])
        r, c = MAP.unpack(int(maps[2, own["table_2"] + row])), MAP.unpack(int(maps[1, own["table_1"] + column]))
        if not (r["exists"] and c["exists"]):
            continue
        for k in range(r["count"] + 1):
            first = r["slot"] + c["slot"] + k * own["row_positions"]
            for index in range(first * own["channels"], (first + c["count"] + 1) * own["channels"]):
                word = own["weight_base"] + index + r["weight"] + c["weight"] + k * own["row_step"] + group * own["group_step"]
                if index < sums.shape[2]:
                    sums[block, :, index] += weights[word % depth]
                else:
                    assert not weights[word % depth].any(), "a neuron that is not scanned"
    return sums


def matrix(program: Program, projection: Projection, config: Config) -> np.ndarray:
    """The weights of a projection, (target, source), from what is loaded."""
    weights = np.zeros((config.weight_words, config.lanes), np.int64)
    loaded = program.images[Space.WEIGHTS].view(np.int8).reshape(-1, config.lanes)
    weights[: len(loaded)] = loaded
    maps = np.zeros(TABLES * config.map_words, np.uint32)
    maps[: len(program.images[Space.MAPS])] = program.images[Space.MAPS]
    source, target = program.layouts[projection.source], program.layouts[projection.target]
    sums = np.zeros((target.size + config.lanes, source.size + 4096), np.int64)
    bands = iter(program.bands(projection.target))
    band = next(bands)
    for own, entry in zip(passes(program), program.passes, strict=True):
        if entry.target != projection.target:
            continue
        if entry.source == projection.source:
            assert own["opcode"] == Opcode.GATHER_PASS and own["mode"] == Mode.DENSE and own["fan_in"] == 0
            assert own["source_words"] * RING_BITS <= config.list_entries
            assert own["blocks"] * (1 if own["one_slot"] else config.window) <= config.slot_words
            found = gathered(own, maps.reshape(TABLES, -1), weights)
            lines = found.reshape(-1, found.shape[2])
            sums[band.first : band.first + len(lines), entry.first : entry.first + found.shape[2]] += lines
        band = next(bands, band) if entry.updates else band
    return sums[target.indices][:, source.indices]


def rings_come_clean(program: Program) -> bool:
    """Whether every word of a ring that passes of a window read is cleared by the last of them, and not before; of passes that read the same rows."""
    image = program.images[Space.PROGRAM]
    last_read: dict[int, tuple[int, bool]] = {}
    for own in passes(program):
        rows = RING_0.unpack(int(image[own["ring"]]))["rows"]
        cleared = own["clear_words"] if own["opcode"] == Opcode.GATHER_PASS else own["source_words"]
        for k in range(own["source_words"]):
            word = own["ring_base"] + k * rows
            if last_read.get(word, (0, False))[1]:
                return False  # somebody has cleared what this one reads
            last_read[word] = 0, bool(own["clear"]) and k < cleared
    return all(clean for _, clean in last_read.values())


def random_convolution(rng: Generator) -> Network:
    """A convolution that dense mode knows, of one or two axes."""
    while True:
        axes = int(rng.integers(1, 3))
        channels, outputs = int(rng.choice([1, 2, 3, 4, 8, 16, 20])), int(rng.choice([1, 2, 3, 4, 7, 8, 16, 20, 33]))
        shape = channels, *rng.integers(1, 13 if axes == 2 else 40, axes).tolist()
        kernel = rng.integers(1, 5, axes).tolist()
        dilation = [int(rng.integers(1, 3)), 1][-axes:]
        connection = Convolution(
            stride=tuple(rng.integers(1, 4, axes).tolist()), dilation=tuple(dilation), padding=tuple(map(tuple, rng.integers(0, 4, (axes, 2)).tolist()))
        )
        weights = rng.integers(-9, 10, (outputs, channels, *kernel))
        try:
            target = connection.output_shape(shape, weights)
        except NetworkError:
            continue
        return Network(
            name="one", state_bits=18, output="end", populations=(
                Population("in", shape), Population("out", target, Neurons(threshold=40)), Population("end", (2,), Neurons(threshold=40)),
            ),
            projections=(
                Projection(source="in", target="out", weights=weights, connection=connection),
                Projection(source="out", target="end", weights=rng.integers(-9, 10, (2, int(np.prod(target))))),
            ),
        )  # fmt: skip
