"""Sizes that are the same in every configuration of the gateware."""

from .program import PASS_0, PASS_2

RING_BITS = 32
"""Neurons per word of a delay ring and per word of a spike bitmap."""

MAX_SOURCE_WORDS = (1 << PASS_0["source_words"].width) - 1
"""Words of presynaptic neurons that one pass scans."""

MAX_BLOCKS = (1 << PASS_0["blocks"].width) - 1
"""Blocks of one population."""

MAX_FAN_IN = (1 << PASS_2["fan_in"].width) - 1
"""Presynaptic neurons of one pass."""

LIST_PART = 16
"""Entries of a part of the list of active neurons. In event mode the scanner waits before it enters the part that is being read."""
