"""What a traced simulated board has added and stored, by population, variable and time step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.program import POPULATION_1
from lifline.arch.registers import Space
from lifline.compiler.program import Program, ProgramPopulation
from lifline.network.result import RunResult

VARIABLES = ("v", "i")


def by_step(trace: NDArray[np.int32], program: Program, config: Config) -> dict[str, dict[str, NDArray[np.int64]]]:
    """Population -> variable -> (time, neuron): ``x``, ``v``, ``i`` if the population has a current, and ``spikes``.

    Every word is stored once per time step, so that its n-th store is that of step n. ``x`` comes with the word that it is added to.

    Parameters
    ----------
    trace : of one run, as :meth:`lifline.sim.board.simulated.CompiledBoard.trace` gives it.
    config : of the board.

    Raises
    ------
    ValueError   if the rows of a population were not stored equally often.
    """
    result: dict[str, dict[str, NDArray[np.int64]]] = {}
    for name in program.order:
        bands, layout = [_of_band(trace, band, program, config) for band in program.bands(name)], program.layouts[name]
        result[name] = {variable: layout.gather(np.concatenate([band[variable] for band in bands], axis=1)) for variable in bands[0]}
    return result


def _of_band(trace: NDArray[np.int32], population: ProgramPopulation, program: Program, config: Config) -> dict[str, NDArray[np.int64]]:
    """Likewise, of a population or a band of one: variable -> (time, place)."""
    lanes, places = config.multipliers, population.places
    stored: dict[str, NDArray[np.int64]] = {}
    for variable in VARIABLES:
        if variable in population.words:
            first = population.row_base + population.words[variable]
            rows = [trace[trace[:, 0] == first + row * population.row_words].astype(np.int64) for row in range(population.rows)]
            lengths = {len(row) for row in rows}
            if len(lengths) > 1:
                raise ValueError(f"rows of `{population.name}.{variable}` were stored {sorted(lengths)} times: a step was lost")
            stored[variable] = np.concatenate([row[:, 2 : 2 + lanes] for row in rows], axis=1)[:, :places]
            if variable == "v":
                stored["spikes"] = np.concatenate([row[:, 1:2] >> np.arange(lanes) & 1 for row in rows], axis=1)[:, :places]
            if variable == ("i" if "i" in population.words else "v"):
                index = POPULATION_1.unpack(int(program.images[Space.PROGRAM][population.address + 1]))["shift"]
                sums = np.concatenate([row[:, 2 + lanes :] for row in rows], axis=1)[:, :places]
                stored["x"] = sums << config.weight_shifts[index]
    return stored


def differs(expected: RunResult, trace: NDArray[np.int32], program: Program, config: Config) -> list[str]:
    """Names of the variables that differ from a golden run of one item with everything recorded."""
    steps = int(expected.steps[0])
    try:
        stored = by_step(trace, program, config)
    except ValueError as error:
        return [str(error)]
    return [
        f"{name}.{variable}"
        for name, variables in stored.items()
        for variable, values in variables.items()
        if not np.array_equal(values, expected.records[name][variable][0, :steps])
    ]
