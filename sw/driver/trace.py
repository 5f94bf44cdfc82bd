"""What a traced simulated board has stored, by population, variable and time step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.compiler.program_file import Program
from lifline.network.result import RunResult

VARIABLES = ("v", "i")


def by_step(trace: NDArray[np.int32], program: Program) -> dict[str, dict[str, NDArray[np.int32]]]:
    """Population -> variable -> (time, neuron): ``v``, ``i`` if the population has a current, and ``spikes``.

    Every word is stored once per time step, so that its n-th store is that of step n.

    Parameters
    ----------
    trace : of one run, as :meth:`lifline.sim.board.CompiledBoard.trace` gives it.

    Raises
    ------
    ValueError   if the rows of a population were not stored equally often.
    """
    result: dict[str, dict[str, NDArray[np.int32]]] = {}
    for population in program.populations:
        stored: dict[str, NDArray[np.int32]] = {}
        for variable in VARIABLES:
            if variable not in population.words:
                continue
            first = population.row_base + population.words[variable]
            rows = [trace[trace[:, 0] == first + row * population.row_words] for row in range(population.rows)]
            lengths = {len(row) for row in rows}
            if len(lengths) > 1:
                raise ValueError(f"rows of `{population.name}.{variable}` were stored {sorted(lengths)} times: a step was lost")
            stored[variable] = np.concatenate([row[:, 2:] for row in rows], axis=1)[:, : population.size]
            if variable == "v":
                lanes = np.arange(trace.shape[1] - 2)
                stored["spikes"] = np.concatenate([row[:, 1:2] >> lanes & 1 for row in rows], axis=1)[:, : population.size]
        result[population.name] = stored
    return result


def differs(expected: RunResult, trace: NDArray[np.int32], program: Program) -> list[str]:
    """Names of the variables that differ from a golden run of one item with everything recorded."""
    steps = int(expected.steps[0])
    try:
        stored = by_step(trace, program)
    except ValueError as error:
        return [str(error)]
    return [
        f"{name}.{variable}"
        for name, variables in stored.items()
        for variable, values in variables.items()
        if not np.array_equal(values, expected.records[name][variable][0, :steps])
    ]
