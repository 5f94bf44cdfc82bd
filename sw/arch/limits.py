"""Sizes that are the same in every configuration of the gateware."""

from .program import PASS_0

RING_BITS = 32
"""Neurons per word of a delay ring and per word of a spike bitmap."""

MAX_SOURCE_WORDS = (1 << PASS_0["source_words"].width) - 1
"""Words of presynaptic neurons that one pass scans."""

MAX_BLOCKS = (1 << PASS_0["blocks"].width) - 1
"""Blocks of one population."""

RESERVE_BITS = 10
"""Width of the number of output words that are reserved for a step's spikes."""
