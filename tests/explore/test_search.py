"""The search: goes on where it was killed, records failures by name, and writes what can be run again."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lifline
from lifline.arch.errors import ConfigError, InputError
from lifline.explore import search as module
from lifline.explore.builds import Built, spread
from lifline.explore.engine import Done, Engine
from lifline.explore.evaluate import Measured, Problem, evaluate
from lifline.explore.outcome import chosen, row_of, save_outcome
from lifline.explore.screen import Screen
from lifline.explore.search import Trial, costs_of, front_of, search
from lifline.explore.space import Space

optuna = pytest.importorskip("optuna")
SPACE = Space(
    board=("ulx3s-25f", "icebreaker"), lanes=(4, 8, 64), dense=(False,), window=(2, 4), multipliers=(1, 2), weight_bits=(2, 8), state_bits=(14, 18), drain=("small",),
    modes=("event",),
)  # fmt: skip


def test_goes_on_where_it_was(problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tmp_path / "study"
    first = search(problem, SPACE, trials=3, study=study)
    assert len(first) == 3

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            search(problem, SPACE, trials=5, study=study)
    looked: list[int] = []
    all_of_them = search(problem, SPACE, trials=6, study=study, progress=lambda trial, ended: looked.append(ended))
    assert [t.number for t in all_of_them[:3]] == [t.number for t in first] and len(all_of_them) == 6
    assert looked == [4, 5, 6]
    assert [t.measured for t in all_of_them[:3]] == [t.measured for t in first]
    assert len(search(problem, SPACE, trials=6, study=study, progress=lambda trial, ended: pytest.fail("nothing is left to do"))) == 6


def test_a_process_that_is_killed_loses_only_what_was_under_way(problem: Problem, network: lifline.Network, tmp_path: Path) -> None:
    lifline.save_network(network, tmp_path / "network")
    np.save(tmp_path / "spikes.npy", problem.spikes)
    np.save(tmp_path / "labels.npy", problem.labels)
    folder = tmp_path / "explored"
    command = [
        sys.executable, "-m", "lifline", "explore", "network", "spikes.npy", "--labels", "labels.npy", "--board", "ulx3s-25f", "--set", "lanes=4,8", "--set", "dense=false",
        "--workers", "0", "--costed", "4", "--folder", str(folder), "--json", "--trials",
    ]  # fmt: skip
    running = subprocess.Popen([*command, "10000"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(folder.glob("cache/*.json"))) < 4 and running.poll() is None:
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = completed(folder / "study.journal")
    done = subprocess.run([*command, str(len(before) + 2)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, after = json.loads(done.stdout.splitlines()[-1]), completed(folder / "study.journal")
    assert found["trials"] == len(after) == len(before) + 2 and found["front"]
    assert before and after.items() >= before.items()


def completed(study: Path) -> dict[int, list[float]]:
    """Number and objectives of every trial that has ended."""
    from lifline.explore.study_file import NAME, storage_of

    trials = optuna.load_study(study_name=NAME, storage=storage_of(study)).get_trials(states=[optuna.trial.TrialState.COMPLETE])
    return {t.number: t.values for t in trials}


def test_a_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    code = "import os, pathlib; from lifline.explore.study_file import KernelLock; KernelLock(pathlib.Path('lock')).acquire(); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == -signal.SIGKILL
    from lifline.explore.study_file import KernelLock

    lock = KernelLock(tmp_path / "lock")
    assert lock.acquire()
    with (tmp_path / "lock").open("a") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lock.release()
    with (tmp_path / "lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_fails_late_is_recorded_by_name_and_others_take_its_place(problem: Problem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In one process, and where the last ones fail after nothing more was asked for."""

    def late(problem: Problem, item: tuple[int, module.Candidate]) -> Measured:
        if item[1].lanes == 8:
            raise ConfigError(f"{item[1].lanes} lanes are too many")
        return evaluate(problem, item[1])

    monkeypatch.setattr(module, "_evaluate", late)
    trials = search(problem, SPACE, trials=8, sampler="random", seed=1, study=tmp_path / "study", engine=Ahead(workers=0))
    failed, there = [t for t in trials if t.failure is not None], [t for t in trials if t.measured is not None]
    assert len(there) == 8 and failed
    assert all(t.measured is None and t.failure == "ConfigError: 8 lanes are too many" and t.candidate.lanes == 8 for t in failed)
    assert search(problem, SPACE, trials=8, sampler="random", seed=1, study=tmp_path / "study") == trials


class Ahead(Engine):
    """Takes all items before the first has ended, like many processes."""

    def run(self, function: Any, shared: Any, items: Iterable[Any]) -> Iterator[Done[Any]]:
        yield from super().run(function, shared, list(items))


@pytest.mark.parametrize("sampler", module.SAMPLERS)
def test_no_accelerator_is_looked_at_twice_and_none_that_the_screen_refuses(problem: Problem, sampler: str) -> None:
    """The space has choices without effect, and more lanes than a board has room for; it is searched to its end."""
    space = dataclasses.replace(SPACE, board=("icebreaker",), lanes=(8, 64), window=(2,), weight_bits=(8,), modes=("throughput", "latency"))
    trials = search(problem, space, trials=10, sampler=sampler)
    plain = [t.candidate.plain() for t in trials]
    assert len(plain) == len(set(plain)) == 4 and {c.lanes for c in plain} == {8}


def test_a_space_in_which_nothing_can_be_is_refused_with_a_reason(problem: Problem) -> None:
    with pytest.raises(InputError, match=r"no candidate of this space can be; .*lanes=64.*needs about [\d,]+ lookup tables"):
        search(problem, dataclasses.replace(SPACE, board=("icebreaker",), lanes=(64,)), trials=2)


def test_the_screen_knows_the_tables_that_an_evaluation_counts(problem: Problem) -> None:
    screen = Screen(problem)
    for candidate in (module.Candidate(board="icebreaker", lanes=8, dense=False, multipliers=1), module.Candidate(board="ulx3s-25f", weight_bits=4, state_bits=14)):
        assert screen.tables(candidate) == evaluate(problem, candidate).lut
    assert screen.tables(module.Candidate(board="icebreaker", lanes=64)) is None and "lanes=64" in screen.last


def test_a_study_of_another_problem_is_refused(problem: Problem, tmp_path: Path) -> None:
    search(problem, SPACE, trials=1, study=tmp_path / "study")
    for changes in ({"space": dataclasses.replace(SPACE, window=(2,))}, {"problem": dataclasses.replace(problem, costed=2)}, {"sampler": "random"}, {"seed": 3}):
        with pytest.raises(InputError, match="holds a study of another network"):
            search(**{"problem": problem, "space": SPACE, "trials": 1, "study": tmp_path / "study"} | changes)
    with pytest.raises(InputError, match="sampler `grid` must be one of"):
        search(problem, SPACE, trials=1, sampler="grid")


def trial(number: int, accuracy: float, microseconds: float, lut: int, board: str = "ulx3s-25f") -> Trial:
    measured = Measured(
        accuracy=accuracy, cycles=microseconds * 90, window_cycles=10, clock_mhz=90.0, microseconds=microseconds, lag_us=1.0, lut=lut, lut_error=0.1, block_ram=4,
        dsp=1, spram=0, microjoules=1.0, operations=10.0, config={},
    )  # fmt: skip
    return Trial(number, module.Candidate(board=board), measured, None)


def test_costs_grow_with_what_is_worse_and_take_logarithms_of_all_but_the_accuracy() -> None:
    [plain] = costs_of([trial(0, 0.75, 20, 3000)])
    assert plain.tolist() == [-0.75, 20, 3000, 1]
    [logarithms] = costs_of([trial(0, 0.75, 20, 3000)], logarithms=True)
    assert logarithms.tolist() == pytest.approx([-0.75, np.log(20), np.log(3000), 0])


def test_the_fastest_within_the_tolerance_is_chosen() -> None:
    trials = [trial(0, 0.95, 30, 9000), trial(1, 0.945, 20, 9000), trial(2, 0.90, 10, 3000), trial(3, 0.94, 40, 9500), Trial(4, module.Candidate(board="icebreaker"), None, "no")]
    front = front_of(trials)
    assert [t.number for t in front] == [0, 1, 2]
    assert (chosen(front).number, chosen(front, 0.0).number, chosen(front, 0.1).number) == (1, 0, 2)
    with pytest.raises(InputError, match="no candidate can run this network"):
        chosen([])


def test_builds_are_spread_over_boards_and_sizes() -> None:
    front = [trial(k, 0.9, 10 + k, 1000 * (9 - k), "icebreaker" if k > 5 else "ulx3s-25f") for k in range(9)]
    assert [t.number for t in spread(front, 5)] == [5, 8, 0, 6, 2]
    assert len(spread(front, 50)) == 9


def test_a_row_can_be_run_again_and_its_configuration_compiles_its_network(problem: Problem, tmp_path: Path) -> None:
    trials = search(problem, SPACE, trials=4)
    [first, *_] = front_of(trials)
    assert first.measured is not None
    made = Built(lut=first.measured.lut + 100, block_ram=3, dsp=1, fmax_mhz=100.0, microseconds=1.0, estimated=first.measured.lut)
    found = save_outcome(tmp_path, problem, trials, {first.number: made})
    row = row_of(first, made)
    assert found["front"][0] == row and row["fmax"] == 100.0 and -0.1 < row["built"]["error"] < 0
    again = evaluate(problem, module.Candidate.parse(row["candidate"]))
    assert again == first.measured
    config, network = lifline.load_config(tmp_path / f"{first.number}.toml"), lifline.load_network(tmp_path / f"{first.number}.safetensors")
    assert config == first.measured.hardware and lifline.compile_network(network, config)
    assert (tmp_path / "chosen.toml").exists() and (tmp_path / "front.png").stat().st_size > 5000
    assert json.loads((tmp_path / "front.json").read_text())["chosen"] == found["chosen"]
