"""Bands: which populations have some, where they end, what their passes scan and forget, where their spikes go."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.program import POPULATION_0, POPULATION_5, RING_0, RING_1, Mode
from lifline.arch.registers import Space
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection

from .gathers import matrix, passes, rings_come_clean

CONFIG = preset("conv").replace(name="bands", neuron_words=4096, ring_words=16384, weight_words=8192, delay_entries=4096, map_words=1024, max_neurons=16384, program_words=4096, output_words=4096)
"""64 blocks of 16 lanes in a band, 1,024 neurons in a list."""
SAME = Convolution(padding=1)


def network(shapes: dict[str, tuple[int, ...]], *projections: tuple[str, str, Connection, object], **options: object) -> Network:
    """Populations in their order, the input first; of every projection the source, the target, how, and delays."""
    rng, made = np.random.default_rng(3), []
    for source, target, connection, delays in projections:
        outputs, inputs = shapes[target], shapes[source]
        weights: tuple[int, ...] = (outputs[0], inputs[0], 3, 3)
        if isinstance(connection, Identity):
            weights = (1,)
        elif isinstance(connection, FullyConnected):
            weights = int(np.prod(outputs)), int(np.prod(inputs))
        made.append(Projection(source=source, target=target, weights=rng.integers(-3, 4, weights), connection=connection, delays=delays))  # type: ignore[arg-type]
    populations = [Population(name, shape, Neurons(threshold=9) if k else None) for k, (name, shape) in enumerate(shapes.items())]
    return Network(name="net", populations=tuple(populations), projections=tuple(made), output=populations[-1].name, **options)  # type: ignore[arg-type]


IMAGE = {"in": (16, 16, 8), "wide": (32, 16, 8), "end": (4,)}
FULL = FullyConnected()


def compiled(net: Network, config: Config = CONFIG, **modes: str) -> Program:
    """In dense mode, but for the pairs that are named like ``in_wide``."""
    return compile_network(net, config, {(p.source, p.target): modes.get(f"{p.source}_{p.target}", "dense") for p in net.projections})


def test_bands_end_with_words_of_32_neurons_and_fill_slots_and_list() -> None:
    program = compiled(network(IMAGE, ("in", "wide", SAME, None), ("wide", "end", FULL, None)))
    bands = program.bands("wide")
    assert [(b.number, b.first, b.places, b.size) for b in bands] == [(k, 1024 * k, 1024, 1024) for k in range(4)] and program.order == ["wide", "end"]
    assert program.population("wide") is bands[0] and [b.row_base for b in bands] == [1 + 129 * k for k in range(4)]
    own = [head for head, entry in zip(passes(program), program.passes, strict=True) if entry.target == "wide"]
    assert [head["source_words"] for head in own] == [20, 24, 24, 20] and {head["blocks"] for head in own} == {64}
    assert [head["clear_words"] for head in own] == [12, 16, 16, 20], "what the next band's rows do not need"
    assert rings_come_clean(program) and len({head["weight_base"] for head in own}) <= 2, "tables begin with other rows, weights are stored once"
    assert program.memory["weight words"][0] == 288 + 4096


def test_bands_write_their_own_part_of_a_ring() -> None:
    delays = np.arange(32) % 5
    program = compiled(network(IMAGE, ("in", "wide", SAME, None), ("wide", "end", FULL, np.repeat(delays, 128))))
    image = program.images[Space.PROGRAM]
    rings = [POPULATION_5.unpack(int(image[b.address + 5]))["ring"] for b in program.bands("wide")]
    written = [(RING_0.unpack(int(image[ring])), RING_1.unpack(int(image[ring + 1]))) for ring in rings]
    rows = written[0][0]["rows"]
    assert len(set(rings)) == 4 and {(w["rows"], w["tap"], w["head"]) for w, _ in written} == {(rows, 0, 0)}
    assert [w["base"] - written[0][0]["base"] for w, _ in written] == [32 * rows * k for k in range(4)]
    assert all(POPULATION_0.unpack(int(image[b.address]))["rows"] == 128 for b in program.bands("wide"))


@pytest.mark.parametrize(("projections", "options", "modes"), [
    ([("in", "wide", SAME, None), ("wide", "end", FULL, None)], {}, {"in_wide": "event"}),
    ([("in", "wide", SAME, None), ("wide", "wide", SAME, 1), ("wide", "end", FULL, None)], {}, {}),
    ([("in", "wide", SAME, None), ("wide", "wide", Identity(), 1), ("wide", "end", FULL, None)], {}, {"wide_wide": "event"}),
], ids=["event mode", "spikes that come back", "a shortcut back"])  # fmt: skip
def test_populations_stay_whole(projections: list[tuple[str, str, Connection, object]], options: dict[str, object], modes: dict[str, str]) -> None:
    program = compiled(network(IMAGE, *projections, **options), **modes)
    assert [(b.first, b.places) for b in program.bands("wide")] == [(0, 4096)]


def test_a_shortcut_in_event_mode_keeps_a_population_whole_step_by_step() -> None:
    shapes = {"in": (32, 16, 8), "wide": (32, 16, 8), "end": (4,)}
    net = network(shapes, ("in", "wide", SAME, None), ("wide", "end", FULL, None))
    other = Projection(source="in", target="wide", weights=[1], connection=Identity(), delays=1)
    with pytest.raises(CompileError, match=r"in -> wide \(identity\) runs in mode event only"):
        compiled(net.replace(projections=(*net.projections, other)))


def test_the_population_that_ends_runs_stays_whole() -> None:
    shapes = {"in": (4, 8, 8), "out": (16, 8, 8)}
    net, few = network(shapes, ("in", "out", SAME, None)), CONFIG.replace(name="few", slot_words=256)
    assert len(compiled(net, few).bands("out")) == 2
    with_exit = compiled(net.replace(early_exit=EarlyExit(8, 1)), few)
    assert len(with_exit.bands("out")) == 1 and with_exit.is_recurrent, "step by step"


def test_fully_connected_projections_lead_into_bands_in_either_mode() -> None:
    shapes = {"in": (8, 8, 8), "other": (20,), "wide": (32, 8, 8)}
    net = network(shapes, ("in", "other", FULL, None), ("in", "wide", SAME, None), ("other", "wide", FULL, None))
    few = CONFIG.replace(name="few", slot_words=512, list_entries=1024)
    for mode in ("event", "dense"):
        program = compiled(net, few, other_wide=mode)
        bands = program.bands("wide")
        assert len(bands) == 2
        heads = [(head, entry) for head, entry in zip(passes(program), program.passes, strict=True) if entry.target == "wide" and entry.source == "other"]
        first, second = heads
        assert second[0]["weight_base"] - first[0]["weight_base"] == first[1].blocks * 20 and second[1].mode == Mode[mode.upper()]
        assert [head["clear"] for head, _ in heads] == [0, 1] and rings_come_clean(program)


def test_a_sum_of_two_populations_and_taps_in_time_gather_with_the_same_bands() -> None:
    shapes = {"in": (16, 16, 16), "a": (16, 16, 16), "wide": (32, 16, 16)}
    net = network(shapes, ("in", "a", SAME, None), ("a", "wide", SAME, None), ("a", "wide", Convolution(padding=(2, 1), dilation=(2, 1)), 3), ("in", "wide", SAME, 20))
    program = compiled(net)
    assert len(program.bands("wide")) > 4
    for projection in net.projections[:1] + net.projections[3:]:
        assert np.array_equal(matrix(program, projection, CONFIG), projection.weight_matrix())
    own = [(head, e) for head, e in zip(passes(program), program.passes, strict=True) if (e.source, e.target) == ("a", "wide")]
    rings = list(dict.fromkeys(head["ring"] for head, _ in own))
    newer, older = ([(e.first, head["source_words"]) for head, e in own if head["ring"] == ring] for ring in rings)
    assert newer == older, "whoever reads the oldest spikes clears what the others have read"
    assert {head["ring"] for head, _ in own if head["clear"]} == {rings[1]}


def test_neurons_of_a_band_have_their_own_parameters() -> None:
    net = network(IMAGE, ("in", "wide", SAME, None), ("wide", "end", FULL, None))
    threshold = np.arange(4096) % 251 + 1
    wide = Population("wide", (32, 16, 8), Neurons(threshold=threshold, bias=np.repeat(np.arange(32), 128)))
    program = compiled(net.replace(populations=(net.populations[0], wide, net.populations[2])))
    words = program.images[Space.NEURONS].view(np.int32).reshape(-1, CONFIG.multipliers)
    found = []
    for band in program.bands("wide"):
        rows = words[band.row_base : band.row_base + band.rows * band.row_words].reshape(band.rows, band.row_words, -1)
        found.append(rows[:, band.words["theta"]].reshape(-1))
    assert np.array_equal(program.layouts["wide"].gather(np.concatenate(found)), threshold)


@pytest.mark.parametrize(("connection", "shape", "message"), [
    (Convolution(padding=1, groups=2), (32, 8, 3, 3), r"\(convolution\) with groups runs in mode event only; give each projection its mode"),
    (Convolution(padding=1, pool=(2, 1)), (32, 16, 3, 3), r"\(convolution\) of pooled positions runs in mode event only"),
    (Convolution(padding=(1, 2), dilation=(1, 2)), (32, 16, 3, 3), r"\(convolution\) with dilation along its last axis runs in mode event only"),
])  # fmt: skip
def test_what_dense_mode_does_not_know_is_refused_by_name(connection: Convolution, shape: tuple[int, ...], message: str) -> None:
    weights = np.ones(shape, int)
    target = connection.output_shape((16, 16, 16), weights)
    net = Network(name="net", output="out", populations=(Population("in", (16, 16, 16)), Population("out", target, Neurons(threshold=9))),
                  projections=(Projection(source="in", target="out", weights=weights, connection=connection),))  # fmt: skip
    with pytest.raises(CompileError, match=message):
        compile_network(net, CONFIG, "dense")


def test_positions_that_no_list_holds_and_bands_that_no_record_can_name_are_refused() -> None:
    shapes = {"in": (20, 8, 8), "out": (16, 8, 8)}
    with pytest.raises(CompileError, match=r"dense mode scans whole positions of its source, of 32 places here, in 1 words of 32 or more|the list of"):
        compiled(network({"in": (80, 8, 8), "out": (16, 8, 8)}, ("in", "out", SAME, None)), CONFIG.replace(name="short", list_entries=64))
    with pytest.raises(CompileError, match=r"the network is computed in 6[5-9] bands|the network is computed in [7-9]\d bands"):
        compiled(network({"in": (16, 80, 2), "out": (32, 80, 2)}, ("in", "out", SAME, None)), CONFIG.replace(name="few", slot_words=32))
    assert len(compiled(network(shapes, ("in", "out", SAME, None))).bands("out")) == 1
