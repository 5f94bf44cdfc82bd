"""Sparse projections on the simulated board: in tables, in several, recurrent, written out; what the compiler tells about them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.program import Mode
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.compiler.projections.sparse import notes
from lifline.driver import device as devices
from lifline.driver.link import Link
from lifline.driver.predict import predict, record_activity
from lifline.network.connections.sparse import Sparse
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.variants import VARIANTS

CONFIG = VARIANTS["maps"]


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    with devices.LinkedDevice(Link(CompiledBoard(CONFIG)), url="sim:maps", config=CONFIG) as device:
        yield device


def near(rng: np.random.Generator, source: str, sources: int, target: str, targets: int, width: float = 0.05, delays: object = None) -> Projection:
    """Between neurons that are at about the same place of their populations."""
    at = np.indices((targets, sources))
    wanted = (np.abs(at[0] / targets - at[1] / sources) < width) & (rng.random((targets, sources)) < 0.8)
    weights = np.where(wanted, rng.integers(1, 40, wanted.shape), 0)
    connection, values = Sparse.of(weights)
    return Projection(source=source, target=target, weights=values, connection=connection, delays=delays)  # type: ignore[arg-type]


def sheets(sources: int, back: bool = False) -> Network:
    rng = np.random.default_rng(sources)
    projections = [near(rng, "in", sources, "a", 90), near(rng, "a", 90, "b", 60, delays=rng.integers(0, 4, 90))]
    projections += [near(rng, "b", 60, "a", 90, delays=1)] if back else []
    return Network(
        name="sheets", output="b", state_bits=CONFIG.state_bits, projections=tuple(projections),
        populations=(Population("in", (sources,)), Population("a", (90,), Neurons(threshold=90, decay_v=300)), Population("b", (60,), Neurons(threshold=60))),
    )  # fmt: skip


def agrees(board: devices.LinkedDevice, program: Program, rate: float) -> None:
    """All spikes, states, sums and counters, and the cycles of the cycle model."""
    network = program.network
    spikes = (np.random.default_rng(1).random((23, network.input.size)) < rate).astype(np.uint8)
    board.load(program)
    assert not differs(GoldenModel(network).run(spikes, record=["all", "all.v"]), board.run(spikes, record=["all", "all.v"]))
    [costs] = predict(program, CONFIG, record_activity(network, spikes), record=None)
    assert board.count(spikes)[1].busy[0] == costs.busy_cycles


@pytest.mark.parametrize("back", [False, True], ids=["forward", "back"])
@pytest.mark.parametrize(("sources", "passes"), [(100, 1), (700, 2), (1300, 3)])
@pytest.mark.parametrize("rate", [0.02, 1])
def test_sparse_projections_agree(board: devices.LinkedDevice, sources: int, passes: int, back: bool, rate: float) -> None:
    program = compile_network(sheets(sources, back), CONFIG)
    assert sum(p.source == "in" for p in program.passes) == passes and notes(program) == []
    agrees(board, program, rate)


def test_dense_mode_has_all_weights_and_agrees(board: devices.LinkedDevice) -> None:
    network = sheets(200)
    dense, event = (compile_network(network, CONFIG, mode) for mode in (Mode.DENSE, Mode.EVENT))
    assert event.memory["weight words"][0] < dense.memory["weight words"][0] / 4 and "map words" not in dense.memory
    agrees(board, dense, 0.1)


def test_the_compiler_tells_what_it_has_written_out() -> None:
    network, few = sheets(300).replace(state_bits=18), preset("conv85").replace(name="few", map_words=128)
    assert notes(compile_network(network, preset("large"))) == [
        f"sparse projection {ends} is stored as fully connected: `large` has no maps" for ends in ("in -> a", "a -> b")
    ]
    [note] = notes(compile_network(network, few))
    assert note == "sparse projection in -> a is stored as fully connected: its source has 300 places, the three tables of `few` hold 288"
    assert notes(compile_network(network, few, Mode.DENSE)) == []
