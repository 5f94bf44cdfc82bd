"""Choices and addresses, for every input."""

from __future__ import annotations

import itertools

import pytest
from amaranth.hdl import Module, Signal

from lifline.rtl.cells.select import at_most, bit_of, is_above, one_of, parts_of, selected, selected_part, wrapped

from ..bench import evaluate


@pytest.mark.parametrize("number", [1, 2, 4])
def test_selected_value_is_that_of_the_index(number: int) -> None:
    m = Module()
    values, index, shown = [Signal(2, name=f"value{k}") for k in range(number)], Signal(range(max(number, 2))), Signal(2)
    m.d.comb += shown.eq(selected(values, index))

    async def body(ctx):
        for words in itertools.product(range(4), repeat=number):
            for value, word in zip(values, words, strict=True):
                ctx.set(value, word)
            for k, word in enumerate(words):
                ctx.set(index, k)
                assert ctx.get(shown) == word

    evaluate(m, body)


@pytest.mark.parametrize(("number", "bits"), [(4, 2), (2, 3), (1, 4)])
def test_selected_part_is_the_one_whose_bit_is_set_or_zero(number: int, bits: int) -> None:
    m = Module()
    word, chosen, enable, shown = Signal(number * bits), Signal(number), Signal(), Signal(bits)
    m.d.comb += shown.eq(selected_part(word, chosen, enable))

    async def body(ctx):
        for value in range(1 << number * bits):
            ctx.set(word, value)
            assert [ctx.get(part) for part in parts_of(word, number)] == [value >> k * bits & (1 << bits) - 1 for k in range(number)]
            for k, on in itertools.product([None, *range(number)], [0, 1]):
                ctx.set(chosen, 0 if k is None else 1 << k)
                ctx.set(enable, on)
                assert ctx.get(shown) == (0 if k is None or not on else value >> k * bits & (1 << bits) - 1)

    evaluate(m, body)


def test_the_bit_of_an_index_and_the_one_of_some_values() -> None:
    m = Module()
    index, enable, shown = Signal(5), Signal(), Signal(32)
    values, chosen, picked = [Signal(2, name=f"value{k}") for k in range(3)], Signal(3), Signal(2)
    m.d.comb += [shown.eq(bit_of(index, enable)), picked.eq(one_of(values, chosen))]

    async def body(ctx):
        for k, on in itertools.product(range(32), [0, 1]):
            ctx.set(index, k)
            ctx.set(enable, on)
            assert ctx.get(shown) == on << k
        for words, k in itertools.product(itertools.product(range(4), repeat=3), [None, 0, 1, 2]):
            for value, word in zip(values, words, strict=True):
                ctx.set(value, word)
            ctx.set(chosen, 0 if k is None else 1 << k)
            assert ctx.get(picked) == (0 if k is None else words[k])

    evaluate(m, body)


@pytest.mark.parametrize("power", [1, 2, 4, 8])
def test_values_are_compared_with_a_power_of_two_and_held_below_it(power: int) -> None:
    m = Module()
    value, least, above = Signal(5), Signal(5), Signal()
    m.d.comb += [least.eq(at_most(value, power)), above.eq(is_above(value, power))]

    async def body(ctx):
        for number in range(1 << len(value)):
            ctx.set(value, number)
            assert (ctx.get(least), ctx.get(above)) == (min(number, power), number > power)

    evaluate(m, body)


def test_rows_wrap_once() -> None:
    m, row, rows, result = Module(), Signal(6), Signal(5), Signal(5)
    m.d.comb += result.eq(wrapped(row, rows))

    async def body(ctx):
        for limit in range(1, 32):
            for value in range(2 * limit):
                ctx.set(row, value)
                ctx.set(rows, limit)
                assert ctx.get(result) == value % limit

    evaluate(m, body)
