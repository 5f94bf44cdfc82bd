"""Faults that verification injects: one bit, of a word that the program uses."""

from __future__ import annotations

import numpy as np
import pytest

import lifline
from lifline.arch.program import PASS_6, PASS_7, PASS_8
from lifline.arch.registers import Space, address
from lifline.cli import faults
from lifline.sim.random.variants import VARIANTS

MAPS = VARIANTS["maps"]


def injected(seed: int, compiled: lifline.Program, fault: str) -> list[tuple[int, list[int]]]:
    """What is written, with its address."""
    written: list[tuple[int, list[int]]] = []
    said = faults.inject(np.random.default_rng(seed), lambda *words: written.append(words), compiled, fault)
    assert (said is not None) == bool(written)
    return written


def program(*positions: int, kernel: int) -> lifline.Program:
    """A convolution over one or two axes, whose kernel has so many taps along the last one."""
    weights = np.ones((8, 2, *(1 for _ in positions[1:]), kernel), np.int64)
    connection = lifline.Convolution(padding=((0, 0),) * (len(positions) - 1) + ((kernel // 2, kernel // 2),))
    network = lifline.Network(name="faults", output="out", state_bits=MAPS.state_bits,
        populations=[lifline.Population("in", (2, *positions)), lifline.Population("out", (8, *positions), lifline.Neurons(threshold=9))],
        projections=[lifline.Projection(source="in", target="out", weights=weights, connection=connection)])
    return lifline.compile_network(network, MAPS)


@pytest.mark.parametrize("fault", faults.FAULTS)
def test_one_bit_of_a_word_in_use(fault: str) -> None:
    compiled, space = program(4, 5, kernel=3), faults.MEMORIES.get(fault, Space.PROGRAM)
    for seed in range(20):
        [(where, [word])] = injected(seed, compiled, fault)
        index = where - address(space, 0)
        assert bin(word ^ int(compiled.images[space][index])).count("1") == 1


def test_only_loops_that_repeat_get_a_fault() -> None:
    """A kernel of one row repeats the loop of the columns alone: in a source in framework order the innermost."""
    compiled = program(4, 5, kernel=3)
    addresses = {layout: k for k, layout, _ in compiled.listing() if layout in (PASS_6, PASS_7, PASS_8)}
    assert {injected(seed, compiled, "loop")[0][0] for seed in range(20)} == {address(Space.PROGRAM, addresses[PASS_6])}
    assert not injected(0, program(4, kernel=1), "loop")


def test_programs_without_maps_get_none() -> None:
    network = lifline.Network(name="plain", output="out", state_bits=MAPS.state_bits,
        populations=[lifline.Population("in", (4,)), lifline.Population("out", (3,), lifline.Neurons(threshold=9))],
        projections=[lifline.Projection(source="in", target="out", weights=np.ones((3, 4), np.int64))])
    compiled = lifline.compile_network(network, MAPS)
    for fault in faults.FAULTS:
        assert bool(injected(0, compiled, fault)) == (fault not in faults.NEED_MAPS)
