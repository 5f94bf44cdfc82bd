"""What a device loads for convolutions: program words, tables and weights alone give back the matrix of every projection."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.maps import MAP, TABLES, quotient
from lifline.arch.program import MAPPED_PASS_WORDS, PASS_0, PASS_6, PASS_7, PASS_8, Mode, Opcode
from lifline.arch.registers import Space
from lifline.compiler import program_file
from lifline.compiler.compile import compile_network
from lifline.compiler.layouts import Layout, position_major
from lifline.compiler.maps import place_maps
from lifline.compiler.program import Program
from lifline.compiler.projections.walk import Digit, Start, Walk
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.connections.pooling import Pooling
from lifline.network.model import Network, Neurons, Population, Projection

CONV = preset("conv")
NEURONS = Neurons(threshold=40)


def network(source: tuple[int, ...], *layers: tuple[Connection, tuple[int, ...]]) -> Network:
    """A chain of populations, the weights drawn."""
    rng = np.random.default_rng(len(layers))
    populations, projections = [Population("p0", source)], []
    for k, (connection, shape) in enumerate(layers):
        weights = rng.integers(-20, 21, shape)
        before = populations[-1]
        made = connection.output_shape(before.shape, weights)
        populations.append(Population(f"p{k + 1}", made, NEURONS))
        projections.append(Projection(source=before.name, target=populations[-1].name, weights=weights, connection=connection))
    return Network(name="chain", populations=tuple(populations), projections=tuple(projections), output=populations[-1].name)


CHAIN = network(
    (2, 9, 12),
    (Convolution(stride=2, padding=1), (20, 2, 3, 3)),
    (Convolution(groups=2, dilation=2, padding=2, pool=(1, 2)), (6, 10, 3, 3)),
    (Pooling(2), (1,)),
    (Identity(), (6,)),
    (FullyConnected(), (5, 12)),
)


def passes(program: Program) -> list[dict[str, int]]:
    """The fields of every pass by name; steps of loop k are ``weight_step_k`` and ``slot_step_k``."""
    found: list[dict[str, int]] = []
    for _, layout, word in program.listing():
        if layout is PASS_0:
            found.append({})
        if layout in MAPPED_PASS_WORDS:
            fields = layout.unpack(word)
            if layout in (PASS_6, PASS_7, PASS_8):
                fields = {f"{name}_{(PASS_6, PASS_7, PASS_8).index(layout)}": value for name, value in fields.items()}
            found[-1] |= fields
    return found


def pairs(own: dict[str, int], maps: np.ndarray, index: int) -> list[tuple[int, int]]:
    """Weight words and slots of one entry, as the documentation of maps says."""
    first = quotient(index, own["reciprocal_0"], own["shift_0"])
    second = quotient(first, own["reciprocal_1"], own["shift_1"])
    digits = index - first * own["radix_0"], first - second * own["radix_1"], second
    words = [MAP.unpack(int(maps[table, own[f"table_{table}"] + digit])) for table, digit in enumerate(digits)]
    if not all(word["exists"] for word in words):
        return []
    found = []
    for turn in np.ndindex(*(word["count"] + 1 for word in words)):
        weight, slot = (
            sum(word[name] for word in words) + sum(t * own[f"{name}_step_{k}"] for k, t in enumerate(turn)) for name in ("weight", "slot")
        )
        found.append((own["weight_base"] + weight, slot))
    return found


def matrix(program: Program, number: int, config: Config) -> np.ndarray:
    """What a pass adds up, (target, source), from what is loaded."""
    entry, own = program.passes[number], passes(program)[number]
    weights = program.images[Space.WEIGHTS].view(np.int8).reshape(-1, config.lanes).astype(np.int64)
    maps = np.zeros(TABLES * config.map_words, np.uint32)
    maps[: len(program.images[Space.MAPS])] = program.images[Space.MAPS]
    source, target = program.layouts[entry.source], program.layouts[entry.target]
    sums = np.zeros((entry.blocks * config.lanes, source.size), np.int64)
    for place in source.indices.tolist():
        vector = own["opcode"] == Opcode.VECTOR_PASS
        index, lane = divmod(place, config.lanes) if vector else (place, slice(None))
        for word, slot in pairs(own, maps.reshape(TABLES, -1), index):
            sums[slot * config.lanes : (slot + 1) * config.lanes, place][lane] += weights[word][lane]
    return sums[target.indices][:, source.indices]


VECTORS = network(
    (48, 9, 7),
    (Convolution(groups=48, padding=1), (48, 1, 3, 3)),
    (Identity(), (48,)),
    (Pooling(3, stride=2), (1,)),
    (FullyConnected(), (5, 576)),
)
M, V = Opcode.MAPPED_PASS, Opcode.VECTOR_PASS


@pytest.mark.parametrize("config", [CONV, preset("conv85")], ids=lambda c: c.name)
@pytest.mark.parametrize(("chain", "opcodes"), [(CHAIN, [M, M, M, V]), (VECTORS, [V, V, V])], ids=["chain", "vectors"])
def test_what_is_loaded_gives_back_every_matrix(config: Config, chain: Network, opcodes: list[Opcode]) -> None:
    """The input stands position by position, too, where blocks of it can be entries."""
    program = compile_network(chain, config)
    for number, projection in enumerate(chain.projections[:-1]):
        assert np.array_equal(matrix(program, number, config), projection.weight_matrix()), projection
    heads = passes(program)
    assert [own["opcode"] for own in heads] == [*opcodes, Opcode.PASS]
    assert program.memory["map words"][1] == config.map_words and len(program.images[Space.MAPS]) <= TABLES * config.map_words


def test_networks_without_maps_load_none() -> None:
    full = network((20,), (FullyConnected(), (5, 20)))
    program = compile_network(full, CONV)
    assert Space.MAPS not in program.images and "map words" not in program.memory
    assert [own["opcode"] for own in passes(program)] == [Opcode.PASS]


def walk_of(*tables: tuple[Start | None, ...]) -> Walk:
    first, second, third = (Digit(len(table), table, 1, 1) for table in tables)
    return Walk((first, second, third))


ONE = (Start(0, 0, 1),)


def test_equal_tables_are_stored_once() -> None:
    a, b = (Start(3, 1, 2), None), (Start(4, 1, 2),)
    maps = place_maps(CHAIN, CONV, [("x", walk_of(ONE, a, b)), ("y", None), ("z", walk_of(ONE, b, b)), ("z", walk_of(ONE, a, ONE))])
    assert maps.starts == ((0, 0, 0), None, (0, 2, 0), (0, 0, 1))
    assert maps.memory == {"map words": (3, CONV.map_words)} and len(maps.words) == 2 * CONV.map_words + 2
    first, nothing = maps.words[CONV.map_words : CONV.map_words + 2].tolist()
    assert MAP.unpack(first) == {"weight": 3, "slot": 1, "count": 1, "exists": 1} and nothing == 0


def test_tables_that_do_not_fit_are_refused() -> None:
    many = tuple(Start(k, 0, 1) for k in range(CONV.map_words + 1))
    place_maps(CHAIN, CONV, [("x", walk_of(many[1:], ONE, ONE))])
    with pytest.raises(CompileError, match=r"`chain` needs 515 words in each memory of maps, `conv` has 512 \(projection x 513 of them\): use fewer or smaller layers"):
        place_maps(CHAIN, CONV, [("projection y", walk_of(ONE, many[:2], ONE)), ("projection x", walk_of(ONE, many, ONE))])


@pytest.mark.parametrize(("most", "message"), [
    (Start((1 << 13) - 1, 0, 1), "more than 8,192 weight words"), (Start(0, (1 << 11) - 1, 1), "more than 2,048 blocks"),
    (Start(0, 0, 1 << 7), "more than 128 blocks that one neuron reaches along an axis"),
])  # fmt: skip
def test_numbers_that_a_table_cannot_hold_are_refused(most: Start, message: str) -> None:
    place_maps(CHAIN, CONV, [("x", walk_of(ONE, ONE, (most,)))])
    beyond = Start(*(value + (value == max(vars(most).values())) for value in vars(most).values()))
    with pytest.raises(CompileError, match=f"projection x: {message}, which is what a table of this gateware can name"):
        place_maps(CHAIN, CONV, [("projection x", walk_of(ONE, ONE, (beyond,)))])


@pytest.mark.parametrize(("connection", "weights"), [(Convolution(), (20, 2, 3, 3)), (Pooling(2), (1,)), (Identity(), (2,))])
def test_configurations_without_maps_refuse_by_name_and_say_which_one_has_them(connection: Connection, weights: tuple[int, ...]) -> None:
    with pytest.raises(CompileError, match=rf"projection p0 -> p1 \({connection.name}\) needs maps, which `medium` is built without.*; preset `conv` fits"):
        compile_network(network((2, 9, 12), (connection, weights)), preset("medium"))


def test_dense_mode_is_refused_where_a_kind_has_none() -> None:
    modes = {(p.source, p.target): Mode.EVENT for p in CHAIN.projections}
    compile_network(CHAIN, CONV, modes | {("p4", "p5"): Mode.DENSE})
    with pytest.raises(CompileError, match=r"projection p2 -> p3 \(pooling\) runs in mode event only; give each projection its mode"):
        compile_network(CHAIN, CONV, modes | {("p2", "p3"): Mode.DENSE})


def test_program_files_hold_tables_and_only_layouts_that_somebody_asked_for(tmp_path: Path) -> None:
    given = {"p2": position_major(CHAIN.population("p2").shape, 4 * CONV.lanes), "p5": Layout(np.arange(5)[::-1].copy())}
    for layouts, named in ((None, set()), (given, set(given))):
        program = compile_network(CHAIN, CONV, layouts=layouts)
        program_file.save(program, tmp_path / "p.lifline")
        with safe_open(tmp_path / "p.lifline", framework="numpy") as file:
            assert set(json.loads(file.metadata()["program"])["layouts"]) == named
        loaded = program_file.load(tmp_path / "p.lifline")
        assert loaded.layouts == program.layouts and np.array_equal(loaded.images[Space.MAPS], program.images[Space.MAPS])
