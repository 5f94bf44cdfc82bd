"""Latencies of the gateware's pipelines, in cycles; the gateware is built from them and the cycle model counts with them."""

ACCUMULATE_SPACING = 4
"""Issue to issue on one accumulator address: read, register, add, write."""

UPDATE_SPACING = 7
"""Issue to issue of micro-operations on one neuron word: read, register, multiply, add, clamp, reset, write."""

KEEP_DELAY = 4
"""A micro-operation that uses ``kept`` is issued at least this many cycles after the one that keeps."""

CARRY_DELAY = 3
"""A micro-operation that carries a crossing or spike is issued at least this many cycles after the one that fires."""

THETA_DELAY = 1
"""Theta of a row is loaded exactly one cycle after its ``fire`` operation, in rows of at least ``THETA_ROW`` operations."""

THETA_ROW = 3
