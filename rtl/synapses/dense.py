"""Dense lanes: ``W`` sums per lane at once, and their way out through shift registers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.carry import ChoosingAdder
from ..cells.select import selected


class ShiftAccumulator(wiring.Component):
    """One sum: ``total' = following if ~adding else total + weight`` in a cycle with ``enable``. ``weight`` is zero while ``adding`` is not set.

    Parameters
    ----------
    last : nothing follows: zero. Then the register is cleared wherever ``adding`` is not set, which takes no lookup table.
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.
    """

    def __init__(self, bits: int, weight_bits: int, *, last: bool, carry_cells: bool) -> None:
        self.last, self.carry_cells = last, carry_cells
        shape = signed(bits)
        super().__init__(
            {"weight": In(signed(weight_bits)), "following": In(shape), "adding": In(1), "enable": In(1), "total": Out(shape)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result = Signal.like(self.total)
        if self.last:
            m.d.comb += result.eq(self.total + self.weight)
        else:
            m.submodules.adder = adder = ChoosingAdder(len(self.total), never_both=True, carry_cells=self.carry_cells)
            m.d.comb += [
                adder.addend.eq(self.weight),
                adder.first.eq(self.total),
                adder.second.eq(self.following),
                adder.choose.eq(self.adding),
                result.eq(adder.total),
            ]
        with m.If(self.enable):
            m.d.sync += self.total.eq(result)
        if self.last:
            with m.If(~self.adding):
                m.d.sync += self.total.eq(0)
        return m


class DenseLanes(wiring.Component):
    """``W`` accumulators per lane; every lane adds its weight to those whose arrival bit is set.

    Accumulators ``c*L .. c*L + L - 1`` (``L = drain_cycles``) are chain ``c``: it works ``c*L`` cycles behind chain 0, so that
    the sums of all chains leave one after the other through one output, while the next block's weights already stream in. A drain
    takes ``L`` cycles from accumulation, and leaves zeros behind.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    arrivals : In, which accumulators add the weight of the next cycle.
    weight : In, one signed weight per lane, from a register that is zero in the cycle after ``opening``.   opening : Out, level, without a register but for the decoding of ``step``.
    drain, step : In, two cycles from now ``sums`` is wanted from accumulator ``step``, which is then zero. Steps 0, 1, 2, ... follow in
        successive cycles, and in the first ``L`` of them ``arrivals`` is zero.
    sums : Out, one per lane, in the cycle after ``drain``; registered by the user.   draining : Out, with ``sums``.
    """

    def __init__(self, config: Config, *, carry_cells: bool = False) -> None:
        self.config, self.carry_cells = config, carry_cells
        super().__init__(
            {
                "weight": In(signed(config.weight_bits)).array(config.lanes),
                "arrivals": In(config.window),
                "opening": Out(1),
                "drain": In(1),
                "step": In(range(max(config.window, 2))),
                "sums": Out(signed(config.dense_bits)).array(config.lanes),
                "draining": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        length = config.drain_cycles
        chains = config.window // length
        length_bits = (length - 1).bit_length()
        chain = Signal(range(max(chains, 2)))
        m.d.sync += [self.draining.eq(self.drain), chain.eq(self.step >> length_bits)]

        # Chain `c` sees everything `c * length` cycles later than chain 0.
        arrivals: Value = self.arrivals
        m.d.comb += self.opening.eq(self.drain & (self.step >> length_bits == 0))
        enables, moving = [], []
        for c in range(chains):
            moves = Signal(name=f"moves{c}")
            m.d.comb += moves.eq(self.drain & (self.step >> length_bits == c))
            moving.append(moves)
            for k in range(length):
                enable = Signal(name=f"enable{c * length + k}")
                m.d.sync += enable.eq(arrivals[k] | moves)
                enables.append(enable)
            arrivals = arrivals[length:]
            for later in range(length if c + 1 < chains else 0):
                delayed = Signal(len(arrivals), name=f"arrivals{c}_{later}")
                m.d.sync += delayed.eq(arrivals)
                arrivals = delayed
        for lane in range(config.lanes):
            heads = []
            weight = self.weight[lane]
            for c in range(chains):
                adding = Signal(name=f"adding{lane}_{c}")
                m.d.sync += adding.eq(~moving[c])
                following: Value | None = None
                for k in reversed(range(length)):
                    total = ShiftAccumulator(
                        config.dense_bits, config.weight_bits, last=following is None, carry_cells=self.carry_cells
                    )
                    m.submodules[f"total{lane}_{c * length + k}"] = total
                    if following is not None:
                        m.d.comb += total.following.eq(following)
                    m.d.comb += [
                        total.weight.eq(weight),
                        total.adding.eq(adding),
                        total.enable.eq(enables[c * length + k]),
                    ]
                    following = total.total
                heads.append(following)
                for later in range(length if c + 1 < chains else 0):
                    delayed = Signal(signed(config.weight_bits), name=f"weight{lane}_{c}_{later}")
                    m.d.sync += delayed.eq(weight)
                    weight = delayed
            m.d.comb += self.sums[lane].eq(selected(heads, chain))
        return m
