"""Mutation run: change one line of the code at a time, and see whether a test notices.

``python -m tests.mutation.run`` tries the changes of ``changes.toml`` and a sample of all single changes that :mod:`.operators` makes of the
sources in :mod:`.areas`. Score: changes that were noticed, of all that are not listed in ``equivalent.toml``.
"""

from __future__ import annotations

import json
import queue
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .areas import AREAS
from .campaign import Copy, Outcome, equivalents, is_listed, limit_of, named_changes
from .operators import Change, changes_of

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
REQUIRED = 0.9


def sample(count: int, seed: int, root: Path = ROOT) -> list[tuple[str, Change]]:
    """Generated changes, as many from each area, none of them listed as equivalent."""
    listed, rng, chosen = equivalents(HERE / "equivalent.toml"), random.Random(seed), []
    for k, area in enumerate(AREAS):
        possible = [c for file in area.files for c in changes_of(file, (root / file).read_text())]
        possible = [c for c in possible if not is_listed(c, listed)]
        share = count * (k + 1) // len(AREAS) - count * k // len(AREAS)
        chosen += [(area.name, c) for c in sorted(rng.sample(possible, min(share, len(possible))))]
    return chosen


def existing(tests: tuple[str, ...], root: Path = ROOT) -> list[str]:
    """Those of the tests that are there.

    Raises
    ------
    FileNotFoundError   if one is not: an area must not lose its tests in silence.
    """
    if missing := [t for t in tests if not (root / t).exists()]:
        raise FileNotFoundError(f"no test {missing[0]}; mend `tests/mutation/areas.py`")
    return list(tests)


def campaign(changes: list[tuple[str, Change]], processes: int, console: Console) -> list[Outcome]:
    """Try all changes, ``processes`` at a time; tests that fail without any change end it."""
    tests = {area.name: existing(area.tests) for area in AREAS}
    copies: queue.Queue[Copy] = queue.Queue()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="lifline-mutation-") as scratch:
        for k in range(processes):
            copy = Copy(ROOT, Path(scratch) / str(k))
            copy.check()
            copies.put(copy)

        def whole(name: str) -> tuple[str, float]:
            copy = copies.get()
            try:
                status, seconds = copy.test(tests[name], 3600)
            finally:
                copies.put(copy)
            if status != "passed":
                raise RuntimeError(f"the tests of `{name}` fail without any change: {' '.join(tests[name])}")
            console.print(f"{name}: {seconds:.0f} s without a change")
            return name, limit_of(seconds)

        def one(job: tuple[str, Change]) -> Outcome:
            copy = copies.get()
            try:
                outcome = copy.try_change(*job, tests[job[0]], limits[job[0]])
            finally:
                copies.put(copy)
            c = outcome.change
            console.print(
                f"{outcome.status:9}{outcome.seconds:5.0f} s  {c.file}:{c.line + 1}  {c.text.strip()}  ->  {c.changed_text}", markup=False, highlight=False, soft_wrap=True
            )
            return outcome

        with ThreadPoolExecutor(processes) as pool:
            limits = dict(pool.map(whole, dict.fromkeys(name for name, _ in changes)))
            outcomes += pool.map(one, changes)
    return outcomes


def score(outcomes: list[Outcome]) -> float:
    """Share of the changes that were noticed."""
    return sum(o.noticed for o in outcomes) / max(len(outcomes), 1)


def report(outcomes: list[Outcome]) -> Table:
    """One row for every area, and the whole."""
    table = Table(title="changed lines that a test notices")
    for column in ("area", "changes", "noticed", "score"):
        table.add_column(column, justify="left" if column == "area" else "right")
    names = dict.fromkeys(o.area for o in outcomes)
    for name in [*names, "all"]:
        own = [o for o in outcomes if name in (o.area, "all")]
        table.add_row(name, str(len(own)), str(sum(o.noticed for o in own)), f"{score(own):.0%}")
    return table


def main(
    count: Annotated[int, typer.Option(help="generated changes besides those of changes.toml", min=0)] = 180,
    seed: Annotated[int, typer.Option(help="which changes are drawn")] = 0,
    processes: Annotated[int, typer.Option(help="changes that are tried at the same time", min=1)] = 2,
    only: Annotated[str, typer.Option(help="areas whose name contains this")] = "",
    output: Annotated[Path | None, typer.Option("--json", help="where to write every outcome")] = None,
) -> None:
    """Change one line at a time and run the tests that should notice; fails below 90 %."""
    console = Console()
    changes = [c for c in [*named_changes(HERE / "changes.toml", ROOT), *sample(count, seed)] if only in c[0]]
    outcomes = campaign(changes, processes, console)
    console.print(report(outcomes))
    if output is not None:
        found = [
            {"area": o.area, "file": o.change.file, "line": o.change.line + 1, "before": o.change.text.strip(), "after": o.change.changed_text,
             "status": o.status, "seconds": round(o.seconds, 1)}
            for o in outcomes
        ]  # fmt: skip
        output.write_text(json.dumps({"seed": seed, "score": score(outcomes), "changes": found}, indent=1) + "\n")
    raise typer.Exit(score(outcomes) < REQUIRED)


if __name__ == "__main__":
    typer.run(main)
