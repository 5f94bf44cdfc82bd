"""Every memory is filled to its last word, and one word more is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import CompileError
from lifline.compiler.compile import compile_network
from lifline.compiler.memories import DELAYS, NEURONS, PROGRAM, RINGS, WEIGHTS, Memory
from lifline.sim.random.network import random_network

TINY = preset("tiny")
NETWORK = random_network(np.random.default_rng(3), config=TINY)
ALL = (RINGS, DELAYS, WEIGHTS, PROGRAM, NEURONS)


@pytest.mark.parametrize("memory", ALL, ids=lambda memory: memory.depth)
def test_the_last_word_can_be_used(memory: Memory) -> None:
    limit = getattr(TINY, memory.depth)
    assert memory.claim(NETWORK, TINY, limit) == {memory.name: (limit, limit)}
    with pytest.raises(CompileError, match=f"needs {limit + 1:,} {memory.unit}, `tiny` has {limit}: {memory.hint}"):
        memory.claim(NETWORK, TINY, limit + 1)


def test_a_program_says_what_it_takes_of_each() -> None:
    program = compile_network(NETWORK, TINY)
    assert list(program.memory) == ["ring words", "delay entries", "weight words", "program words", "neuron words"]
    assert {name: limit for name, (_, limit) in program.memory.items()} == {memory.name: getattr(TINY, memory.depth) for memory in ALL}
