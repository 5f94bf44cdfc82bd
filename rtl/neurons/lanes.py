"""The neuron update datapath: one row of neurons per cycle through read, multiply, add, clamp, reset, write."""

from __future__ import annotations

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import Config

from ..cells.carry import ChoosingAdder
from ..cells.select import selected


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

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    word : In, neuron word.   forward : In, the operation adds the clipped result that is now in stage 5 (both stage 1).
    slot : In, the accumulator.   add_slot : In, add it, shifted left by ``shift`` (index of a weight shift), and not ``forward`` (all stage 2).
    sum : Out (stage 2), the accumulator as it is added, before the shift; for the trace.
    latch_* : In (stage 1), the parameter register takes the word.   word_zero : In (stage 1), the word counts as zero.
    late_zero : In (stage 1), zero the word if the neuron crossed in the previous step.
    factor, use_bias, late_bias : In (stage 2).   carry_crossing, carry_spike : In (stage 3).   floor : In (stage 4).
    exists, fire, budget, non_strict, reset_now (only with ``fire``), reset_subtract : In (stage 5).
    v_reset : In (stage 6), the value after a reset; zero if ``reset_subtract``.   quiet : In, ``result`` is ``v_reset`` in the next cycle.
    saturated : Out (stage 5).   result, crossing, spike : Out (stage 6; the last two hold until the next ``fire``).
    """

    def __init__(self, config: Config, *, carry_cells: bool = False) -> None:
        self.config, self.carry_cells = config, carry_cells
        state = signed(config.state_bits)
        super().__init__(
            {
                "forward": In(1),
                "word": In(state),
                "slot": In(signed(config.accumulator_bits)),
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

        # Stage 1: latch parameters, take the word and an earlier result.
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
        clip, forwarded = Signal(state), Signal(state)
        m.d.sync += forwarded.eq(clip)
        with m.If(~self.forward):
            m.d.sync += forwarded.eq(0)

        # Stage 2: multiply; add the bias and the addend beside it. An earlier result and the accumulator are never both added,
        # and the one that is not is zero: an OR joins them. A result is not shifted.
        product = Signal(signed(bits + DECAY_BITS), reset_less=True)
        inputs = Signal(signed(max(config.accumulator_bits + shifts[-1], bits) + 1))
        addend = Signal(signed(max(config.accumulator_bits, bits)))
        chosen = Signal(state)
        with m.If(self.add_slot):
            m.d.comb += self.sum.eq(self.slot)
        m.d.comb += addend.eq(self.sum | forwarded)
        with m.If(self.use_bias):
            m.d.comb += chosen.eq(Mux(self.late_bias & crossed, bias_late, bias))
        m.d.sync += product.eq(word * self.factor)  # a factor is at most one
        if len(shifts) == 2:
            m.submodules.adder = adder = ChoosingAdder(len(inputs), carry_cells=self.carry_cells)
            m.d.comb += [adder.addend.eq(chosen), adder.first.eq(addend << shifts[1]), adder.second.eq(addend << shifts[0])]
            m.d.comb += adder.choose.eq(self.shift)
            m.d.sync += inputs.eq(adder.total)
        else:
            amounts = [*shifts, *[shifts[-1]] * ((1 << len(self.shift)) - len(shifts))]
            m.d.sync += inputs.eq(selected([addend << amount for amount in amounts], self.shift) + chosen)

        # Stage 3: the exact sum; rounding toward zero adds one to a negative product with a remainder.
        highest = (1 << (len(inputs) - 2)) + (1 << bits)
        total = Signal(signed(highest.bit_length() + 1))
        carry = Signal()
        m.d.comb += carry.eq(
            (product[-1] & product[:DECAY_BITS].any()) | (self.carry_crossing & self.crossing) | (self.carry_spike & self.spike)
        )
        # One adder: the carry comes out of an extra bit below.
        m.d.sync += total.eq((Cat(C(1, 1), product[DECAY_BITS:]).as_signed() + Cat(carry, inputs).as_signed()) >> 1)

        # Stage 4: saturate once, clamp.
        result, saturated = clipped(m, total, self.floor, bits, "total")
        m.d.sync += [clip.eq(result), self.saturated.eq(saturated)]

        # Stage 5: threshold, budget, reset.
        # Equality is not taken from the difference: it would wait for the end of its carry chain.
        above, crossing = Signal(signed(bits + 1)), Signal()
        m.d.comb += [
            above.eq(clip - theta),
            crossing.eq(self.exists & ~above[-1] & (self.non_strict | (clip != theta))),
        ]
        # The choice waits for the next stage. What is left after a reset by subtraction is zero for any other reset, and `v_reset` the
        # other way round: one lookup table per bit chooses, and lets the host write to the memory where a `v_reset` would come in.
        kept, left, resets = Signal(state), Signal(state), Signal()
        m.d.sync += [kept.eq(clip), left.eq(above), resets.eq((crossing & self.reset_now) | self.quiet)]
        with m.If(self.quiet | ~self.reset_subtract):
            m.d.sync += left.eq(0)
        m.d.comb += self.result.eq(Mux(resets, left | self.v_reset, kept))
        with m.If(self.fire):
            m.d.sync += [self.crossing.eq(crossing), self.spike.eq(crossing & (remaining | ~self.budget))]
        return m
