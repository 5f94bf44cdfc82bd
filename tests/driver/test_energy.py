"""The energy estimate: coefficients and their ranges, the quick model, the netlist's counts, and what a meter makes of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lifline
from lifline.arch.config import preset
from lifline.arch.errors import InputError, LiflineError, ToolError
from lifline.boards.board import BOARDS, board
from lifline.compiler.program_file import save
from lifline.driver.account import account
from lifline.driver.calibration import Measurement, Measurements, calibration, read_measured
from lifline.driver.coefficients import CLOCK, NAMES, SWITCHING, Coefficients, Range, coefficients_of
from lifline.driver.energy import Energy, EnergyModel, energy_model, energy_of
from lifline.driver.netlist_energy import HOST, WINDOWS, netlist_energy
from lifline.driver.nonnegative import nonnegative_least_squares
from lifline.driver.predict import Activity, record_activity
from lifline.sim.board.build import compiler

TINY = preset("tiny")
ICE40, ECP5 = board("icebreaker").chip, board("ulx3s-25f").chip
TINY_BOARD = dataclasses.replace(board("icebreaker"), config="tiny", clock_hz=12e6)


def network(seed: int = 3) -> lifline.Network:
    """Three populations; all weights that excite, so that more input never silences anything."""
    rng, fires = np.random.default_rng(seed), lifline.Neurons(threshold=60, decay_v=300)
    sizes = {"in": 20, "hidden": 12, "out": 6}
    return lifline.Network(
        name="small", output="out", state_bits=16,
        populations=[lifline.Population(name, (size,), None if name == "in" else fires) for name, size in sizes.items()],
        projections=[lifline.Projection(source=s, target=t, weights=rng.integers(1, 40, (sizes[t], sizes[s]))) for s, t in (("in", "hidden"), ("hidden", "out"))],
    )  # fmt: skip


def one() -> Coefficients:
    """Every coefficient 1 of its unit."""
    return Coefficients("chip", "made up", **dict.fromkeys(NAMES, Range(1, 0.5, 2)))


def test_energy_is_counts_times_coefficients() -> None:
    counts = {"cycles": 10, "table": 100, "flip_flop": 200, "memory": 300, "carry": 400, "block_read": 3, "block_write": 4, "single_port_read": 5, "single_port_write": 6,
              "distributed_write": 7, "product": 8}  # fmt: skip
    found = energy_of(one(), 2e6, 50, counts)
    assert found.static == pytest.approx(10 * 0.5e-6)  # a microwatt for 10 cycles of half a microsecond, in microjoules
    assert found.clock == pytest.approx(10 * (0.5 + 1 + 0.05) * 1e-6)
    assert found.dynamic == pytest.approx((0.6 + 0.4 + 7 + 11 + 7 + 8) * 1e-6)
    assert (found.low, found.high) == pytest.approx((found.total / 2, found.total * 2))


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_coefficients_in_order(name: str) -> None:
    found = coefficients_of(BOARDS[name].chip)
    assert all(0 <= r.low <= r.value <= r.high and r.value > 0 for r in (getattr(found, n) for n in NAMES if n not in ("single_port_pj", "distributed_pj")))
    wide = "nothing is known" in found.source
    assert wide == (BOARDS[name].chip.family not in ("ice40", "ecp5"))
    assert coefficients_of(ECP5).toggle_fj.high / coefficients_of(ECP5).toggle_fj.low > coefficients_of(ICE40).toggle_fj.high / coefficients_of(ICE40).toggle_fj.low


def test_a_file_replaces_what_it_has(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[devices.ecp5]\ntree_pj = 7\ntoggle_fj = [3, 2, 5]\n[devices.LFE5U-25F]\ntoggle_fj = 4\n")
    found, known = coefficients_of(ECP5, own), coefficients_of(ECP5)
    assert found.tree_pj == Range(7, 7, 7) and found.toggle_fj == Range(4, 4, 4) and "own.toml" in found.source
    assert all(getattr(found, n) == getattr(known, n) for n in NAMES if n not in ("tree_pj", "toggle_fj"))
    assert coefficients_of(board("ulx3s-85f").chip, own).toggle_fj == Range(3, 2, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[devices.iCE40UP5K", "cannot be read as coefficients"),
        ("[boards.icebreaker]\n", "`boards` is no section"),
        ("devices = 3\n", "`devices` must hold sections"),
        ("[devices]\niCE40UP5K = 3\n", "`devices` must hold sections"),
        ("[devices.iCE40UP5K]\ntree_uj = 3\n", "`tree_uj` of iCE40UP5K is no coefficient; there are static_uw"),
        ("[devices.iCE40UP5K]\ntree_pj = 'much'\n", "is 'much'; give a number"),
        ("[devices.iCE40UP5K]\ntree_pj = true\n", "is True; give a number"),
        ("[devices.iCE40UP5K]\ntree_pj = [1, 2]\n", r"or three: \[estimate, low, high\]"),
        ("[devices.iCE40UP5K]\ntree_pj = [1, 2, 3]\n", "0 <= low <= estimate <= high"),
        ("[devices.iCE40UP5K]\ntree_pj = -1\n", "0 <= low <= estimate <= high"),
        ("[devices.iCE40UP5K]\ntree_pj = nan\n", "give a number"),
        ("[devices.iCE40UP5K]\ntree_pj = inf\n", "give a number"),
        ("[devices.ecp5]\ntree_pj = 1\n", r"has nothing for the iCE40UP5K; it has ecp5. Give it a section \[devices.iCE40UP5K\]"),
        ("", "has nothing for the iCE40UP5K; it has no devices"),
        ("x" * (1 << 17), "more than 65,536 bytes"),
    ],
)
def test_bad_files_of_coefficients_are_refused(tmp_path: Path, text: str, message: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(InputError, match=message):
        coefficients_of(ICE40, own)


def test_a_missing_file_of_coefficients_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.toml cannot be read"):
        coefficients_of(ICE40, tmp_path / "none.toml")


def test_a_board_decides_chip_and_clock_and_an_unknown_configuration_gets_one() -> None:
    assert energy_model(preset("small")).coefficients.device == "iCE40UP5K" and energy_model(preset("large")).coefficients.device == "LFE5U-85F"
    assert energy_model(TINY).coefficients.device == "LFE5U-25F"
    assert energy_model(TINY, board="icebreaker").clock_hz == 30e6
    with pytest.raises(LiflineError, match="no board `nowhere`"):
        energy_model(TINY, board="nowhere")


@pytest.mark.parametrize("name", ["tiny", "small", "medium"])
def test_the_formula_is_what_is_computed(name: str) -> None:
    config = preset(name)
    model = energy_model(config)
    rates, spent = model.rates(config), model.energy(config, cycles=1000, weight_reads=100, operations=200)
    assert spent.total == pytest.approx(1000 * rates.cycle.total + 100 * config.weight_word_bits * rates.weight_bit.total + 200 * rates.operation.total)
    assert 0 < spent.low < spent.total < spent.high
    assert model.microjoules(config, cycles=1000, weight_reads=100, operations=200) == spent.total
    assert rates.waiting.total < rates.cycle.total and model.waiting(config, 1000 / model.clock_hz).total == pytest.approx(1000 * rates.waiting.total)
    assert f"{rates.cycle.total * 1e6:,.0f} pJ per cycle" in model.describe(config) and "not measured on a board" in model.describe(config)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["tiny", "small"]), *[st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)) for _ in range(3)])
def test_more_of_anything_never_costs_less(name: str, cycles: tuple[int, int], reads: tuple[int, int], operations: tuple[int, int]) -> None:
    config = preset(name)
    model = energy_model(config)
    less, more = (model.energy(config, cycles=pick(cycles), weight_reads=pick(reads), operations=pick(operations)) for pick in (min, max))
    assert all(getattr(less, part) <= getattr(more, part) for part in ("static", "clock", "dynamic", "low", "high"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["event", "dense"]))
def test_more_input_spikes_never_cost_less(seed: int, mode: str) -> None:
    """Spikes are added to the input while everybody behind it fires as before; and with weights that only excite, whatever they fire then."""
    rng, described = np.random.default_rng(seed), network()
    program = lifline.compile_network(described, TINY, mode)
    few = (rng.random((10, 20)) < rng.random()).astype(np.uint8)[None]
    many = few | (rng.random(few.shape) < rng.random())
    before = record_activity(described, few)
    added = Activity(before.spikes | {"in": many.astype(np.uint8)}, before.steps)
    uj = [account(program, activity).microjoules for activity in (before, added, record_activity(described, many))]
    assert uj[0] <= uj[1] * (1 + 1e-12) and uj[1] <= uj[2] * (1 + 1e-12)


def test_layers_add_up_with_their_parts_and_ranges() -> None:
    described = network()
    spikes = (np.random.default_rng(4).random((3, 20, 20)) < 0.3).astype(np.uint8)
    costs = account(lifline.compile_network(described, TINY), record_activity(described, spikes))
    whole = sum((layer.energy for layer in costs.layers), costs.rest_energy)
    for part in ("static", "clock", "dynamic", "low", "high"):
        assert getattr(whole, part) == pytest.approx(getattr(costs.energy, part)) and getattr(whole, part) > 0
    assert costs.microjoules == pytest.approx(costs.rest_microjoules + sum(layer.microjoules for layer in costs.layers))


@pytest.fixture(scope="module")
def counted():
    if compiler() is None:
        pytest.skip("needs a C++ compiler")
    described = network()
    spikes = (np.random.default_rng(4).random((3, 20, 20)) < 0.3).astype(np.uint8)
    program = lifline.compile_network(described, TINY)
    return program, spikes, netlist_energy(program, spikes, board=TINY_BOARD)


def test_the_netlist_counts_every_layer_and_they_add_up(counted) -> None:
    program, spikes, found = counted
    costs = account(program, record_activity(program.network, spikes), energy=energy_model(TINY, board=TINY_BOARD))
    cycles = {part.name: part.counts["cycles"] for part in found.layers}
    assert {layer.name: layer.cycles for layer in costs.layers} == {name: pytest.approx(n) for name, n in cycles.items() if name != WINDOWS}
    assert cycles[WINDOWS] == pytest.approx(costs.rest_cycles, abs=3)  # it looks once in vain for a further window
    assert found.total.total == pytest.approx(sum(part.energy.total for part in found.layers))
    assert sum(uj for _, uj in found.modules) == pytest.approx(found.total.dynamic)
    assert found.host.name == HOST and found.host.energy.static == found.host.energy.clock == 0 < found.host.energy.dynamic
    assert 0.6 < costs.energy.total / found.total.total < 1.6 and costs.energy.static == pytest.approx(found.total.static, rel=0.02)


def test_more_spikes_switch_more_in_the_netlist(counted) -> None:
    program, spikes, found = counted
    silent = netlist_energy(program, np.zeros_like(spikes[:1]), board=TINY_BOARD)
    assert silent.total.total < found.total.total and silent.total.dynamic < found.total.dynamic


def test_other_families_have_no_netlist() -> None:
    with pytest.raises(ToolError, match="netlists of gowin cannot be simulated, only those of ecp5, ice40; leave --netlist away"):
        netlist_energy(lifline.compile_network(network(), TINY), np.zeros((1, 2, 20), np.uint8), board="tang-nano-9k")


def test_least_squares_stay_above_zero() -> None:
    rng = np.random.default_rng(0)
    table = rng.random((30, 4))
    assert nonnegative_least_squares(table, table @ [1, 0, 2, 0.5]) == pytest.approx([1, 0, 2, 0.5], abs=1e-9)
    assert nonnegative_least_squares(table, -table[:, 0]).tolist() == [0, 0, 0, 0]
    found = nonnegative_least_squares(table, table @ [1, -1, 2, 0.5])
    assert found[1] == 0 and (found >= 0).all()
    with pytest.raises(ValueError, match="9 columns, at most 8"):
        nonnegative_least_squares(np.zeros((2, 9)), np.zeros(2))


def scaled(model: EnergyModel, static: float, clock: float, switching: float) -> EnergyModel:
    """The model of a board that takes that much more."""
    factors = {"static_uw": static} | dict.fromkeys(CLOCK, clock) | dict.fromkeys(SWITCHING, switching)
    return dataclasses.replace(model, coefficients=dataclasses.replace(model.coefficients, **{n: getattr(model.coefficients, n).scaled(f) for n, f in factors.items()}))


def test_a_meter_finds_the_coefficients_of_a_board(tmp_path: Path) -> None:
    described, config = network(), preset("small")
    program = lifline.compile_network(described, config)
    spikes = (np.random.default_rng(4).random((3, 20, 20)) < 0.3).astype(np.uint8)
    save(program, tmp_path / "net.lifline")
    np.save(tmp_path / "spikes.npy", spikes)
    true = scaled(energy_model(config), 2.0, 1.3, 0.6)
    costs, rate = account(program, record_activity(described, spikes), energy=true), 5000.0
    computing = rate * costs.cycles / true.clock_hz
    watts = [true.waiting(config, 1.0).static, true.waiting(config, 1.0).total, costs.energy.total * rate + true.waiting(config, 1 - computing).total]
    (tmp_path / "meter.toml").write_text(
        f'board = "icebreaker"\n[[run]]\nstate = "blank"\nmilliwatts = {watts[0] * 1e-3}\n[[run]]\nstate = "waiting"\nmilliwatts = {watts[1] * 1e-3}\n'
        f'[[run]]\nstate = "running"\nmilliwatts = {watts[2] * 1e-3}\nprogram = "net.lifline"\nsamples = "spikes.npy"\nsamples_per_second = {rate}\n'
    )
    found = calibration(read_measured(tmp_path / "meter.toml"))
    assert found.factors == pytest.approx({"static": 2.0, "clock": 1.3, "switching": 0.6}, rel=1e-6) and found.error == 0.05
    assert [run.after_mw for run in found.runs] == pytest.approx([run.measured_mw for run in found.runs])
    found.save(tmp_path / "own.toml")
    mended = energy_model(config, coefficients=tmp_path / "own.toml")
    again = account(program, record_activity(described, spikes), energy=mended)
    assert again.microjoules == pytest.approx(costs.microjoules, rel=1e-4) and "own.toml" in again.energy_model
    assert again.energy.high / again.energy.low < costs.energy.high / costs.energy.low


def test_what_was_not_measured_stays(tmp_path: Path) -> None:
    found = calibration(Measurements("icebreaker", "", (Measurement("blank", 0.2),)))
    assert found.factors == pytest.approx({"static": 200 / coefficients_of(ICE40).static_uw.value, "clock": 0, "switching": 0}) and list(found.numbers) == ["static_uw"]
    assert "clock as it was" in found.described()


RUNNING = 'state = "running"\nmilliwatts = 3\nprogram = "p"\nsamples = "s.npy"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("board = [", "cannot be read"),
        ("[[run]]\nstate = 'blank'\nmilliwatts = 1\n", "give the board"),
        ('board = "icebreaker"\n', "has no measurement"),
        ('board = "icebreaker"\nrun = 3\n', "has no measurement"),
        ('board = "icebreaker"\nvolts = 1\n', "`volts` is not known"),
        ('board = "icebreaker"\n[[run]]\nstate = "asleep"\nmilliwatts = 1\n', "state is 'asleep'; it must be blank"),
        ('board = "icebreaker"\n[[run]]\nstate = "blank"\n', "`milliwatts` is missing; in state blank it has milliwatts, state"),
        ('board = "icebreaker"\n[[run]]\nstate = "blank"\nmilliwatts = 0\n', "milliwatts is 0; it must be a number above 0"),
        ('board = "icebreaker"\n[[run]]\nstate = "blank"\nmilliwatts = 1\nprogram = "p"\n', "`program` is not known"),
        (f'board = "icebreaker"\n[[run]]\n{RUNNING}', "`samples_per_second` is missing"),
        (f'board = "icebreaker"\n[[run]]\n{RUNNING}samples_per_second = "many"\n', "it must be a number above 0"),
    ],
)
def test_bad_files_of_measurements_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "meter.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_measured(tmp_path / "meter.toml")


def test_measured_samples_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    save(lifline.compile_network(network(), preset("small")), tmp_path / "p")
    (tmp_path / "meter.toml").write_text(f'board = "icebreaker"\n[[run]]\n{RUNNING}samples_per_second = 1\n')
    with pytest.raises(InputError, match=r"s.npy cannot be read as a .npy array"):
        calibration(read_measured(tmp_path / "meter.toml"))


def test_energy_is_described_with_its_range() -> None:
    assert Energy(1, 2, 3, 4, 9).described() == "6 µJ, an estimate (4 to 9); static 17%, clock 33%, dynamic 50%"
    assert Energy().described().startswith("0 µJ")
    assert Energy(1, 2, 3, 4, 9) + Energy(1, 1, 1, 2, 5) == Energy(2, 3, 4, 6, 14) and Energy(1, 2, 3, 4, 9).scaled(2) == Energy(2, 4, 6, 8, 18)
