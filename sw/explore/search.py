"""The search itself: an Optuna study in a file, whose trials are candidates; killed in the middle, it goes on where it was."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lifline.arch.errors import InputError, MissingLibraryError
from lifline.arch.values import integer

from .candidate import Candidate
from .engine import Engine
from .evaluate import Measured, Problem, evaluate
from .front import Costs, undominated
from .space import Space

if TYPE_CHECKING:
    import optuna
    from optuna import Study
    from optuna.trial import FrozenTrial

OBJECTIVES = {"accuracy": -1, "microseconds": 1, "lut": 1, "microjoules": 1}
"""Fields of :class:`~lifline.explore.evaluate.Measured`, and whether more is worse (1) or better (-1)."""
NONE = {"accuracy": 0.0, "microseconds": 1e7, "lut": 1e6, "microjoules": 1e6}
"""What the sampler is told of a candidate that does not exist: worse than every one that does."""
SAMPLERS = ("tpe", "random")
MAX_TRIALS = 100_000
FIRST = 12
"""Trials that the sampler draws before it learns."""


@dataclass(frozen=True)
class Trial:
    """A candidate that was looked at: what it is, or by name why it does not exist."""

    number: int
    candidate: Candidate
    measured: Measured | None
    failure: str | None


def search(
    problem: Problem, space: Space, *, trials: int, study: Path | None = None, sampler: str = "tpe", seed: int = 0, engine: Engine | None = None,
    progress: Callable[[Trial, int], object] | None = None,
) -> list[Trial]:
    """Look at ``trials`` candidates, those that the study's file holds already among them.

    Parameters
    ----------
    study : file that the study is written to, trial by trial; None: it is not kept.   sampler : one of :data:`SAMPLERS`.
    engine : where candidates are evaluated; None: here.   progress : is told every trial that ends, and how many have.

    Raises
    ------
    InputError            for a number of trials or a sampler that there is not, or a study of another problem or space.
    MissingLibraryError   without Optuna.
    """
    count = integer(trials, "number of trials:", InputError, low=1, high=MAX_TRIALS)
    if sampler not in SAMPLERS:
        raise InputError(f"sampler `{sampler}` must be one of {', '.join(SAMPLERS)}")
    kept = _study(study, problem, space, sampler, seed)
    own, live = engine or Engine(workers=0), {}
    _revive(kept)
    if sampler == "tpe" and not kept.get_trials(deepcopy=False):
        for start in space.starts():
            kept.enqueue_trial(start)

    def asked() -> Iterator[tuple[int, Candidate]]:
        """Candidates, until as many have ended or are under way as were asked for."""
        for _ in range(count - len(_complete(kept))):
            trial = kept.ask()
            live[trial.number] = trial
            yield trial.number, space.suggest(trial)

    ended = len(_complete(kept))
    for done in own.run(_evaluate, own.share(problem), asked()):
        trial = Trial(*done.item, done.value, done.failure)
        _tell(kept, live.pop(trial.number), trial)
        ended += 1
        if progress is not None:
            progress(trial, ended)
    return [_trial(t) for t in _complete(kept)]


def costs_of(trials: list[Trial], *, logarithms: bool = False) -> Costs:
    """(candidate that exists, objective), smaller is better; ``logarithms``: of all but the accuracy, so that half of anything counts the same everywhere."""
    found = [[sign * getattr(t.measured, name) for name, sign in OBJECTIVES.items()] for t in trials if t.measured is not None]
    costs = np.array(found, np.float64).reshape(-1, len(OBJECTIVES))
    if logarithms:
        grows = [sign > 0 for sign in OBJECTIVES.values()]
        costs[:, grows] = np.log(costs[:, grows])
    return costs


def front_of(trials: list[Trial]) -> list[Trial]:
    """Those that no other one beats, the most accurate first and of those the fastest."""
    there = [t for t in trials if t.measured is not None]
    best = [t for t, keep in zip(there, undominated(costs_of(trials)), strict=True) if keep]
    return sorted(best, key=lambda t: [sign * getattr(t.measured, name) for name, sign in OBJECTIVES.items()])


def _evaluate(problem: Problem, item: tuple[int, Candidate]) -> Measured:
    return evaluate(problem, item[1])


def _study(file: Path | None, problem: Problem, space: Space, sampler: str, seed: int) -> Study:
    try:
        import optuna

        from .study_file import NAME, storage_of
    except ImportError as error:
        raise MissingLibraryError("the search needs the extra `explore`: pip install 'lifline[explore]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = storage_of(file)
    try:
        past = len(optuna.load_study(study_name=NAME, storage=storage).trials)
    except KeyError:  # it is new
        past = 0
    # A study that goes on must not draw what it drew before.
    seeds = int(np.random.default_rng([seed, past]).integers(1 << 31))
    drawn = optuna.samplers.RandomSampler(seeds) if sampler == "random" else optuna.samplers.TPESampler(seed=seeds, n_startup_trials=FIRST, multivariate=True)
    directions: list[Any] = ["minimize" if sign > 0 else "maximize" for sign in OBJECTIVES.values()]
    study = optuna.create_study(storage=storage, sampler=drawn, directions=directions, study_name=NAME, load_if_exists=True)
    about = json.dumps({"problem": problem.digest, "space": dataclasses.asdict(space), "sampler": sampler, "seed": seed}, sort_keys=True)
    if study.user_attrs.setdefault("about", about) != about:
        raise InputError(f"{file} holds a study of another network, other samples, another space, seed or lifline; name another file (--study), or remove it")
    study.set_user_attr("about", about)
    return study


def _complete(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _revive(study: Study) -> None:
    """Candidates that were under way when the search was killed are looked at again."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _tell(study: Study, live: optuna.Trial, trial: Trial) -> None:
    """Write down a trial: what it is, or why it does not exist, and the objectives."""
    if trial.measured is None:
        live.set_user_attr("failure", trial.failure)
    else:
        live.set_user_attr("measured", dataclasses.asdict(trial.measured))
    study.tell(live, [NONE[name] if trial.measured is None else getattr(trial.measured, name) for name in OBJECTIVES])


def _trial(trial: FrozenTrial) -> Trial:
    measured = trial.user_attrs.get("measured")
    return Trial(trial.number, Candidate(**trial.params), None if measured is None else Measured(**measured), trial.user_attrs.get("failure"))
