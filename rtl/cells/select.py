"""Choices between signals that map to few lookup tables."""

from amaranth.hdl import Mux, Signal, Value


def selected(values: list[Signal], index: Value) -> Value:
    """``values[index]`` as a tree of two-way multiplexers, which maps to fewer lookup tables than a decoder; a power of two of them."""
    for bit in index[: (len(values) - 1).bit_length()]:
        values = [Mux(bit, high, low) for low, high in zip(values[::2], values[1::2], strict=True)]
    return values[0]
