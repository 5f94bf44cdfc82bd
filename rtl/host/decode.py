"""Which memory or register a host address names, and whether it may be used now."""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.maps import TABLES
from lifline.arch.registers import ADDRESS_BITS, REGISTERS, SPACE_SHIFT, Access, Space

from ..cells.select import selected

REGISTER_BITS = (len(REGISTERS) - 1).bit_length()
"""Of a register's offset."""


def depths(config: Config) -> dict[Space, int]:
    """Words of every space that there is, as the host sees them."""
    return {
        Space.REGISTERS: 1 << REGISTER_BITS,
        Space.PROGRAM: config.program_words,
        Space.WEIGHTS: config.weight_words * max(config.weight_word_bits // WORD_BITS, 1),
        Space.NEURONS: config.neuron_words * config.multipliers,
        Space.DELAYS: config.delay_entries,
        Space.RINGS: config.ring_words,
        Space.INPUT: config.input_words,
        Space.OUTPUT: config.output_words,
    } | ({Space.MAPS: TABLES * config.map_words} if config.map_words else {})


def is_within(offset: Value, depth: int) -> Value:
    """``offset < depth``, for a power of two or three times one, without a comparison."""
    bits = (depth - 1).bit_length()
    within = ~offset[bits:].any()
    return within if depth == 1 << bits else within & ~offset[bits - 2 : bits].all()


class AddressDecoder(wiring.Component):
    """Names the space of an address, and refuses what does not exist, cannot be written or is locked during a run. Without a register.

    Members
    -------
    address : In, as in :mod:`lifline.arch.registers`.   write : In, it is to be written.   running : In, a run is in progress.
    chosen : Out, one bit per :class:`~lifline.arch.registers.Space` that there is, by number; counts also for an address that is refused.
    error : Out, ``OK`` if the address may be used.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__({"address": In(ADDRESS_BITS), "write": In(1), "running": In(1), "chosen": Out(len(depths(config))), "error": Out(Status)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        offset, space = self.address[:SPACE_SHIFT], self.address[SPACE_SHIFT:]
        words = depths(self.config)
        which, index = space[: (len(words) - 1).bit_length()], offset[:REGISTER_BITS]
        m.d.comb += self.chosen.eq(Cat(space == key for key in words))

        known = index.matches(*(register.offset for register in REGISTERS.values()))
        known_writable = index.matches(*(register.offset for register in REGISTERS.values() if register.access is Access.WRITE))
        exists: list[Value] = [Const(0, 1)] * (1 << len(which))
        exists[: len(words)] = [is_within(offset, depth) for depth in words.values()]
        allowed = Mux(space == Space.REGISTERS, Mux(self.write, known_writable, known), ~self.write | (space != Space.OUTPUT))
        locked = Const(sum(1 << k for k, key in enumerate(words) if key not in (Space.REGISTERS, Space.INPUT, Space.OUTPUT)), len(exists))
        with m.If(space[len(which) :].any() | ~selected(exists, which) | ~allowed):
            m.d.comb += self.error.eq(Status.BAD_ADDRESS)
        with m.Elif(self.running & selected(list(locked), which)):
            m.d.comb += self.error.eq(Status.BUSY)
        return m
