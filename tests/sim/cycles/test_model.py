"""The cycle model where windows, comparisons for early exit and the starts of a long run fall on different steps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import InputError
from lifline.arch.program import Mode
from lifline.arch.records import MAX_STEPS_PER_RUN
from lifline.arch.registers import Space
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver.predict import predict, record_activity
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.sim.cycles.model import INPUT, CycleModel
from lifline.sim.golden.model import GoldenModel

TINY = preset("tiny")
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    with devices.open("sim:tiny") as opened:
        assert isinstance(opened, devices.LinkedDevice)
        yield opened


def network(early_exit: EarlyExit | None) -> Network:
    """Two outputs that fire when their inputs do, later by different delays."""
    return Network(
        name="two", state_bits=TINY.state_bits, output="out", early_exit=early_exit,
        populations=(Population("in", (2,)), Population("out", (2,), Neurons(threshold=1, strict=False))),
        projections=(Projection(source="in", target="out", weights=np.eye(2, dtype=np.int64), delays=[0, 3]),),
    )  # fmt: skip


def both(steps: int) -> np.ndarray:
    """Inputs that keep the two outputs close to each other."""
    spikes = np.zeros((steps, 2), np.uint8)
    spikes[::5] = 1
    return spikes


@pytest.mark.parametrize("every", [0, 4, 12, 20, 1000])
@pytest.mark.parametrize("cut", [0, 101])
@pytest.mark.parametrize("mode", list(Mode))
def test_cuts_comparisons_and_starts_fall_where_the_device_has_them(board: devices.LinkedDevice, every: int, cut: int, mode: Mode) -> None:
    """A run of more steps than one start takes, from an aligned and from an odd step, that looks every so often and never leaves."""
    net = network(EarlyExit(every, 30000) if every else None)
    program, spikes = compile_network(net, TINY, mode), both(cut + MAX_STEPS_PER_RUN + 110)
    board.load(program)
    runs = ([(0, cut)] if cut else []) + [(cut, len(spikes) - cut)]
    counted = [int(board.count(spikes[first : first + steps], reset=first == 0)[1].busy[0]) for first, steps in runs]
    numbers = {program.network.input.name: INPUT} | {p.name: p.number for p in program.populations}
    model = CycleModel(
        TINY, program.images[Space.PROGRAM], program.images[Space.DELAYS], registers=program.registers,
        sizes={n: net.population(name).size for name, n in numbers.items()},
    )  # fmt: skip
    activity = record_activity(net, spikes).spikes
    spikes_of = {n: activity[name][0] for name, n in numbers.items()}
    assert [model.costs(spikes_of, first=first, steps=steps).busy_cycles for first, steps in runs] == counted


def test_a_run_of_no_steps_only_clears_its_rings() -> None:
    """Nothing but that is counted; continued runs of no steps cost nothing."""
    net = network(None)
    program = compile_network(net, TINY, Mode.EVENT)
    model = CycleModel(
        TINY, program.images[Space.PROGRAM], program.images[Space.DELAYS], registers=program.registers, sizes={INPUT: 2, program.populations[0].number: 2}
    )
    activity = dict.fromkeys((INPUT, program.populations[0].number), np.zeros((7, 2), np.uint8))
    assert model.costs(activity, first=7).busy_cycles == model.costs(activity, first=3, steps=0).busy_cycles == 0
    assert model.costs(activity, steps=0).busy_cycles == program.registers["ring_clear_words"]
    with pytest.raises(InputError, match=r"steps 3\.\.8"):
        model.costs(activity, first=3, steps=5)


LEAVES = [MAX_STEPS_PER_RUN - 40, MAX_STEPS_PER_RUN - 1, MAX_STEPS_PER_RUN, MAX_STEPS_PER_RUN + 30, 2 * MAX_STEPS_PER_RUN + 5]


@pytest.mark.parametrize("lead", LEAVES)
@pytest.mark.parametrize("cut", [0, 103])
def test_a_run_of_many_starts_leaves_early_once(board: devices.LinkedDevice, lead: int, cut: int) -> None:
    """In whatever start it leaves, it executes nothing more, and a run that continues it goes on from there."""
    net = network(EarlyExit(12, 5))
    spikes = both(2 * MAX_STEPS_PER_RUN + 300)
    spikes[lead:, 1] = 0
    spikes[lead:, 0] = 1
    board.load(compile_network(net, TINY, Mode.EVENT))
    golden = GoldenModel(net)
    for k, part in enumerate([spikes[:cut], spikes[cut:]] if cut else [spikes]):
        expected, found = golden.run(part, reset=k == 0, record=["all"]), board.run(part, reset=k == 0, record=["all"])
        assert not differs(expected, found)
    assert found.exited[0] and lead < found.steps[0] + cut < lead + 40
    more = both(50)
    assert not differs(golden.run(more, reset=False, record=["all"]), board.run(more, reset=False, record=["all"]))


@pytest.mark.parametrize("cut", [1, 101, MAX_STEPS_PER_RUN - 2])
def test_records_across_the_end_of_their_step_numbers(board: devices.LinkedDevice, cut: int) -> None:
    """Records name steps modulo twice a run's most; parts of a long run begin at odd steps."""
    net, spikes = network(None), both(2 * MAX_STEPS_PER_RUN + 2 * cut + 60)
    spikes[2 * MAX_STEPS_PER_RUN - 9 : 2 * MAX_STEPS_PER_RUN + 9, 0] = 1
    board.load(compile_network(net, TINY, Mode.EVENT))
    golden = GoldenModel(net)
    for first, stop in ((0, cut), (cut, len(spikes))):
        part = spikes[first:stop]
        record = ["all", "out.v"] if first else []
        assert not differs(golden.run(part, reset=first == 0, record=record), board.run(part, reset=first == 0, record=record))


@pytest.mark.parametrize("mode", list(Mode))
def test_accumulation_is_the_part_of_a_pass_that_grows_with_its_input(mode: Mode) -> None:
    """Beyond what silence takes: a cycle per block and spike in event mode, one per block and active neuron in dense mode."""
    rng = np.random.default_rng(0)
    net = Network(
        name="one", state_bits=TINY.state_bits, output="out",
        populations=(Population("in", (30,)), Population("out", (32,), Neurons(threshold=20000))),
        projections=(Projection(source="in", target="out", weights=rng.integers(0, 3, (32, 30))),),
    )  # fmt: skip
    program = compile_network(net, TINY, mode)
    blocks = 32 // TINY.lanes
    found = {}
    for active in (0, 10, 15):  # fewer than a dense sum takes
        spikes = np.zeros((TINY.window, 30), np.uint8)
        spikes[:, :active] = 1
        [costs] = predict(program, TINY, record_activity(net, spikes), record=None)
        assert costs.accumulate.shape == costs.weight_reads.shape == (1, 1) and 0 < costs.accumulate[0, 0] < costs.cycles[0, 0]
        found[active] = costs.accumulate[0, 0], costs.cycles[0, 0] - costs.accumulate[0, 0]
    scans = TINY.window if mode is Mode.EVENT else 1
    assert found[15][0] - found[10][0] == 5 * blocks * scans
    assert found[15][1] == found[10][1]
