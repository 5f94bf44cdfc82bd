"""The search for an accelerator, measured: what it finds, whether it goes on after a kill, against random search, and its estimates against real builds.

    python bench/explore.py [--trials 64] [--builds 4] [--seeds 3] [--workers N] [--folder FOLDER] [--json]

The digits network on two boards. `lifline explore` is started, killed with all its processes once a third of the candidates is there, and started again. Random search looks at
as many candidates of the same space that exist, and passes over the same ones at once: those seen before, and those with too many lookup tables. Both are compared by the volume that
their fronts dominate in accuracy and the logarithms of time, lookup tables and energy, up to one reference that depends on no search: what a user has without one, the worse of the
boards' presets in each cost, and a tenth more; and an accuracy 10 points below it. `beats_random` is the median over `--seeds`, `beats_random_worst` the worst; `ratios` has them all,
also against random search that is given the presets on top, and up to the worst that either has found. `--builds` of the front are synthesised, placed and routed: minutes
each on an idle core. What is found before, builds too, is kept in the folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from lifline.arch.errors import LiflineError
from lifline.data import digits
from lifline.explore.candidate import Candidate
from lifline.explore.engine import Engine
from lifline.explore.evaluate import Problem, evaluate
from lifline.explore.front import Costs, compared
from lifline.explore.requantise import CALIBRATED, IntegerSource
from lifline.explore.search import Trial, costs_of, front_of, search
from lifline.explore.space import Space, delays_to_try
from lifline.explore.study_file import NAME, storage_of
from lifline.network.file import save

BOARDS = ("ulx3s-25f", "icebreaker")
PATIENCE_S = 0.1
COSTED = 16
SLACK, GIVEN_UP = 0.1, 0.1
"""How far the reference lies beyond the presets: a tenth in time, lookup tables and energy, ten points in accuracy."""


def write_files(folder: Path) -> None:
    """Network, samples, labels and calibration for the command line."""
    images, labels = digits.load("test")
    save(digits.network(), folder / "network.safetensors")
    np.save(folder / "spikes.npy", digits.encode(images))
    np.save(folder / "labels.npy", labels)
    np.save(folder / "calibration.npy", digits.encode(digits.load("train")[0][:CALIBRATED]))


def command(folder: Path, out: Path, trials: int, seed: int, workers: int | None, *more: str) -> list[str]:
    network, spikes, labels, calibration = (str(folder / name) for name in ("network.safetensors", "spikes.npy", "labels.npy", "calibration.npy"))
    boards = [word for board in BOARDS for word in ("--board", board)]
    own = ["--workers", str(workers)] if workers is not None else []
    return [
        sys.executable, "-m", "lifline", "explore", network, spikes, "--labels", labels, "--calibration", calibration, *boards, "--trials", str(trials), "--seed", str(seed),
        "--costed", str(COSTED), "--folder", str(out), *own, "--json", *more,
    ]  # fmt: skip


def killed(words: list[str], out: Path, after: int) -> dict[int, Any]:
    """Start a search, kill it and all its processes once ``after`` candidates have ended, and say which had."""
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while running.poll() is None and len(ended(out)) < after:
        time.sleep(PATIENCE_S)
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return ended(out)


def ended(out: Path) -> dict[int, Any]:
    """Number -> objectives of the trials that a study's file holds."""
    import optuna

    file = out / "study.journal"
    if not file.exists():
        return {}
    try:
        study = optuna.load_study(study_name=NAME, storage=storage_of(file))
    except KeyError:  # it has no study yet
        return {}
    return {t.number: t.values for t in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--builds", type=int, default=4, help="how many of the front are really built")
    parser.add_argument("--seeds", type=int, default=3, help="searches that are compared with random ones, each with its seed")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--folder", type=Path, default=Path("results/explore"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console, folder = Console(stderr=True), options.folder
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder)
    ratios: list[dict[str, float]] = []
    resumed, found, killed_after = True, {}, []
    for seed in range(options.seeds):
        out = folder / f"seed{seed}"
        words = command(folder, out, options.trials, seed, options.workers)
        before = ended(out) if len(ended(out)) >= options.trials // 3 else killed(words, out, options.trials // 3)
        killed_after.append(len(before))
        done = subprocess.run([*words, *(["--builds", str(options.builds)] if seed == 0 else [])], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise LiflineError(f"the search ended with status {done.returncode}")
        after = ended(out)
        resumed &= 0 < len(before) and after.items() >= before.items() and len(after) >= options.trials
        found = found or json.loads(done.stdout.splitlines()[-1])
        ratios.append(against_random(folder, out, options.trials, seed, options.workers))
    errors = [abs(row["built"]["error"]) for row in found["front"] if row["built"]]
    figures = {
        "trials": options.trials, "failed": found["failed"], "front": found["front"], "chosen": found["chosen"], "resumed": resumed, "killed_after": killed_after,
        "beats_random": statistics.median(r["ratio"] for r in ratios), "beats_random_worst": min(r["ratio"] for r in ratios), "ratios": ratios,
        "builds": len(errors), "estimator_error": statistics.median(errors) if errors else None,
        "estimator_errors": errors,
    }  # fmt: skip
    show(console, figures)
    if options.json:
        print(json.dumps(figures))


def against_random(folder: Path, out: Path, trials: int, seed: int, workers: int | None) -> dict[str, float]:
    """Volume of the search's front over that of random search up to the reference, over that of random search that is given the presets for nothing, and up to the worst that
    either has found, where most of the volume is what nobody would build."""
    original = digits.network()
    calibration, spikes = np.load(folder / "calibration.npy"), np.load(folder / "spikes.npy")
    problem = Problem(source=IntegerSource(original, calibration), spikes=spikes, labels=np.load(folder / "labels.npy"), costed=COSTED, cache=out / "cache")
    space = Space(board=BOARDS, delays=delays_to_try(problem.source.longest_delay))
    fronts: list[list[Trial]] = []
    with Engine(workers=workers) as engine:
        for sampler, study in (("guided", out / "study.journal"), ("random", out / "random.journal")):
            fronts.append(front_of(first(search(problem, space, trials=trials, study=study, sampler=sampler, seed=seed, engine=engine), trials)))
    presets = [Trial(k, candidate, evaluate(problem, candidate), None) for k, candidate in enumerate(nearest_to_presets(space))]
    own, drawn, usual = (costs_of(some, logarithms=True) for some in (*fronts, presets))
    reference = reference_of(usual)
    helped = np.concatenate([drawn, usual])
    ratios = [a / b for a, b in (compared(own, drawn, reference), compared(own, helped, reference), compared(own, drawn))]
    return dict(zip(("ratio", "with_presets", "everywhere"), ratios, strict=True))


def first(trials: list[Trial], number: int) -> list[Trial]:
    """The first so many that exist: no search may have more than the other."""
    return [t for t in trials if t.measured is not None][:number]


def reference_of(presets: Costs) -> list[float]:
    """What a user has without a search, the worse of the presets in each cost, and :data:`SLACK` more; and :data:`GIVEN_UP` of the accuracy. It depends on no search."""
    reference = presets.max(axis=0) + math.log(1 + SLACK)
    reference[0] = presets[:, 0].max() + GIVEN_UP
    return reference.tolist()


def nearest_to_presets(space: Space) -> list[Candidate]:
    """Of every board the candidate that it is built with unless somebody searches: the first start of each."""
    starts = [Candidate(**start) for start in space.starts()]
    return [next(start for start in starts if start.board == board) for board in space.board]


def show(console: Console, figures: dict[str, Any]) -> None:
    table = Table("board", "right", "cycles", "tables", "built", "MHz", "uJ", title=f"digits: {len(figures['front'])} of {figures['trials']} that nothing beats")
    for row in figures["front"]:
        made = row["built"]
        shown = [f"{made['lut']:,} ({made['error']:+.1%})", f"{row['fmax']:.1f}"] if made else ["", f"({row['clock_mhz']:g})"]
        table.add_row(row["board"], f"{row['accuracy']:.1%}", f"{row['cycles']:,.0f}", f"{row['lut']:,}", *shown, f"{row['microjoules']:.2f}")
    console.print(table)
    error = "no builds" if figures["estimator_error"] is None else f"{figures['estimator_error']:.1%} in {figures['builds']} builds"
    each = Table("seed", "volume over random search's", "given the presets", "up to the worst found")
    for seed, one in enumerate(figures["ratios"]):
        each.add_row(str(seed), *(f"{value:.2f}" for value in one.values()))
    console.print(each)
    console.print(f"killed after {figures['killed_after']}, resumed: {figures['resumed']}; tables, median error: {error}")


if __name__ == "__main__":
    main()
