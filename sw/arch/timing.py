"""Latencies of the gateware's pipelines, in cycles; the gateware is built from them and the cycle model counts with them."""

ACCUMULATE_SPACING = 4
"""Issue to issue on one accumulator address: read, register, add, write."""

UPDATE_SPACING = 7
"""Issue to issue of micro-operations on one neuron word: read, register, multiply, add, clamp, reset, write."""

UPDATE_STAGES = UPDATE_SPACING - 1
"""Stage in which a micro-operation writes and its spikes appear; it is issued in stage 0."""

RESULT_DELAY = 4
"""A micro-operation that adds an earlier result is issued exactly this many cycles after the one that computes it."""

CARRY_DELAY = 3
"""A micro-operation that carries a crossing or a spike is issued at least this many cycles after the one that fires."""

THETA_ROW = 3
"""Theta that differs between rows is loaded behind its row's ``fire`` operation, in rows of at least this many micro-operations."""

EXISTS_DELAY = 2
"""Which neurons of a row exist is loaded at most this many cycles after the row's first operation that saturates or fires."""

COUNTER_DELAY = 2
"""A population's counter is written this many cycles after it has been read: taken, added, and written with the sum."""

WALK_STAGES = 7
"""Stages of a walk between the list and its loops, each of which holds one presynaptic neuron: one that is taken from the list is in the first stage in
the next cycle. It moves to the next stage in every cycle in which that is empty or moves, from the last one into the loops, and from those its
first pair into the pair in hand, which is asked for: ``WALK_STAGES + 1`` cycles later than the first block of a pass without maps."""

ARRIVAL_STAGES = 3
"""A spike with a delay of its own is written so many cycles after it was picked: its delay is read, kept, and becomes a row."""
