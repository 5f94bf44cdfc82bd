"""Figures of a candidate are those of the parts that they come from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import lifline
from lifline.arch.errors import ConfigError, InputError
from lifline.boards.capacity import need
from lifline.driver.energy import energy_model
from lifline.driver.predict import predict, record_activity
from lifline.explore import evaluate as module
from lifline.explore.candidate import Candidate
from lifline.explore.evaluate import Problem, evaluate, network_of, program_of

CANDIDATE = Candidate(board="ulx3s-25f", lanes=8, multipliers=4, window=4, weight_bits=4, state_bits=16, delays=3)


def test_figures_agree_with_golden_model_cycle_model_and_boards(problem: Problem) -> None:
    found = evaluate(problem, CANDIDATE)
    network = network_of(problem, CANDIDATE)
    program = program_of(problem, CANDIDATE, network)
    assert program.config == found.hardware
    activity = record_activity(network, problem.spikes[: problem.costed])
    costs = predict(program, program.config, activity)
    assert found.cycles == np.mean([c.busy_cycles for c in costs])
    assert found.microseconds == pytest.approx(found.cycles / 90)
    assert found.window_cycles == max(c.cycles.sum(axis=1).max() for c in costs)
    predictions = lifline.sim.golden.model.GoldenModel(network).run(problem.spikes).prediction  # type: ignore[attr-defined]
    assert found.accuracy == np.mean(predictions == problem.labels)
    wanted = need(program.config, "ecp5")
    assert (found.lut, found.block_ram, found.dsp) == (wanted.lut.number, wanted.block_ram, wanted.dsp)
    reads = float(np.mean([c.weight_reads.sum() for c in costs]))
    assert found.microjoules == energy_model(program.config, board="ulx3s-25f").microjoules(program.config, cycles=found.cycles, weight_reads=reads, operations=found.operations)


def test_energy_is_that_of_the_coefficients_that_are_given(problem: Problem, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[devices.ecp5]\nstatic_uw = 0\n[devices.LFE5U-25F]\nstatic_uw = 0\n")
    mine = dataclasses.replace(problem, coefficients=own)
    assert mine.digest != problem.digest
    for name, saved in (("ulx3s-25f", True), ("icebreaker", False)):  # the file has nothing for an iCE40
        candidate = Candidate(board=name, dense=False, lanes=8, multipliers=1)
        ours, theirs = evaluate(mine, candidate), evaluate(problem, candidate)
        assert (ours.microjoules < theirs.microjoules) is saved and (ours.microjoules == theirs.microjoules) is not saved
    own.write_text("[devices.ecp5]\nvolts = 0\n")
    with pytest.raises(InputError, match="`volts` of ecp5 is no coefficient"):
        dataclasses.replace(problem, coefficients=own)


def test_at_its_own_widths_only_wrong_labels_count(problem: Problem) -> None:
    found = evaluate(problem, Candidate(board="ulx3s-25f"))
    assert found.accuracy == 22 / 24


def test_what_was_found_is_not_computed_again(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate(problem, CANDIDATE)

    def never(*arguments: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(module, "_evaluated", never)
    assert evaluate(problem, CANDIDATE) == first
    same = Candidate.parse(str(CANDIDATE))
    assert evaluate(problem, same) == first
    with pytest.raises(AssertionError, match="computed again"):
        evaluate(problem, dataclasses.replace(CANDIDATE, window=8))


def test_a_damaged_result_is_computed_again(problem: Problem, tmp_path: Path) -> None:
    own = dataclasses.replace(problem, cache=tmp_path)
    first = evaluate(own, CANDIDATE)
    for file in tmp_path.glob("*.json"):
        assert json.loads(file.read_text())
        file.write_text("{")
    assert evaluate(own, CANDIDATE) == first


def test_other_samples_are_another_problem(problem: Problem) -> None:
    spikes = problem.spikes.copy()
    spikes[0, 0, 0] ^= 1
    assert dataclasses.replace(problem, spikes=spikes).digest != problem.digest
    assert dataclasses.replace(problem, labels=(problem.labels + 1) % 4).digest != problem.digest
    assert dataclasses.replace(problem, costed=5).digest != problem.digest
    assert dataclasses.replace(problem).digest == problem.digest


def test_what_does_not_fit_its_board_is_refused_by_name(problem: Problem) -> None:
    with pytest.raises(ConfigError, match=r"needs about [\d,]+ lookup tables .*the iCE40UP5K has 5,280"):
        evaluate(problem, Candidate(board="icebreaker", lanes=64, multipliers=32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spikes": np.zeros((4, 16), np.uint8)}, r"a search needs \(batch, time, neuron\)"), ({"labels": np.zeros(3, np.int64)}, r"labels have shape \(3,\)"),
        ({"labels": np.zeros(24)}, "type float64"), ({"costed": 0}, "give at least 1"),
    ],
)  # fmt: skip
def test_samples_that_are_none_are_refused(problem: Problem, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(problem, **change)
