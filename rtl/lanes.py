"""The neuron update datapath: one row of neurons per cycle through read, multiply, add, clamp, reset, write."""

from __future__ import annotations

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import Config

from .dense import selected


def clipped(m: Module, total: Signal, floor: Signal, state_bits: int, name: str) -> tuple[Signal, Signal]:
    """``max(sat(total), floor)`` and whether ``sat`` clipped; ``floor`` is at least ``-M``.

    The twin of :func:`lifline.arch.arithmetic.saturate`. One lookup table per bit: either the floor, or ones, or the total.
    """
    result = Signal(signed(state_bits), name=f"{name}_clipped")
    saturated = Signal(name=f"{name}_saturated")
    sign, low, upper = total[-1], total[:state_bits].as_signed(), total[state_bits - 1 :]
    inside, over, under = Signal(name=f"{name}_inside"), Signal(name=f"{name}_over"), Signal(name=f"{name}_under")
    below = Signal(signed(state_bits + 1), name=f"{name}_below")
    m.d.comb += [
        inside.eq(upper.all() | ~upper.any()),
        over.eq(~inside & ~sign),
        below.eq(low - floor),
        under.eq(Mux(inside, below[-1], sign)),
        saturated.eq(~inside | (sign & ~total[: state_bits - 1].any())),
        result.eq(Mux(under, floor, Cat(low[:-1] | over.replicate(state_bits - 1), low[-1] & ~over).as_signed())),
    ]
    return result, saturated


class UpdateLane(wiring.Component):
    """One neuron's share of the update. All control arrives already decoded and delayed to the stage that uses it.

    Stage 1 has the words read from memory, stage 2 multiplies, stage 3 adds, stage 4 clamps, stage 5 fires and resets,
    stage 6 shows ``result``, ``crossing`` and ``spike``.

    Members
    -------
    forward : In (stage 0), the operation adds the clipped result that is now in stage 4.
    word : In, neuron word.   slots : In, the accumulators of this lane in the block.   slot : In, the row within the block.
    add_slot : In, add the accumulator, shifted left by ``shift`` (index of a weight shift) (all stage 1).
    sum : Out (stage 1), the accumulator as it is added, before the shift; for the trace.
    latch_* : In (stage 1), the parameter register takes the word.   word_zero : In (stage 1), the word counts as zero.
    late_zero : In (stage 1), zero the word if the neuron crossed in the previous step.
    factor, use_bias, late_bias : In (stage 2).   carry_crossing, carry_spike : In (stage 3).   floor : In (stage 4).
    exists, fire, budget, non_strict, reset_now (only with ``fire``), reset_subtract, v_reset : In (stage 5).   quiet : In, ``result`` is zero in the next cycle.
    saturated : Out (stage 5).   result, crossing, spike : Out (stage 6; the last two hold until the next ``fire``).
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        state = signed(config.state_bits)
        super().__init__(
            {
                "forward": In(1),
                "word": In(state),
                "slots": In(signed(config.accumulator_bits)).array(config.rows_per_block),
                "slot": In(range(max(config.rows_per_block, 2))),
                "add_slot": In(1),
                "shift": In(range(max(len(config.weight_shifts), 2))),
                **{f"latch_{name}": In(1) for name in ("theta", "bias", "bias_late", "crossed", "remaining")},
                "word_zero": In(1),
                "late_zero": In(1),
                "factor": In(DECAY_BITS + 1),
                "use_bias": In(1),
                "late_bias": In(1),
                "carry_crossing": In(1),
                "carry_spike": In(1),
                "floor": In(state),
                "fire": In(1),
                "exists": In(1),
                "budget": In(1),
                "non_strict": In(1),
                "reset_now": In(1),
                "reset_subtract": In(1),
                "v_reset": In(state),
                "quiet": In(1),
                "sum": Out(signed(config.accumulator_bits)),
                "saturated": Out(1),
                "result": Out(state),
                "crossing": Out(1),
                "spike": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        bits, shifts = config.state_bits, config.weight_shifts
        state = signed(bits)

        # Stage 1: latch parameters, take the word and the addend. An earlier result and the accumulator are never
        # added both, and the one that is not is zero: an OR joins them.
        theta, bias, bias_late = Signal(state), Signal(state), Signal(state)
        crossed, remaining = Signal(), Signal()
        word = Signal(state)
        for register, latch in ((theta, self.latch_theta), (bias, self.latch_bias), (bias_late, self.latch_bias_late)):
            with m.If(latch):
                m.d.sync += register.eq(self.word)
        with m.If(self.latch_crossed):
            m.d.sync += crossed.eq(self.word[0] & ~self.word_zero)
        with m.If(self.latch_remaining):
            m.d.sync += remaining.eq(self.word[-1])
        m.d.sync += word.eq(self.word)
        with m.If(self.word_zero | (self.late_zero & crossed)):
            m.d.sync += word.eq(0)
        wide = signed(max(config.accumulator_bits + shifts[-1], bits))
        slot, forwarded, addend = Signal(signed(config.accumulator_bits)), Signal(state), Signal(wide)
        with m.If(self.add_slot):
            m.d.comb += slot.eq(selected(list(self.slots), self.slot))
        m.d.comb += self.sum.eq(slot)
        amounts = [*shifts, *[shifts[-1]] * ((1 << len(self.shift)) - len(shifts))]
        synaptic = selected([slot << amount for amount in amounts], self.shift)
        m.d.sync += addend.eq(synaptic | forwarded)

        # Stage 2: multiply; add the bias beside it.
        product = Signal(signed(bits + DECAY_BITS), reset_less=True)
        inputs = Signal(signed(wide.width + 1))
        chosen = Signal(state)
        with m.If(self.use_bias):
            m.d.comb += chosen.eq(Mux(self.late_bias & crossed, bias_late, bias))
        m.d.sync += product.eq(word * self.factor)  # a factor is at most one
        m.d.sync += inputs.eq(addend + chosen)

        # Stage 3: the exact sum; rounding toward zero adds one to a negative product with a remainder.
        highest = (1 << (wide.width - 1)) + (1 << bits)
        total = Signal(signed(highest.bit_length() + 1))
        carry = Signal()
        m.d.comb += carry.eq(
            (product[-1] & product[:DECAY_BITS].any()) | (self.carry_crossing & self.crossing) | (self.carry_spike & self.spike)
        )
        # One adder: the carry comes out of an extra bit below.
        m.d.sync += total.eq((Cat(C(1, 1), product[DECAY_BITS:]).as_signed() + Cat(carry, inputs).as_signed()) >> 1)

        # Stage 4: saturate once, clamp.
        clip = Signal(state)
        result, saturated = clipped(m, total, self.floor, bits, "total")
        m.d.sync += [clip.eq(result), forwarded.eq(result), self.saturated.eq(saturated)]
        with m.If(~self.forward):
            m.d.sync += forwarded.eq(0)

        # Stage 5: threshold, budget, reset.
        # Equality is not taken from the difference: it would wait for the end of its carry chain.
        above, crossing = Signal(signed(bits + 1)), Signal()
        m.d.comb += [
            above.eq(clip - theta),
            crossing.eq(self.exists & ~above[-1] & (self.non_strict | (clip != theta))),
        ]
        # The choice waits for the next stage, and for the writer of the memory that shares its lookup tables.
        kept, replaced, resets = Signal(state), Signal(state), Signal()
        m.d.sync += [kept.eq(clip), replaced.eq(Mux(self.reset_subtract, above, self.v_reset)), resets.eq(crossing & self.reset_now)]
        with m.If(self.quiet):
            m.d.sync += [kept.eq(0), replaced.eq(0)]
        m.d.comb += self.result.eq(Mux(resets, replaced, kept))
        with m.If(self.fire):
            m.d.sync += [self.crossing.eq(crossing), self.spike.eq(crossing & (remaining | ~self.budget))]
        return m
