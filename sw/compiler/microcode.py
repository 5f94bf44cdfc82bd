"""Neuron model -> microprogram: which words a neuron needs, and the order of operations that respects the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lifline.arch.arithmetic import decayed
from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.arch.program import Addend, Carry, Factor, Latch, MicroOp, Record
from lifline.arch.timing import CARRY_DELAY, EXISTS_DELAY, RESULT_DELAY, THETA_ROW
from lifline.network.model import Neurons, Population, ResetRule

from .layouts import Layout, identity
from .periods import RowValues, best_period

NOP = MicroOp()
LATE = (ResetRule.LATE_VALUE, ResetRule.LATE_SUBTRACT)


@dataclass
class Microprogram:
    """What one population executes and stores.

    Attributes
    ----------
    prologue, update : operations, once per pass and per row.
    record : operation by state variable (``"v"``, ``"i"``).   exit_check : reads the spike count, or None.
    shared : initial values of the prologue's words.
    words : word offset within a row by name; ``initial`` : values per neuron of the words that are parameters.
    phases : values (phase, lane) of parameters that repeat after ``period_rows`` rows, by name, in the order of their words.
    """

    prologue: list[MicroOp] = field(default_factory=list)
    update: list[MicroOp] = field(default_factory=list)
    record: dict[str, MicroOp] = field(default_factory=dict)
    exit_check: MicroOp | None = None
    shared: list[int] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)
    initial: dict[str, np.ndarray] = field(default_factory=dict)
    phases: dict[str, np.ndarray] = field(default_factory=dict)
    period_rows: int = 0

    @property
    def reserved_words(self) -> int:
        """Program words: prologue, update, and room for every recording operation."""
        return len(self.prologue) + len(self.update) + len(self.record) + (self.exit_check is not None)


def uses_current(neurons: Neurons) -> bool:
    """Whether the model keeps a synaptic current."""
    return neurons.decay_i != 4096


def build(population: Population, config: Config, *, count_spikes: bool, layout: Layout | None = None) -> Microprogram:
    """Microprogram of a population; ``count_spikes`` adds a spike count per neuron for early exit, ``layout`` is the identity unless given.

    Raises
    ------
    CompileError   if a derived parameter does not fit the state width.
    """
    neurons = population.neurons
    assert neurons is not None
    result = Microprogram()
    fires, late = neurons.cap > 0, neurons.reset in LATE and neurons.cap > 0

    def word(name: str) -> int:
        return result.words.setdefault(name, len(result.words))

    def full(value: object) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=np.int64), (population.size,))

    word("v")
    before: list[MicroOp] = []
    after_fire: list[MicroOp] = []
    closing: list[MicroOp] = []
    own: dict[str, tuple[Latch, RowValues]] = {}
    layout = layout or identity(population.size)

    def parameter(name: str, values: np.ndarray, latch: Latch) -> None:
        limit = config.state_max
        if np.abs(values).max() > limit:
            neuron = int(np.abs(values).argmax())
            raise CompileError(
                f"population `{population.name}`, neuron {neuron}: {name} = {int(values[neuron])} does not fit "
                f"{config.state_bits} state bits (limit {limit}); scale threshold, bias and weights down"
            )
        if (values == values[0]).all():
            result.prologue.append(MicroOp(offset=len(result.shared), latch=latch))
            result.shared.append(int(values[0]))
            return
        own[name] = latch, RowValues(values, layout, config.multipliers)
        result.initial[name] = values

    if neurons.budget is not None and fires:
        offset = word("count")
        word("minus_budget")
        result.initial["minus_budget"] = -full(neurons.budget)
        result.initial["count"] = -full(neurons.budget)
        before.append(MicroOp(offset=offset, latch=Latch.REMAINING, fresh_next=True))
        closing.append(MicroOp(offset=offset, factor=Factor.ONE, carry=Carry.SPIKE, write=True, fresh_next=True))
    if late:
        offset = word("crossed")
        before.append(MicroOp(offset=offset, latch=Latch.CROSSED, fresh_zero=True))
        closing.append(MicroOp(offset=offset, carry=Carry.CROSSING, write=True))
    if count_spikes and fires:
        offset = word("spike_count")
        closing.append(MicroOp(offset=offset, factor=Factor.ONE, carry=Carry.SPIKE, write=True, fresh_zero=True))
        result.exit_check = MicroOp(offset=offset, factor=Factor.ONE, record=Record.COUNT)
    bias = full(neurons.bias)
    if fires:
        parameter("theta", full(neurons.threshold), Latch.THETA)
    if late or bias.any():
        parameter("bias", bias, Latch.BIAS)
    if late and neurons.reset is ResetRule.LATE_SUBTRACT:
        parameter("bias_late", bias - full(neurons.threshold), Latch.BIAS_LATE)
    elif late:
        parameter("bias_late", bias + decayed(neurons.v_reset, neurons.decay_v), Latch.BIAS_LATE)

    # What the mask of the last row cannot say.
    existence = RowValues(np.ones(population.size, np.int64), layout, config.multipliers, padding=0)
    if not existence.rows[:-1].all():
        own["exists"] = Latch.EXISTS, existence
        result.initial["exists"] = np.ones(population.size, np.int64)
    result.period_rows, repeating = best_period({name: values for name, (_, values) in own.items()})
    exists: list[MicroOp] = []
    for name, (latch, values) in own.items():
        if name in repeating:
            operation = MicroOp(offset=len(result.phases), latch=latch, periodic=True)
            result.phases[name] = values.phases(result.period_rows)
            del result.initial[name]
        else:
            operation = MicroOp(offset=word(name), latch=latch)
        {Latch.THETA: after_fire, Latch.EXISTS: exists}.get(latch, before).append(operation)

    update: list[MicroOp] = []
    if uses_current(neurons):
        update.append(
            MicroOp(offset=word("i"), factor=Factor.CURRENT, addend=Addend.SYNAPTIC, count_saturation=True, write=True, fresh_zero=True)
        )
        gap = RESULT_DELAY - 1 - len(exists)
        between = before[max(0, len(before) - gap) :]
        between += [NOP] * (gap - len(between))
        update = before[: max(0, len(before) - gap)] + update + between[: EXISTS_DELAY - 1] + exists + between[EXISTS_DELAY - 1 :]
        result.record["i"] = MicroOp(offset=word("i"), factor=Factor.ONE, record=Record.CURRENT)
    else:
        update += before
        after_fire += exists
    fire_at = len(update)
    update.append(
        MicroOp(
            offset=word("v"),
            factor=Factor.V,
            addend=Addend.RESULT if uses_current(neurons) else Addend.SYNAPTIC,
            bias=late or bool(bias.any()),
            late_bias=late,
            late_zero=late and neurons.reset is ResetRule.LATE_VALUE,
            fire=fires,
            budget=neurons.budget is not None and fires,
            clamp=neurons.v_min is not None,
            count_saturation=True,
            write=True,
            fresh_zero=True,
        )
    )
    update += after_fire
    if closing:
        update += [NOP] * max(0, fire_at + CARRY_DELAY - len(update)) + closing
    if after_fire:
        update += [NOP] * max(0, THETA_ROW - len(update))
    result.update = update
    result.record["v"] = MicroOp(offset=word("v"), factor=Factor.ONE, record=Record.V)
    return result
