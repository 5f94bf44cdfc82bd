"""The neuron update datapath: one row of neurons per cycle through read, multiply, add, clamp, reset, write."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import Config
from lifline.arch.program import Addend, Carry, Latch


def clipped(m: Module, total: Signal, floor: Signal, state_bits: int, name: str) -> tuple[Signal, Signal]:
    """``max(sat(total), floor)`` and whether ``sat`` clipped; ``floor`` is at least ``-M``.

    The twin of :func:`lifline.arch.arithmetic.saturate`.
    """
    limit = (1 << (state_bits - 1)) - 1
    result = Signal(signed(state_bits), name=f"{name}_clipped")
    saturated = Signal(name=f"{name}_saturated")
    sign = total[-1]
    inside = Signal(name=f"{name}_inside")
    lowest = Signal(name=f"{name}_lowest")
    upper = total[state_bits - 1 :]
    m.d.comb += [
        inside.eq(upper.all() | ~upper.any()),
        lowest.eq(sign & ~total[: state_bits - 1].any()),
        saturated.eq(~inside | lowest),
        result.eq(Mux(~inside & ~sign, limit, Mux(total < floor, floor, total))),
    ]
    return result, saturated


class UpdateLane(wiring.Component):
    """One neuron's share of the update. All control arrives already delayed to the stage that uses it.

    Stage 1 has the words read from memory, stage 2 multiplies, stage 3 adds, stage 4 clamps, stage 5 fires and resets,
    stage 6 shows ``result``, ``crossing`` and ``spike``.

    Members
    -------
    word : In, neuron word (stage 1).   synaptic : In, selected and shifted accumulator, or zero (stage 1).
    latch, addend, word_zero : In (stage 1).   factor, use_bias, late_bias : In (stage 2).   carry : In (stage 3).
    floor : In (stage 4).   fire, budget, non_strict, reset_now, reset_subtract, v_reset : In (stage 5).
    late_zero : In (stage 1), zero the word if the neuron crossed in the previous step.
    saturated : Out (stage 5).   result, crossing, spike : Out (stage 6; the last two hold until the next ``fire``).
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        state = signed(config.state_bits)
        self.synaptic_shape = signed(config.accumulator_bits + config.weight_shifts[-1])
        super().__init__(
            {
                "word": In(state),
                "synaptic": In(self.synaptic_shape),
                "latch": In(Latch),
                "addend": In(Addend),
                "word_zero": In(1),
                "late_zero": In(1),
                "factor": In(DECAY_BITS + 1),
                "use_bias": In(1),
                "late_bias": In(1),
                "carry": In(Carry),
                "floor": In(state),
                "fire": In(1),
                "exists": In(1),
                "budget": In(1),
                "non_strict": In(1),
                "reset_now": In(1),
                "reset_subtract": In(1),
                "v_reset": In(state),
                "saturated": Out(1),
                "result": Out(state),
                "crossing": Out(1),
                "spike": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.config.state_bits
        state = signed(bits)

        # Stage 1: latch parameters, take the word and the addend.
        theta, bias, bias_late = Signal(state), Signal(state), Signal(state)
        crossed, remaining = Signal(), Signal()
        word = Signal(state)
        wide = signed(max(self.synaptic_shape.width, bits))
        addend, clip = Signal(wide), Signal(state)
        with m.Switch(self.latch):
            with m.Case(Latch.THETA):
                m.d.sync += theta.eq(self.word)
            with m.Case(Latch.BIAS):
                m.d.sync += bias.eq(self.word)
            with m.Case(Latch.BIAS_LATE):
                m.d.sync += bias_late.eq(self.word)
            with m.Case(Latch.CROSSED):
                m.d.sync += crossed.eq(self.word[0] & ~self.word_zero)
            with m.Case(Latch.REMAINING):
                m.d.sync += remaining.eq(self.word[-1])
        m.d.sync += word.eq(self.word)
        with m.If(self.word_zero | (self.late_zero & crossed)):
            m.d.sync += word.eq(0)
        m.d.sync += addend.eq(Mux(self.addend == Addend.RESULT, clip, self.synaptic))
        with m.If(self.addend == Addend.NONE):
            m.d.sync += addend.eq(0)

        # Stage 2: multiply; add the bias beside it.
        product = Signal(signed(bits + DECAY_BITS + 1))
        inputs = Signal(signed(wide.width + 1))
        chosen = Signal(state)
        m.d.comb += chosen.eq(Mux(self.late_bias & crossed, bias_late, bias))
        m.d.sync += product.eq(word * self.factor)
        m.d.sync += inputs.eq(addend + Mux(self.use_bias, chosen, 0))

        # Stage 3: the exact sum; rounding toward zero adds one to a negative product with a remainder.
        total = Signal(signed(wide.width + 2))
        carry = Signal()
        m.d.comb += carry.eq(
            (product[-1] & product[:DECAY_BITS].any())
            | ((self.carry == Carry.CROSSING) & self.crossing)
            | ((self.carry == Carry.SPIKE) & self.spike)
        )
        m.d.sync += total.eq((product >> DECAY_BITS) + inputs + carry)

        # Stage 4: saturate once, clamp.
        result, saturated = clipped(m, total, self.floor, bits, "total")
        m.d.sync += [clip.eq(result), self.saturated.eq(saturated)]

        # Stage 5: threshold, budget, reset.
        above, crossing = Signal(signed(bits + 1)), Signal()
        m.d.comb += [
            above.eq(clip - theta),
            crossing.eq(self.fire & self.exists & ~above[-1] & (self.non_strict | above.any())),
        ]
        m.d.sync += self.result.eq(clip)
        with m.If(crossing & self.reset_now):
            m.d.sync += self.result.eq(Mux(self.reset_subtract, above, self.v_reset))
        with m.If(self.fire):
            m.d.sync += [self.crossing.eq(crossing), self.spike.eq(crossing & (remaining | ~self.budget))]
        return m
