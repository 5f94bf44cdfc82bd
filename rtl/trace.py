"""What simulation builds show of the neuron update: every word as it is stored, and the sums that went into it, whether or not the host records them."""

from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from lifline.arch.config import Config


def trace_signature(config: Config) -> wiring.Signature:
    """A stream that cannot be stalled and does not change the design's timing.

    Members
    -------
    valid : one row of one variable is stored in this cycle.   address : its neuron word, which names population, row and variable.
    values : the stored values of the row's neurons.   fired : their spikes; zero with words other than membranes.
    sums : the row's accumulators that the operation has added, before their shift; zero with words that take no synaptic input.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "address": Out(range(config.neuron_words)),
            "values": Out(config.multipliers * config.state_bits),
            "fired": Out(config.multipliers),
            "sums": Out(config.multipliers * config.accumulator_bits),
        }
    )
