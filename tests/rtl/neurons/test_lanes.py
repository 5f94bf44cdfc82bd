"""One lane of the neuron update against the arithmetic of ``arch`` and the equations of ``docs/semantics.md``, one operation per cycle."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from lifline.arch.arithmetic import DECAY_ONE, decayed, saturate
from lifline.arch.config import Config, preset
from lifline.arch.timing import CARRY_DELAY, RESULT_DELAY
from lifline.rtl.neurons.lanes import UpdateLane
from lifline.rtl.neurons.stages import LATCHES

from ..bench import simulate

NARROW = preset("tiny").replace(state_bits=8, weight_shifts=(0, 3))
WIDE = preset("tiny").replace(state_bits=24, accumulator_bits=24, weight_shifts=tuple(range(16)), multipliers=1)
ONE_ROW = preset("tiny").replace(multipliers=4, weight_shifts=(0,))
STAGES = 6
PARAMETER_DELAY = 3
"""A parameter of stage 5 may be loaded up to so many operations behind the one that uses it."""


@dataclass(frozen=True)
class Operation:
    """One micro-operation as the lane sees it."""

    word: int = 0
    slot: int = 0
    shift: int = 0
    add_slot: bool = False
    forward: bool = False
    latch: str | None = None
    word_zero: bool = False
    late_zero: bool = False
    factor: int = 0
    use_bias: bool = False
    late_bias: bool = False
    carry: str | None = None
    floor: int | None = None
    fire: bool = False
    exists: bool = True
    budget: bool = False
    non_strict: bool = False
    reset_now: bool = False
    reset_subtract: bool = False
    v_reset: int = 0


READ = ("forward", "late_zero")
MULTIPLY = ("factor", "add_slot", "use_bias", "late_bias")
FIRE = ("fire", "budget", "non_strict", "reset_now", "reset_subtract")
"""Members of the control of stages 1, 2 and 5 that have the name of what an operation says."""


def ref_lane(config: Config, operations: list[Operation]) -> list[tuple[int, bool, bool, bool]]:
    """(result, saturated, crossing, spike) of every operation; the last two hold between operations that fire."""
    bits = config.state_bits
    parameters = dict.fromkeys(("theta", "bias", "bias_late", "crossed", "remaining"), 0)
    clips: list[int] = []
    clipped: list[bool] = []
    results: list[tuple[int, bool, bool, bool]] = []

    def fire(n: int) -> None:
        """Stage 5 of operation ``n``."""
        op, v, theta = operations[n], clips[n], parameters["theta"]
        crosses = op.exists and (v > theta or (op.non_strict and v == theta))
        result = (v - theta if op.reset_subtract else op.v_reset) if crosses and op.reset_now else v
        crossing, spike = results[-1][2:] if results else (False, False)
        if op.fire:
            crossing, spike = crosses, crosses and (not op.budget or bool(parameters["remaining"]))
        results.append((result, clipped[n], crossing, spike))

    for n, op in enumerate(operations):
        word = 0 if op.word_zero or (op.late_zero and parameters["crossed"]) else op.word
        if op.latch == "crossed":
            parameters["crossed"] = 0 if op.word_zero else op.word & 1
        elif op.latch == "remaining":
            parameters["remaining"] = int(op.word < 0)
        elif op.latch is not None:
            parameters[op.latch] = op.word
        if n >= PARAMETER_DELAY:
            fire(n - PARAMETER_DELAY)
        total = decayed(word, DECAY_ONE - op.factor)
        total += op.slot << config.weight_shifts[op.shift] if op.add_slot else 0
        total += clips[n - RESULT_DELAY] if op.forward else 0
        total += parameters["bias_late" if op.late_bias and parameters["crossed"] else "bias"] if op.use_bias else 0
        if op.carry is not None:
            total += results[n - CARRY_DELAY][2 if op.carry == "crossing" else 3]
        saturated = saturate(total, bits)
        clipped.append(saturated != total)
        clips.append(saturated if op.floor is None else max(saturated, op.floor))
    for n in range(len(operations) - PARAMETER_DELAY, len(operations)):
        fire(n)
    return results


def rtl_lane(config: Config, operations: list[Operation]) -> list[tuple[int, bool, bool, bool]]:
    """The same of the gateware: operation ``n`` is in stage ``k`` in cycle ``n + k``."""
    dut = UpdateLane(config)
    control = dut.control
    results: list[tuple[int, bool, bool, bool]] = []
    saturated: list[bool] = []
    idle = Operation()

    async def bench(ctx):
        for cycle in range(len(operations) + STAGES + 1):
            stage = [operations[cycle - k] if 0 <= cycle - k < len(operations) else idle for k in range(STAGES + 1)]
            for signature, names, op in ((control.read, READ, stage[1]), (control.multiply, MULTIPLY, stage[2]), (control.fire, FIRE, stage[5])):
                for name in names:
                    ctx.set(getattr(signature, name), int(getattr(op, name)))
            ctx.set(dut.word, stage[1].word)
            ctx.set(control.read.zero, stage[1].word_zero)
            ctx.set(control.read.latch, {name: stage[1].latch == name for name in LATCHES.values()})
            ctx.set(dut.slot, stage[2].slot)
            ctx.set(control.multiply.shift, 0 if stage[2].forward else stage[2].shift)
            for name in ("crossing", "spike"):
                ctx.set(getattr(control.add, f"carry_{name}"), stage[3].carry == name)
            ctx.set(control.clamp.floor, -config.state_max if stage[4].floor is None else stage[4].floor)
            ctx.set(dut.exists, stage[5].exists)
            ctx.set(control.reset.value, 0 if stage[6].reset_subtract else stage[6].v_reset)
            assert ctx.get(dut.sum) == (stage[2].slot if stage[2].add_slot else 0)
            if cycle >= 5:
                saturated.append(bool(ctx.get(dut.saturated)))
            if STAGES <= cycle < len(operations) + STAGES:
                flags = bool(ctx.get(dut.crossing)), bool(ctx.get(dut.spike))
                results.append((ctx.get(dut.result), saturated[cycle - STAGES], *flags))
            await ctx.tick()

    simulate(dut, bench)
    return results


def random_operations(config: Config, rng: random.Random, count: int) -> list[Operation]:
    """Operations as microprograms have them, drawn to meet the corners."""
    limit, largest = config.state_max, config.accumulator_max
    operations = [Operation(latch="theta", word=1)]
    theta = 1

    def state() -> int:
        return rng.choice([0, 1, -1, limit, -limit, theta, min(theta + 1, limit), rng.randint(-limit, limit), rng.randint(-limit, limit)])

    while len(operations) < count:
        n = len(operations)
        latch = rng.choice([None] * 5 + ["theta", "bias", "bias_late", "crossed", "remaining"])
        word = state()
        if latch == "theta":
            word = theta = rng.choice([1, 2, limit, rng.randint(1, limit)])
        carry = rng.choice([None, None, "crossing", "spike"]) if n >= CARRY_DELAY else None
        # A carry takes the place of the rounding, so that its factor needs none.
        factor = rng.choice([0, DECAY_ONE] if carry else [0, 1, DECAY_ONE, DECAY_ONE - 1, DECAY_ONE // 2, rng.randrange(DECAY_ONE + 1)])
        forward = n >= RESULT_DELAY and rng.random() < 0.2
        fire = rng.random() < 0.5
        operations.append(
            Operation(
                word=word, slot=rng.choice([0, largest, -largest, rng.randint(-limit, limit)]),
                shift=rng.randrange(len(config.weight_shifts)), add_slot=not forward and rng.random() < 0.5,
                forward=forward, latch=latch, word_zero=rng.random() < 0.1, late_zero=rng.random() < 0.3, factor=factor,
                use_bias=rng.random() < 0.5, late_bias=rng.random() < 0.5, carry=carry,
                floor=None if rng.random() < 0.6 else -rng.randrange(limit + 1), fire=fire, exists=rng.random() < 0.9,
                budget=rng.random() < 0.5, non_strict=rng.random() < 0.5, reset_now=fire and rng.random() < 0.6,
                reset_subtract=rng.random() < 0.5, v_reset=rng.randint(-limit, limit),
            )  # fmt: skip
        )
    return operations


@pytest.mark.parametrize("config", [NARROW, WIDE, ONE_ROW], ids=["8-bit", "24-bit", "one-row-per-block"])
def test_random_operations_one_per_cycle(config: Config) -> None:
    operations = random_operations(config, random.Random(7), 2500)
    expected = ref_lane(config, operations)
    assert rtl_lane(config, operations) == expected
    fired = [r for r, op in zip(expected, operations, strict=True) if op.fire]
    assert sum(r[2] for r in fired) > 200 and sum(r[2] and not r[3] for r in fired) > 50, "crossings, and some without budget"
    assert sum(r[1] for r in expected) > 100, "saturations"


def test_every_product_rounds_toward_zero() -> None:
    """All words of 8 bits with factors around every power of two."""
    factors = sorted({max(0, min(DECAY_ONE, (1 << k) + d)) for k in range(13) for d in (-1, 0, 1)})
    operations = [Operation(word=word, factor=factor) for factor in factors for word in range(-127, 128, 3)]
    assert rtl_lane(NARROW, operations) == ref_lane(NARROW, operations)


def one_neuron(theta: int, v: int, **fire: object) -> list[Operation]:
    """Load ``theta``, then fire on ``v``."""
    return [Operation(latch="theta", word=theta), Operation(word=v, factor=DECAY_ONE, fire=True, **fire)]  # type: ignore[arg-type]


CASES = {
    "strict at the threshold": (one_neuron(50, 50), (50, False, False, False)),
    "non-strict at the threshold": (one_neuron(50, 50, non_strict=True), (50, False, True, True)),
    "just above": (one_neuron(50, 51), (51, False, True, True)),
    "reset to a value": (one_neuron(50, 51, reset_now=True, v_reset=-7), (-7, False, True, True)),
    "reset by subtraction": (one_neuron(50, 120, reset_now=True, reset_subtract=True), (70, False, True, True)),
    "no crossing, no reset": (one_neuron(50, 49, reset_now=True, v_reset=-7), (49, False, False, False)),
    "a neuron that does not exist": (one_neuron(50, 51, exists=False, reset_now=True), (51, False, False, False)),
    "no budget left": (one_neuron(50, 51, budget=True, reset_now=True), (0, False, True, False)),
    "saturates at the positive limit": (one_neuron(1, 127, slot=1, add_slot=True), (127, True, True, True)),
    "saturates at the negative limit": (one_neuron(1, -127, slot=-1, add_slot=True), (-127, True, False, False)),
    "exactly the negative limit": (one_neuron(1, -126, slot=-1, add_slot=True), (-127, False, False, False)),
    "clamp holds without counting": (one_neuron(1, -100, floor=-20), (-20, False, False, False)),
    "clamp after saturation counts": (one_neuron(1, -127, slot=-9, add_slot=True, floor=-20), (-20, True, False, False)),
}


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    operations, expected = CASES[name]
    assert ref_lane(NARROW, operations)[-1] == rtl_lane(NARROW, operations)[-1] == expected


def test_late_reset_replaces_bias_and_membrane_after_a_crossing() -> None:
    for crossed, expected in ((1, -30), (0, 65)):
        load = [Operation(latch="bias", word=5), Operation(latch="bias_late", word=-30), Operation(latch="crossed", word=crossed)]
        operations = [*load, Operation(word=60, factor=DECAY_ONE, use_bias=True, late_bias=True, late_zero=True)]
        assert rtl_lane(NARROW, operations)[-1][0] == ref_lane(NARROW, operations)[-1][0] == expected


def test_count_grows_with_a_spike_and_not_with_a_suppressed_crossing() -> None:
    for remaining, expected in ((-3, -2), (0, 0)):
        operations = [
            Operation(latch="theta", word=10), Operation(latch="remaining", word=remaining), Operation(word=11, factor=DECAY_ONE, fire=True, budget=True),
            Operation(), Operation(), Operation(word=remaining, factor=DECAY_ONE, carry="spike"),
        ]  # fmt: skip
        assert rtl_lane(NARROW, operations)[-1][0] == ref_lane(NARROW, operations)[-1][0] == expected
