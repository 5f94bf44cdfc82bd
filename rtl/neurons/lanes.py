"""The neuron update datapath: one row of neurons per cycle through read, multiply, add, clamp, fire, write."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import Config

from ..cells.add import sum_with_carry
from ..cells.carry import ChoosingAdder
from ..cells.clip import clipped
from ..cells.select import selected
from .stages import LaneControl


@dataclass
class Parameters:
    """Registers that keep neuron words from stage 2 on, until another word is latched.

    Attributes
    ----------
    theta : threshold.   bias, bias_late : bias, and the one of the step after a crossing.   crossed : the neuron crossed its threshold in the step before.
    remaining : the neuron's budget is not spent.
    """

    theta: Signal
    bias: Signal
    bias_late: Signal
    crossed: Signal
    remaining: Signal


class UpdateLane(wiring.Component):
    """One neuron's share of the update: an operation per cycle, never stalled. All control arrives decoded, in the stage that uses it.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    control : In(:class:`~lifline.rtl.neurons.stages.LaneControl`), the same for all lanes.
    word : In (stage 1), the neuron word.
    slot : In (stage 2), the accumulator.
    exists : In (stage 5), the neuron exists: it may cross its threshold.
    sum : Out (stage 2), the accumulator as it is added, before its shift; zero if it is not; for the trace.
    saturated : Out (stage 5), the sum did not fit; a clamp does not count.
    result : Out (stage 6), what the operation has computed.
    crossing, spike : Out (from stage 6 until the next operation that fires is there), the threshold was crossed, and the budget let it through.
    """

    def __init__(self, config: Config, *, carry_cells: bool = False) -> None:
        self.config, self.carry_cells = config, carry_cells
        state = signed(config.state_bits)
        super().__init__(
            {
                "control": In(LaneControl(config)),
                "word": In(state),
                "slot": In(signed(config.accumulator_bits)),
                "exists": In(1),
                "sum": Out(signed(config.accumulator_bits)),
                "saturated": Out(1),
                "result": Out(state),
                "crossing": Out(1),
                "spike": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = signed(self.config.state_bits)
        clip, forwarded, word = Signal(state), Signal(state), Signal(state)
        parameters = self.latch_parameters(m)

        # Stage 1: take the word, and an earlier result.
        control = self.control.read
        m.d.sync += word.eq(self.word)
        with m.If(control.zero | (control.late_zero & parameters.crossed)):
            m.d.sync += word.eq(0)
        m.d.sync += forwarded.eq(clip)
        with m.If(~control.forward):
            m.d.sync += forwarded.eq(0)

        # Stage 2: multiply; add up what comes beside the product.
        product = Signal(signed(self.config.state_bits + DECAY_BITS), reset_less=True)
        m.d.sync += product.eq(word * self.control.multiply.factor)  # a factor is at most one
        inputs = self.add_inputs(m, forwarded, parameters)

        # Stage 3: the exact sum.
        total = self.add_product(m, product, inputs)

        # Stage 4: saturate once, clamp.
        result, saturated = clipped(m, total, self.control.clamp.floor, self.config.state_bits, "total")
        m.d.sync += [clip.eq(result), self.saturated.eq(saturated)]

        # Stages 5 and 6.
        self.fire(m, clip, parameters)
        return m

    def latch_parameters(self, m: Module) -> Parameters:
        """Stage 1: the registers of parameters."""
        control, state = self.control.read, signed(self.config.state_bits)
        parameters = Parameters(
            theta=Signal(state, name="theta"),
            bias=Signal(state, name="bias"),
            bias_late=Signal(state, name="bias_late"),
            crossed=Signal(name="crossed"),
            remaining=Signal(name="remaining"),
        )
        taken = {
            "theta": self.word,
            "bias": self.word,
            "bias_late": self.word,
            "crossed": self.word[0] & ~control.zero,
            "remaining": self.word[-1],  # of `count - budget`
        }
        for name, value in taken.items():
            with m.If(control.latch[name]):
                m.d.sync += getattr(parameters, name).eq(value)
        return parameters

    def add_inputs(self, m: Module, forwarded: Signal, parameters: Parameters) -> Signal:
        """Stage 2: the shifted accumulator or an earlier result, and the bias; the sum is there in stage 3."""
        control, config = self.control.multiply, self.config
        shifts, bits = config.weight_shifts, config.state_bits
        inputs = Signal(signed(max(config.accumulator_bits + shifts[-1], bits) + 1))
        addend, bias = Signal(signed(max(config.accumulator_bits, bits))), Signal(signed(bits))
        # An earlier result and the accumulator are never both added, and the one that is not is zero: an OR joins them.
        with m.If(control.add_slot):
            m.d.comb += self.sum.eq(self.slot)
        m.d.comb += addend.eq(self.sum | forwarded)
        with m.If(control.use_bias):
            m.d.comb += bias.eq(Mux(control.late_bias & parameters.crossed, parameters.bias_late, parameters.bias))
        if len(shifts) == 2:
            m.submodules.adder = adder = ChoosingAdder(len(inputs), carry_cells=self.carry_cells)
            m.d.comb += [adder.addend.eq(bias), adder.first.eq(addend << shifts[1]), adder.second.eq(addend << shifts[0])]
            m.d.comb += adder.choose.eq(control.shift)
            m.d.sync += inputs.eq(adder.total)
        else:
            amounts = [*shifts, *[shifts[-1]] * ((1 << len(control.shift)) - len(shifts))]
            m.d.sync += inputs.eq(selected([addend << amount for amount in amounts], control.shift) + bias)
        return inputs

    def add_product(self, m: Module, product: Signal, inputs: Signal) -> Signal:
        """Stage 3: everything added, exactly; it is there in stage 4. Rounding toward zero adds one to a negative product with a remainder."""
        control = self.control.add
        highest = (1 << (len(inputs) - 2)) + (1 << self.config.state_bits)
        total, carry = Signal(signed(highest.bit_length() + 1)), Signal()
        rounding: Value = product[-1] & product[:DECAY_BITS].any()
        m.d.comb += carry.eq(rounding | (control.carry_crossing & self.crossing) | (control.carry_spike & self.spike))
        m.d.sync += total.eq(sum_with_carry(product[DECAY_BITS:].as_signed(), inputs, carry))
        return total

    def fire(self, m: Module, clip: Signal, parameters: Parameters) -> None:
        """Stage 5: threshold, budget, reset; stage 6: the result."""
        control, state = self.control.fire, clip.shape()
        # Equality is not taken from the difference: it would wait for the end of its carry chain.
        above, crossing = Signal(signed(len(clip) + 1)), Signal()
        m.d.comb += [
            above.eq(clip - parameters.theta),
            crossing.eq(self.exists & ~above[-1] & (control.non_strict | (clip != parameters.theta))),
        ]
        with m.If(control.fire):
            m.d.sync += [self.crossing.eq(crossing), self.spike.eq(crossing & (parameters.remaining | ~control.budget))]
        # The choice waits for stage 6. What is left after a reset by subtraction is zero for any other reset, and the value that a reset
        # loads the other way round: one lookup table per bit chooses, and lets the host write to the memory where that value comes in.
        kept, left, resets = Signal(state), Signal(state), Signal()
        m.d.sync += [kept.eq(clip), left.eq(above), resets.eq((crossing & control.reset_now) | control.discard)]
        with m.If(control.discard | ~control.reset_subtract):
            m.d.sync += left.eq(0)
        m.d.comb += self.result.eq(Mux(resets, left | self.control.reset.value, kept))
