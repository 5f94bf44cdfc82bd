"""Faults that verification injects: one bit, of a word that the program uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest

import lifline
from lifline.arch.layout import Word
from lifline.arch.maps import MAP
from lifline.arch.program import GATHER_5, PASS_1, PASS_2, PASS_6, PASS_7, PASS_8, POPULATION_0, RING_0
from lifline.arch.registers import Space, address
from lifline.cli import faults
from lifline.cli.verify_network import _Traced
from lifline.driver import exchange
from lifline.sim.board.build import compiler
from lifline.sim.random.variants import VARIANTS

from ..driver import test_bands

MAPS = VARIANTS["maps"]


def injected(seed: int, compiled: lifline.Program, fault: str) -> list[tuple[int, list[int]]]:
    """What is written, with its address."""
    written: list[tuple[int, list[int]]] = []
    said = faults.inject(np.random.default_rng(seed), lambda *words: written.append(words), compiled, fault)
    assert (said is not None) == bool(written)
    return written


def program(*positions: int, kernel: int, mode: str = "event") -> lifline.Program:
    """A convolution over one or two axes, whose kernel has so many taps along the last one."""
    weights = np.ones((8, 2, *(1 for _ in positions[1:]), kernel), np.int64)
    connection = lifline.Convolution(padding=((0, 0),) * (len(positions) - 1) + ((kernel // 2, kernel // 2),))
    network = lifline.Network(name="faults", output="out", state_bits=MAPS.state_bits,
        populations=[lifline.Population("in", (2, *positions)), lifline.Population("out", (8, *positions), lifline.Neurons(threshold=9))],
        projections=[lifline.Projection(source="in", target="out", weights=weights, connection=connection)])
    return lifline.compile_network(network, MAPS, mode)


@pytest.mark.parametrize("fault", faults.FAULTS)
def test_one_bit_of_a_word_in_use(fault: str) -> None:
    compiled = test_bands.program() if fault in ("gather", "band") else program(4, 5, kernel=3)
    space = faults.MEMORIES.get(fault, Space.PROGRAM)
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


@contextmanager
def traced(compiled: lifline.Program, spikes: np.ndarray) -> Iterator[_Traced]:
    """A board with a program and a sample for it; it is lost after seconds without progress, since some faults make the sequencer wait for ever."""
    if compiler() is None:
        pytest.skip("needs a C++ compiler")
    with pytest.MonkeyPatch.context() as patched, closing(_Traced(compiled, spikes[None])) as board:
        patched.setattr(exchange, "STALLED_S", 3.0)
        assert not board.notices(0)
        yield board


@pytest.fixture(scope="module")
def in_bands() -> Iterator[_Traced]:
    """Convolutions in bands of one row."""
    with traced(test_bands.program(), test_bands.spikes(3, 24)) as board:
        yield board


def noticed(board: _Traced, space: Space, word: int, layout: Word, name: str) -> Iterator[bool]:
    """Of each of the low bits of a field, whether it is noticed when it is flipped."""
    for bit in range(min(layout[name].width, faults.LOW_BITS)):
        board.device.load(board.program)
        flipped = int(board.program.images[space][word]) ^ (1 << (layout.offsets[name] + bit))
        board.device.link.write(address(space, word), [flipped])
        yield board.notices(0)


def gathers_unnoticed(board: _Traced) -> set[str]:
    """Names of fields of gathers that may be wrong, and nobody notices."""
    idle, listed = faults._idle(board.program), [(k, layout) for k, layout, _ in board.program.listing()]
    found = set()
    for layout, names in faults.WORDS["gather"].items():
        for name in names:
            places = [k for k, one in listed if one is layout and (k, name) not in idle]
            if not any(any(noticed(board, Space.PROGRAM, k, layout, name)) for k in places[:4]):
                found.add(name)
    return found


def test_every_field_of_a_gather_matters(in_bands: _Traced) -> None:
    assert gathers_unnoticed(in_bands) == {"columns"}  # where a row ends matters to none who has one only
    with traced(program(4, 5, kernel=3, mode="dense"), (np.random.default_rng(1).random((20, 40)) < 0.3).astype(np.uint8)) as board:
        assert "columns" not in gathers_unnoticed(board)


def test_every_field_of_a_band_s_tables_matters(in_bands: _Traced) -> None:
    maps = in_bands.program.images[Space.MAPS]
    gather = faults._gathers(in_bands.program)[1]
    for table in (gather.rows, gather.columns):
        words = [k for k in table if MAP.unpack(int(maps[k]))["exists"]]
        assert words
        for field in MAP.fields:
            assert any(any(noticed(in_bands, Space.MAPS, k, MAP, field.name)) for k in words[:3]), field.name


@pytest.mark.parametrize(("layout", "name"), [(PASS_1, "ring_base"), (PASS_2, "weight_base"), (POPULATION_0, "neuron_base"), (RING_0, "base"), (GATHER_5, "table_1"), (GATHER_5, "table_2")])
def test_every_pointer_matters(in_bands: _Traced, layout: Word, name: str) -> None:
    assert layout in faults.WORDS["pointer"] and name in faults.WORDS["pointer"][layout]
    places = [k for k, one, _ in in_bands.program.listing() if one is layout]
    assert any(any(noticed(in_bands, Space.PROGRAM, k, layout, name)) for k in places[:4])


def test_programs_without_maps_get_none() -> None:
    network = lifline.Network(name="plain", output="out", state_bits=MAPS.state_bits,
        populations=[lifline.Population("in", (4,)), lifline.Population("out", (3,), lifline.Neurons(threshold=9))],
        projections=[lifline.Projection(source="in", target="out", weights=np.ones((3, 4), np.int64))])
    compiled = lifline.compile_network(network, MAPS)
    for fault in faults.FAULTS:
        assert bool(injected(0, compiled, fault)) == (fault not in faults.NEED_MAPS)
