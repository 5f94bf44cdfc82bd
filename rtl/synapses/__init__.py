"""From active presynaptic neurons to sums of weights: scanner, list, both execution modes, slots."""
