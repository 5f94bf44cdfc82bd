"""One's own network and inputs: every value at every step, every cycle, and faults that the inputs notice or do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import LiflineError
from lifline.compiler.program import Program
from lifline.driver import trace
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.driver.predict import activity_of, predict
from lifline.network.result import RunResult
from lifline.network.spikes import as_batch
from lifline.report.measurement import is_read_out
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

from . import faults
from .verify import differs


@dataclass(frozen=True)
class Injected:
    """Faults of one kind: how many were tried and noticed, and those that no sample noticed."""

    fault: str
    tried: int
    noticed: int
    unnoticed: tuple[str, ...]

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.fault}: noticed {self.noticed} of {self.tried}" + (f"; not {', not '.join(self.unnoticed)}" if self.unnoticed else "")


class _Traced:
    """A simulated board whose every store is seen, and what the golden model says of each sample."""

    def __init__(self, program: Program, spikes: NDArray[np.uint8]) -> None:
        self.program, self.spikes = program, spikes
        self.board, self.device = _opened(program)
        self.expected = [GoldenModel(program.network).run(one, record=["all", "all.v", "all.i", "all.x"]) for one in spikes]
        self.sent = [f"{program.network.output}.{'v' if is_read_out(program) else 'spikes'}"]

    def notices(self, sample: int) -> bool:
        """Whether the sample ends otherwise than it should: with another value in any step, or with an error."""
        try:
            return bool(self.look(sample)[0])
        except LiflineError:
            self.close()  # it may wait for ever for what a fault has asked it for
            self.board, self.device = _opened(self.program)
            return True

    def look(self, sample: int) -> tuple[list[str], RunResult]:
        """Names of what differs in any step of a sample; the result."""
        self.board.trace()  # what was stored before
        result = self.device.run(self.spikes[sample], record=self.sent)
        expected = self.expected[sample]
        wrong = trace.differs(expected, self.board.trace(), self.program, self.program.config)
        kept = {name: {v: expected.records[name][v] for v in variables} for name, variables in result.records.items()}
        if differs(dataclasses.replace(expected, records=kept), result):
            wrong.append("what comes back")
        return wrong, result


    def close(self) -> None:
        self.device.close()


def _opened(program: Program) -> tuple[CompiledBoard, LinkedDevice]:
    """A new board with the program."""
    board = CompiledBoard(program.config, trace=True)
    device = LinkedDevice(Link(board), url=f"sim:{program.config_name}", config=program.config)
    device.load(program)
    return board, device


def verify_network(program: Program, spikes: NDArray[Any], *, kinds: Sequence[str], each: int, seed: int, advance: Callable[[], None]) -> dict[str, Any]:
    """Run samples on a simulated board that shows every step, then again with ``each`` faults of each of the ``kinds``.

    Returns ``samples``, ``mismatches`` (samples in which any value of any step differs), ``differing`` (names of such values), ``cycle_mismatches`` (samples
    whose busy cycles are not those of the model), ``faults``: of each kind ``tried``, ``noticed`` and ``unnoticed``.

    Raises
    ------
    InputError   for bad spikes, or a fault that there is not.
    """
    batch, _ = as_batch(spikes, program.network.input.size, None)
    for kind in kinds:
        faults.check(kind, maps=program.config.map_words > 0, config=program.config_name)
    rng = np.random.default_rng(seed)
    wrong_samples, wrong_cycles, names = 0, 0, dict[str, None]()
    found: list[Injected] = []
    with closing(_Traced(program, batch)) as board:
        for k in range(len(batch)):
            wrong, result = board.look(k)
            names |= dict.fromkeys(wrong)
            wrong_samples += bool(wrong)
            activity = activity_of(program.network, batch[k], board.expected[k])
            [costs] = predict(program, program.config, activity, record=board.sent)
            assert result.cycles is not None
            wrong_cycles += not result.cycles.stall_output[0] and costs.busy_cycles != int(result.cycles.busy[0])
            advance()
        for kind in kinds if not wrong_samples else ():
            found.append(_inject(board, kind, each, rng, advance))
    return {
        "samples": len(batch), "mismatches": wrong_samples, "differing": list(names), "cycle_mismatches": wrong_cycles,
        "faults": {f.fault: {"tried": f.tried, "noticed": f.noticed, "unnoticed": list(f.unnoticed)} for f in found}, "lines": [f.line for f in found],
    }  # fmt: skip


def _inject(board: _Traced, kind: str, each: int, rng: np.random.Generator, advance: Callable[[], None]) -> Injected:
    """``each`` faults of a kind, one after the other; a program may have no word for it."""
    tried, noticed, unnoticed = 0, 0, list[str]()
    for _ in range(each):
        board.device.load(board.program)
        what = faults.inject(rng, board.device.link.write, board.program, kind)
        if what is not None:
            tried += 1
            if any(board.notices(k) for k in range(len(board.spikes))):
                noticed += 1
            else:
                unnoticed.append(what)
        advance()
    return Injected(kind, tried, noticed, tuple(unnoticed))
