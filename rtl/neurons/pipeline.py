"""The control of every stage behind the issue of micro-operations."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import Config
from lifline.arch.program import Addend, Carry, Factor, Latch
from lifline.arch.timing import UPDATE_STAGES

from ..cells.decode import POPULATION_SHAPE
from .stages import ADD, CLAMP, FIRE, LATCHES, MICRO_LAYOUT, MULTIPLY, READ, WRITE, Finished, Issued, LaneControl


class Pipeline(wiring.Component):
    """Takes micro-operations through the stages, one per cycle. What a whole stage needs is decoded one stage earlier, into a register.

    Members
    -------
    population : In, the population's words, stable while one of its operations is in a stage.
    fresh : In (stage 0), this is the first step since the state was cleared.
    issued : In(:class:`~lifline.rtl.neurons.stages.Issued`).
    control : Out(:class:`~lifline.rtl.neurons.stages.LaneControl`), for all lanes.
    latch_exists : Out (stage 1), the word says which neurons of its row exist.
    last_row : Out (stage 4), its row is the population's last one.
    uses_slot : Out (stage 1), the operation will add the accumulator.
    finished : Out(:class:`~lifline.rtl.neurons.stages.Finished`).
    discard : In, any time: in the next cycle the results of all lanes are ``written`` (of that cycle).
    written : In, in units of the state.
    settled : Out, in the cycle before no operation was in any stage, nor its spikes in the one behind the last.
    counted : Out, in the cycle before no operation was in a stage that counts later than two cycles from now.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "population": In(POPULATION_SHAPE),
                "fresh": In(1),
                "issued": In(Issued(config)),
                "control": Out(LaneControl(config)),
                "latch_exists": Out(1),
                "last_row": Out(1),
                "uses_slot": Out(1),
                "finished": Out(Finished(config)),
                "discard": In(1),
                "written": In(signed(config.state_bits)),
                "settled": Out(1),
                "counted": Out(1),
            }
        )
        self.config = config

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operations = self.delay_operations(m)
        last_rows = self.delayed(m, self.issued.last_row, "last_row")
        self.control_reading(m, operations)
        self.control_arithmetic(m, operations)
        self.control_firing(m, operations, last_rows)
        self.finish(m, operations, last_rows)
        self.watch(m)
        return m

    def delayed(self, m: Module, value: Signal, name: str) -> list[Signal]:
        """``value`` as it is in stage 0, and in every stage after it."""
        stages = [value] + [Signal.like(value, name=f"{name}{stage}") for stage in range(1, UPDATE_STAGES + 1)]
        m.d.sync += [later.eq(now) for now, later in zip(stages, stages[1:], strict=False)]
        return stages

    def delay_operations(self, m: Module) -> list:
        """The micro-operation in every stage; all zero where none was issued."""
        operations = [self.issued.micro] + [Signal(MICRO_LAYOUT, name=f"micro{stage}") for stage in range(1, UPDATE_STAGES + 1)]
        m.d.sync += [later.eq(now) for now, later in zip(operations, operations[1:], strict=False)]
        with m.If(~self.issued.valid):
            m.d.sync += operations[READ].eq(0)
        return operations

    def control_reading(self, m: Module, operations: list) -> None:
        """Stage 1, decoded while the operation is issued."""
        control, now = self.control.read, self.issued.micro
        m.d.sync += [control.latch[name].eq(now.latch == latch) for latch, name in LATCHES.items()]
        m.d.sync += self.latch_exists.eq(now.latch == Latch.EXISTS)
        with m.If(~self.issued.valid):
            m.d.sync += [control.latch.eq(0), self.latch_exists.eq(0)]
        m.d.sync += [control.zero.eq(now.fresh_zero & self.fresh), control.forward.eq(now.addend == Addend.RESULT)]
        m.d.comb += control.late_zero.eq(operations[READ].late_zero)

    def control_arithmetic(self, m: Module, operations: list) -> None:
        """Stages 2 to 4."""
        multiply, add, clamp, population = self.control.multiply, self.control.add, self.control.clamp, self.population
        reading = operations[READ]
        factors = {
            Factor.ZERO: 0,
            Factor.ONE: DECAY_ONE,
            Factor.V: population.population_2.factor_v,
            Factor.CURRENT: population.population_2.factor_i,
        }
        with m.Switch(reading.factor):
            for key, value in factors.items():
                with m.Case(key):
                    m.d.sync += multiply.factor.eq(value)
        m.d.comb += self.uses_slot.eq(reading.addend == Addend.SYNAPTIC)
        m.d.sync += [
            multiply.add_slot.eq(reading.addend == Addend.SYNAPTIC),
            multiply.shift.eq(Mux(reading.addend == Addend.RESULT, 0, population.population_1.shift)),
            add.carry_crossing.eq(operations[ADD - 1].carry == Carry.CROSSING),
            add.carry_spike.eq(operations[ADD - 1].carry == Carry.SPIKE),
            clamp.floor.eq(Mux(operations[CLAMP - 1].clamp, population.population_4.v_min, -self.config.state_max)),
        ]
        m.d.comb += [multiply.use_bias.eq(operations[MULTIPLY].bias), multiply.late_bias.eq(operations[MULTIPLY].late_bias)]

    def control_firing(self, m: Module, operations: list, last_rows: list[Signal]) -> None:
        """Stages 5 and 6."""
        fire, rule = self.control.fire, self.population.population_1
        m.d.sync += fire.reset_now.eq(operations[FIRE - 1].fire & rule.reset_now)
        m.d.comb += [
            self.last_row.eq(last_rows[FIRE - 1]),
            fire.fire.eq(operations[FIRE].fire),
            fire.budget.eq(operations[FIRE].budget),
            fire.non_strict.eq(rule.non_strict),
            fire.reset_subtract.eq(rule.reset_subtract),
            fire.discard.eq(self.discard),
        ]
        # The host writes neuron words through the lanes: its value comes in where that of a reset does.
        loaded = Mux(rule.reset_subtract, 0, self.population.population_3.v_reset)
        m.d.comb += self.control.reset.value.eq(Mux(self.discard, self.written, loaded))

    def finish(self, m: Module, operations: list, last_rows: list[Signal]) -> None:
        """Stage 6. Rows leave in the order in which they came: their number is counted anew, and not taken through the stages."""
        finished, final = self.finished, operations[WRITE]
        address = Signal.like(self.issued.address)
        m.d.sync += address.eq(self.issued.address + self.issued.micro.offset)
        addresses = [address] + [Signal.like(address, name=f"address{stage}") for stage in range(READ + 1, WRITE + 1)]
        m.d.sync += [later.eq(now) for now, later in zip(addresses, addresses[1:], strict=False)]
        ends_row = self.delayed(m, self.issued.ends_row, "ends_row")[WRITE]
        with m.If(ends_row):
            m.d.sync += finished.row.eq(Mux(finished.last_row, 0, finished.row + 1))
        m.d.comb += [
            finished.write.eq(final.write),
            finished.address.eq(addresses[-1]),
            finished.record.eq(final.record),
            finished.fire.eq(final.fire),
            finished.last_row.eq(last_rows[WRITE]),
            finished.ends_step.eq(self.delayed(m, self.issued.ends_step, "ends_step")[WRITE]),
            finished.saturation.eq(operations[FIRE].count_saturation),
        ]

    def watch(self, m: Module) -> None:
        """Whether operations are still on their way."""
        issue, valid = self.issued.valid, Signal(UPDATE_STAGES + 2)
        m.d.sync += valid.eq(Cat(issue, valid))
        m.d.sync += [self.settled.eq(~(issue | valid.any())), self.counted.eq(~(issue | valid[: UPDATE_STAGES - 2].any()))]
