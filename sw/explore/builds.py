"""Candidates of the front, really built: what the estimates were worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lifline.boards.build import build

from .candidate import Candidate
from .engine import Engine
from .evaluate import Measured
from .search import Trial


@dataclass(frozen=True, kw_only=True)
class Built:
    """A candidate after synthesis, placement and routing.

    Attributes
    ----------
    lut, block_ram, dsp, fmax_mhz : of the build.   microseconds : of the core for a sample at ``fmax_mhz``.   estimated : lookup tables that were estimated.
    """

    lut: int
    block_ram: int
    dsp: int
    fmax_mhz: float
    microseconds: float
    estimated: int

    @property
    def error(self) -> float:
        """Of the estimate of lookup tables, relative to those built; above zero if it was too high."""
        return self.estimated / self.lut - 1


def built(folder: Path, item: tuple[Candidate, Measured]) -> Built:
    """Build a candidate for its board, or find it built before. A clock below the board's is a figure, not a failure.

    Raises
    ------
    ToolError, ConfigError   if it cannot be built.
    """
    candidate, measured = item
    report = build(candidate.board, measured.hardware, folder, must_meet=False)
    return Built(
        lut=report.used["lut"], block_ram=report.used["block_ram"], dsp=report.used["dsp"], fmax_mhz=report.fmax_mhz,
        microseconds=measured.cycles / report.fmax_mhz, estimated=measured.lut,
    )  # fmt: skip


def build_some(
    front: list[Trial], number: int, folder: Path, engine: Engine, advance: Callable[[], object] = lambda: None
) -> tuple[dict[int, Built], list[str]]:
    """Build ``number`` of the front, see :func:`spread`; by the trial's number, and by name what failed."""
    made: dict[int, Built] = {}
    failures: list[str] = []
    for done in engine.run(_numbered, folder, [(t.number, t.candidate, t.measured) for t in spread(front, number) if t.measured is not None]):
        if done.failure is None:
            made[done.item[0]] = done.value
        else:
            failures.append(f"trial {done.item[0]}: {done.failure}")
        advance()
    return made, failures


def _numbered(folder: Path, item: tuple[int, Candidate, Measured]) -> Built:
    return built(folder, item[1:])


def spread(front: list[Trial], number: int) -> list[Trial]:
    """So many of the front, from its first to its last, those with the fewest lookup tables of each board among them."""
    by_board = {name: [t for t in front if t.candidate.board == name] for name in dict.fromkeys(t.candidate.board for t in front)}
    ordered = [sorted(own, key=_tables) for own in by_board.values()]
    chosen: list[Trial] = []
    turns = 0
    while len(chosen) < min(number, len(front)):
        for own in ordered:
            left = [t for t in own if t not in chosen]
            if left and len(chosen) < number:
                # The smallest, then the largest, then what lies between.
                chosen.append(left[(0, -1, len(left) // 2)[turns % 3]])
        turns += 1
    return chosen


def _tables(trial: Trial) -> int:
    assert trial.measured is not None
    return trial.measured.lut
