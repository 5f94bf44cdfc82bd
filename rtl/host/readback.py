"""The word that the host reads, out of all memories and registers."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import INTERFACE_VERSION, Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.maps import TABLES
from lifline.arch.records import INPUT_BITS
from lifline.arch.registers import (
    ADDRESS_BITS,
    CONTROL_TAG_SHIFT,
    MAGIC,
    POSITION_BITS,
    SPACE_SHIFT,
    STATUS_INPUT_RANGE,
    STORED_OFFSET,
    Space,
)

from ..cells.select import parts_of, selected
from .decode import REGISTER_BITS
from .written import TAG_BITS


def choices(m: Module, words: list[ValueLike], index: Value, meant: Value, *, registered: bool) -> list[Signal]:
    """Signals whose OR is ``words[index]`` if ``meant``, else zero, for a power of two of words.

    ``registered``: one signal a word, whose flip-flops are cleared while another one is meant. Else: one for every two words,
    whose multiplexer also does that.
    """
    domain, each = (m.d.sync, 1) if registered else (m.d.comb, min(2, len(words)))
    chosen = []
    for k in range(0, len(words), each):
        word = Mux(index[0], words[k + 1], words[k]) if each == 2 else Value.cast(words[k])
        signal = Signal(word.shape())
        domain += signal.eq(Mux(meant & (index[each - 1 :] == k // each), word, 0))
        chosen.append(signal)
    return chosen


class ReadBack(wiring.Component):
    """Chooses the word at an address; all others are zero, so that the choice between them is an OR.

    Members
    -------
    address : In, stays while the host reads.   data : Out, the word, in the same cycle, or in the next one if the configuration has
    ``memory_registers``.
    status, step, input_taken, output_count, tag : In, registers that show signals, see the table in :mod:`lifline.arch.registers`.
    stored : In, the register memory's word.
    program, weights, neurons, delays, rings, input, output : In, the word of each memory that holds the one at ``address``.   maps : In, likewise the
    words of all map tables, where there are any.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        members = {
            "address": In(ADDRESS_BITS),
            "status": In(STATUS_INPUT_RANGE.bit_length()),
            "step": In(POSITION_BITS),
            "input_taken": In(POSITION_BITS),
            "output_count": In(POSITION_BITS),
            "tag": In(TAG_BITS),
            "stored": In(WORD_BITS),
            "program": In(WORD_BITS),
            "weights": In(config.weight_word_bits),
            "neurons": In(config.multipliers * config.state_bits),
            "delays": In(range(config.max_delay + 1)),
            "rings": In(WORD_BITS),
            "input": In(INPUT_BITS),
            "output": In(WORD_BITS),
            "data": Out(WORD_BITS),
        }
        super().__init__(members | ({"maps": In(TABLES * WORD_BITS)} if config.map_words else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        offset, space = self.address[:SPACE_SHIFT], self.address[SPACE_SHIFT:]
        index = offset[:REGISTER_BITS]
        weight_bits = min(WORD_BITS, config.weight_word_bits)
        weights = [self.weights.word_select(k, weight_bits) for k in range(config.weight_word_bits // weight_bits)]
        neurons = [self.neurons.word_select(k, config.state_bits).as_signed() for k in range(config.multipliers)]
        constants = [Const(MAGIC, WORD_BITS), INTERFACE_VERSION, Const(config.hash, WORD_BITS), self.status]
        signals = [self.step, self.input_taken, self.output_count, Cat(Const(0, CONTROL_TAG_SHIFT), self.tag)]

        def chosen(words: list[ValueLike], index: Value, meant: Value) -> list[Signal]:
            return choices(m, words, index, meant, registered=config.memory_registers)

        words = [
            *chosen([selected(constants, index[:2])], Const(0, 0), (space == Space.REGISTERS) & (index[2:] == 0)),
            *chosen(signals, index[:2], (space == Space.REGISTERS) & (index[2:] == 1)),
            *chosen([self.stored], Const(0, 0), (space == Space.REGISTERS) & (index >= STORED_OFFSET)),
            *chosen([self.program], Const(0, 0), space == Space.PROGRAM),
            *chosen(weights, offset[: (len(weights) - 1).bit_length()], space == Space.WEIGHTS),
            *chosen(neurons, offset[: (len(neurons) - 1).bit_length()], space == Space.NEURONS),
            *chosen([self.delays, self.rings, self.input, self.output], space[:2], space[2]),
        ]
        if config.map_words:
            tables: list[ValueLike] = [*parts_of(self.maps, TABLES), Const(0, WORD_BITS)]
            words += chosen(tables, offset[(config.map_words - 1).bit_length() :][:2], space == Space.MAPS)
        m.d.comb += self.data.eq(reduce(or_, words))
        return m
