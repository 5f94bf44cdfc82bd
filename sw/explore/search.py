"""The search itself: an Optuna study in a file, whose trials are candidates; killed in the middle, it goes on where it was."""

from __future__ import annotations

import dataclasses
import itertools
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
from .proposals import by_chance, guided
from .screen import Screen
from .space import Space

if TYPE_CHECKING:
    import optuna
    from optuna import Study
    from optuna.trial import FrozenTrial

OBJECTIVES = {"accuracy": -1, "microseconds": 1, "lut": 1, "microjoules": 1}
"""Fields of :class:`~lifline.explore.evaluate.Measured`, and whether more is worse (1) or better (-1)."""
SAMPLERS = ("guided", "tpe", "random")
"""How the next candidate is chosen: where a model expects most, by Optuna's tree of Parzen estimators, or by chance."""
MAX_TRIALS = 100_000
FIRST = 12
"""Trials that ``tpe`` draws before it learns."""
LEARNS = 5
"""Trials that must have ended before ``guided`` learns from them."""
DRAWS = 200
"""Draws without a candidate that is new and can be, after which all of the space is gone through for one."""


@dataclass(frozen=True)
class Trial:
    """A candidate that was looked at: what it is, or by name why it does not exist."""

    number: int
    candidate: Candidate
    measured: Measured | None
    failure: str | None


def search(
    problem: Problem, space: Space, *, trials: int, study: Path | None = None, sampler: str = "guided", seed: int = 0, engine: Engine | None = None,
    progress: Callable[[Trial, int], object] | None = None,
) -> list[Trial]:
    """Look at candidates until there are ``trials`` that exist, those that the study's file holds already among them.

    No accelerator is looked at twice. One that its :class:`~lifline.explore.screen.Screen` refuses is passed over; one that turns out not to fit only afterwards is
    written down with its reason, and another one takes its place. So what comes back may be more than ``trials``, and less where the space has no more.

    Parameters
    ----------
    study : file that the study is written to, trial by trial; None: it is not kept.   sampler : one of :data:`SAMPLERS`.
    engine : where candidates are evaluated; None: here.   progress : is told every trial that ends, and how many of those exist.

    Raises
    ------
    InputError            for a number of trials or a sampler that there is not, a study of another problem or space, or a space in which nothing can be.
    MissingLibraryError   without Optuna.
    """
    count = integer(trials, "number of trials:", InputError, low=1, high=MAX_TRIALS)
    if sampler not in SAMPLERS:
        raise InputError(f"sampler `{sampler}` must be one of {', '.join(SAMPLERS)}")
    kept = _study(study, problem, space, sampler, seed)
    own = engine or Engine(workers=0)
    if not kept.get_trials(deepcopy=False) and sampler != "random":
        for start in space.starts():
            kept.enqueue_trial(start)
    _revive(kept)
    asking = _Asking(kept, space, Screen(problem), sampler, seed)
    while True:
        under_way = len(asking.looked)
        for done in own.run(_evaluate, own.share(problem), asking.until(count)):
            trial = Trial(*done.item, done.value, done.failure)
            asking.tell(trial)
            if progress is not None:
                progress(trial, len(asking.ended))
        if len(asking.ended) >= count or len(asking.looked) == under_way:  # else the last ones did not exist, and others take their place
            break
    found = _told(kept)
    if not found:
        raise InputError(f"no candidate of this space can be; the last that was refused: {asking.screen.last}")
    return found


class _Asking:
    """What to look at next, what is under way, and what has ended."""

    def __init__(self, study: Study, space: Space, screen: Screen, sampler: str, seed: int) -> None:
        self.study, self.space, self.screen, self.sampler, self.seed = study, space, screen, sampler, seed
        self.live: dict[int, tuple[optuna.Trial, Candidate]] = {}
        told = _told(study)
        self.ended = [t for t in told if t.measured is not None]
        self.looked = {t.candidate.plain() for t in told}

    def until(self, count: int) -> Iterator[tuple[int, Candidate]]:
        """Candidates, until as many exist or are under way as were asked for."""
        while len(self.ended) + len(self.live) < count:
            found = self._next()
            if found is None:
                return
            trial, candidate = found
            self.looked.add(candidate.plain())
            self.live[trial.number] = trial, candidate
            yield trial.number, candidate

    def tell(self, trial: Trial) -> None:
        """Write down a trial: what it is, or why it does not exist."""
        from optuna.trial import TrialState

        live, _ = self.live.pop(trial.number)
        if trial.measured is None:
            live.set_user_attr("failure", trial.failure)
            self.study.tell(live, state=TrialState.FAIL)
            return
        live.set_user_attr("measured", dataclasses.asdict(trial.measured))
        self.study.tell(live, [getattr(trial.measured, name) for name in OBJECTIVES])
        self.ended.append(trial)

    def _next(self) -> tuple[optuna.Trial, Candidate] | None:
        """One that is new and passes the screen; None if there is none any more."""
        from optuna.trial import TrialState

        if self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):  # a start, or one that was under way when the search was killed
            if (found := self._asked()) is not None:
                return found
            return self._next()
        if self.sampler == "tpe":
            for _ in range(DRAWS):
                if (found := self._asked()) is not None:
                    return found
        rng = np.random.default_rng([self.seed, len(self.study.get_trials(deepcopy=False))])
        drawn = itertools.chain((self._proposed(rng) for _ in range(DRAWS)), self.space.all())
        candidate = next(filter(self._new, drawn), None)
        if candidate is None:
            return None
        self.study.enqueue_trial(dataclasses.asdict(candidate))
        return self._asked()

    def _asked(self) -> tuple[optuna.Trial, Candidate] | None:
        """What the study asks for, if it is new and passes the screen."""
        from optuna.trial import TrialState

        trial = self.study.ask()
        candidate = self.space.suggest(trial)
        if self._new(candidate):
            return trial, candidate
        self.study.tell(trial, state=TrialState.FAIL)
        return None

    def _new(self, candidate: Candidate) -> bool:
        return candidate.plain() not in self.looked and self.screen.tables(candidate) is not None

    def _proposed(self, rng: np.random.Generator) -> Candidate:
        if self.sampler == "guided" and len(self.ended) >= LEARNS:
            costs = costs_of(self.ended, logarithms=True).tolist()
            known = [(t.candidate, c) for t, c in zip(self.ended, costs, strict=True)]
            found = guided(self.space, self.screen, known, [c for _, c in self.live.values()], self.looked, rng)
            if found is not None:
                return found
        return by_chance(self.space, rng)


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
    drawn = optuna.samplers.TPESampler(seed=seeds, n_startup_trials=FIRST, multivariate=True) if sampler == "tpe" else optuna.samplers.RandomSampler(seeds)
    directions: list[Any] = ["minimize" if sign > 0 else "maximize" for sign in OBJECTIVES.values()]
    study = optuna.create_study(storage=storage, sampler=drawn, directions=directions, study_name=NAME, load_if_exists=True)
    about = json.dumps({"problem": problem.digest, "space": dataclasses.asdict(space), "sampler": sampler, "seed": seed}, sort_keys=True)
    if study.user_attrs.setdefault("about", about) != about:
        raise InputError(f"{file} holds a study of another network, other samples, another space, seed or lifline; name another file (--study), or remove it")
    study.set_user_attr("about", about)
    return study


def _told(study: Study) -> list[Trial]:
    """Candidates that were looked at: those that exist and those that do not, in the order of their numbers."""
    from optuna.trial import TrialState

    told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL))
    return [_trial(t) for t in told if "measured" in t.user_attrs or "failure" in t.user_attrs]


def _revive(study: Study) -> None:
    """Candidates that were under way when the search was killed are looked at again."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _trial(trial: FrozenTrial) -> Trial:
    measured = trial.user_attrs.get("measured")
    return Trial(trial.number, Candidate(**trial.params), None if measured is None else Measured(**measured), trial.user_attrs.get("failure"))
