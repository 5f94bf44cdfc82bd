"""The integer arithmetic of the neuron update on plain Python integers; the gateware's twin is tested against it."""

DECAY_BITS = 12
DECAY_ONE = 1 << DECAY_BITS
"""4096: decays are fractions in 1/4096; a decay of 4096 forgets everything within one step."""


def saturate(value: int, state_bits: int) -> int:
    """``clip(value, -M, M)`` with ``M = 2^(S-1) - 1``."""
    limit = (1 << (state_bits - 1)) - 1
    return max(-limit, min(limit, value))


def decayed(value: int, decay: int) -> int:
    """``tz(value * (4096 - decay) / 4096)``, rounded toward zero."""
    product = value * (DECAY_ONE - decay)
    return product >> DECAY_BITS if product >= 0 else -(-product >> DECAY_BITS)
