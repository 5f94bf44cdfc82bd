"""Control of the stages: what an operation asks for arrives in the stage that does it, whatever else is on its way."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import preset
from lifline.arch.program import NOP, Addend, Carry, Factor, Latch, MicroOp, Record
from lifline.arch.timing import UPDATE_STAGES
from lifline.rtl.neurons.pipeline import Pipeline
from lifline.rtl.neurons.stages import LATCHES

from ..bench import simulate

CONFIG = preset("tiny")
FACTOR_V, FACTOR_CURRENT, SHIFT, V_RESET, V_MIN = 1234, 4000, 1, -9, -50


@dataclass(frozen=True)
class Issue:
    """What stage 0 says in a cycle."""

    valid: bool = False
    micro: MicroOp = NOP
    address: int = 0
    fresh: bool = False
    ends_row: bool = False
    last_row: bool = False
    ends_step: bool = False


def issues(rng: random.Random, count: int) -> list[Issue]:
    """Operations with gaps; three rows to a step."""
    found, row = [], 0
    while len(found) < count:
        if rng.random() < 0.3:
            found.append(Issue(micro=MicroOp(offset=1, write=True, fire=True, latch=Latch.THETA), address=3))  # not issued: nothing of it counts
            continue
        micro = MicroOp(
            offset=rng.randrange(16), factor=rng.choice(list(Factor)), addend=rng.choice(list(Addend)), latch=rng.choice(list(Latch)),
            carry=rng.choice(list(Carry)), record=rng.choice(list(Record)),
            **{name: bool(rng.getrandbits(1)) for name in ("bias", "late_bias", "late_zero", "fire", "budget", "clamp", "count_saturation", "write", "fresh_zero")},
        )  # fmt: skip
        ends, last = rng.random() < 0.5, row == 2
        found.append(Issue(True, micro, rng.randrange(CONFIG.neuron_words - 16), rng.random() < 0.5, ends, last, ends and last))
        row = (row + ends) % 3
    return found


@pytest.mark.parametrize("reset_subtract", [0, 1])
@pytest.mark.parametrize("reset_now", [0, 1])
@pytest.mark.parametrize("non_strict", [0, 1])
def test_every_stage_gets_what_its_operation_asks_for(reset_subtract: int, reset_now: int, non_strict: int) -> None:
    dut, rng = Pipeline(CONFIG), random.Random(3)
    control, finished, population = dut.control, dut.finished, dut.population
    history = [Issue()] * (UPDATE_STAGES + 3) + issues(rng, 400)
    factors = {Factor.ZERO: 0, Factor.ONE: DECAY_ONE, Factor.V: FACTOR_V, Factor.CURRENT: FACTOR_CURRENT}

    async def bench(ctx):
        rule = {"shift": SHIFT, "reset_subtract": reset_subtract, "reset_now": reset_now, "non_strict": non_strict}
        ctx.set(population, {
            "population_1": rule, "population_2": {"factor_v": FACTOR_V, "factor_i": FACTOR_CURRENT}, "population_3": {"v_reset": V_RESET},
            "population_4": {"v_min": V_MIN}
        })  # fmt: skip
        await ctx.tick().repeat(UPDATE_STAGES + 3)
        row = 0
        for now in range(UPDATE_STAGES + 3, len(history)):
            issue = history[now]
            for name in ("valid", "address", "ends_row", "last_row", "ends_step"):
                ctx.set(getattr(dut.issued, name), getattr(issue, name) if issue.valid or name in ("address", "last_row") else 0)
            ctx.set(dut.issued.micro, {name: int(getattr(issue.micro, name)) for name in MicroOp.__dataclass_fields__})
            ctx.set(dut.fresh, issue.fresh)
            ctx.set(dut.discard, rng.random() < 0.2)
            ctx.set(dut.written, 77)
            stage = [history[now - k] for k in range(UPDATE_STAGES + 1)]
            op = [i.micro if i.valid else NOP for i in stage]

            read = control.read
            assert {latch: bool(ctx.get(read.latch[name])) for latch, name in LATCHES.items()} == {latch: op[1].latch == latch for latch in LATCHES}
            assert ctx.get(read.late_zero) == op[1].late_zero
            if stage[1].valid:
                assert ctx.get(read.zero) == (op[1].fresh_zero and stage[1].fresh)
                assert ctx.get(read.forward) == (op[1].addend == Addend.RESULT)
            assert ctx.get(dut.uses_slot) == (op[1].addend == Addend.SYNAPTIC)

            multiply = control.multiply
            assert ctx.get(multiply.factor) == factors[op[2].factor]
            assert ctx.get(multiply.add_slot) == (op[2].addend == Addend.SYNAPTIC)
            assert ctx.get(multiply.shift) == (0 if op[2].addend == Addend.RESULT else SHIFT)
            assert (ctx.get(multiply.use_bias), ctx.get(multiply.late_bias)) == (op[2].bias, op[2].late_bias)
            assert ctx.get(control.add.carry_crossing) == (op[3].carry == Carry.CROSSING)
            assert ctx.get(control.add.carry_spike) == (op[3].carry == Carry.SPIKE)
            assert ctx.get(control.clamp.floor) == (V_MIN if op[4].clamp else -CONFIG.state_max)

            fire = control.fire
            assert (ctx.get(fire.fire), ctx.get(fire.budget), ctx.get(fire.reset_now)) == (op[5].fire, op[5].budget, op[5].fire and reset_now)
            assert (ctx.get(fire.non_strict), ctx.get(fire.reset_subtract)) == (non_strict, reset_subtract)
            assert ctx.get(fire.discard) == ctx.get(dut.discard)
            assert ctx.get(finished.saturation) == op[5].count_saturation
            assert ctx.get(dut.latch_exists) == (op[1].latch == Latch.EXISTS)
            assert not stage[4].valid or ctx.get(dut.last_row) == stage[4].last_row

            assert ctx.get(control.reset.value) == (77 if ctx.get(dut.discard) else 0 if reset_subtract else V_RESET)
            assert (ctx.get(finished.write), ctx.get(finished.record), ctx.get(finished.fire)) == (op[6].write, op[6].record, op[6].fire)
            assert ctx.get(finished.ends_step) == (stage[6].valid and stage[6].ends_step)
            if stage[6].valid:
                assert ctx.get(finished.address) == stage[6].address + op[6].offset
                assert (ctx.get(finished.row), ctx.get(finished.last_row)) == (row, stage[6].last_row)
                row = (row + stage[6].ends_row) % 3

            await ctx.tick()
            # Settled: also the stage behind the last is empty; counted: what is left counts within two cycles.
            recent = [history[now - k].valid for k in range(UPDATE_STAGES + 3)]
            assert ctx.get(dut.settled) == (not any(recent)) and ctx.get(dut.counted) == (not any(recent[: UPDATE_STAGES - 1]))

    simulate(dut, bench)
