"""Convolutions in dense mode: program words, tables and weights alone give back the matrix, band by band, for any geometry."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program

from .gathers import matrix, random_convolution, rings_come_clean

ROOMY = {"max_neurons": 16384, "neuron_words": 16384, "ring_words": 16384, "weight_words": 8192, "program_words": 8192, "output_words": 8192, "map_words": 1024}
CONFIGS = [
    preset("conv").replace(name="wide", list_entries=1024, slot_words=512, **ROOMY),
    preset("conv").replace(name="few", list_entries=256, slot_words=64, **ROOMY),
    preset("conv").replace(name="narrow", event_lanes=4, dense_lanes=4, multipliers=2, list_entries=128, slot_words=256, **(ROOMY | {"max_neurons": 8192})),
    preset("conv85").replace(name="conv85", list_entries=512, slot_words=64, **ROOMY),
]


def kinds(program: Program) -> set[str]:
    """What is special about how a program's first population is computed."""
    bands, passes = program.bands("out"), [p for p in program.passes if p.target == "out"]
    assert all(band.first % RING_BITS == 0 for band in bands) and [b.first for b in bands[1:]] == [b.first + b.places for b in bands[:-1]]
    target = program.network.population("out").shape
    rows = target[1] if len(target) == 3 else 1
    found = {"several bands" if len(bands) > 1 else "whole", *(p.execution.value for p in passes)}
    return found | ({"parts of the source"} if len(passes) > len(bands) else set()) | ({"parts of a row"} if len(bands) > rows else set())


@pytest.mark.parametrize(("config", "expected"), [
    (CONFIGS[0], {"window", "whole", "several bands", "parts of the source"}),
    (CONFIGS[1], {"window", "loop", "whole", "several bands", "parts of the source", "parts of a row"}),
    (CONFIGS[2], {"window", "loop", "whole", "several bands", "parts of the source", "parts of a row"}),
    (CONFIGS[3], {"window", "whole", "several bands", "parts of the source", "parts of a row"}),
], ids=lambda value: getattr(value, "name", ""))  # fmt: skip
def test_what_is_loaded_gives_back_the_matrix_of_random_convolutions(config: Config, expected: set[str]) -> None:
    rng = np.random.default_rng(5)
    seen: set[str] = set()
    refused = 0
    for number in range(100):
        network = random_convolution(rng)
        projection = network.projections[0]
        try:
            program = compile_network(network, config, {("in", "out"): Mode.DENSE, ("out", "end"): Mode.EVENT})
        except CompileError:
            refused += 1
            continue
        seen |= kinds(program)
        assert np.array_equal(matrix(program, projection, config), projection.weight_matrix()), (number, projection)
        assert rings_come_clean(program), (number, projection)
    assert seen == expected and refused <= 20
