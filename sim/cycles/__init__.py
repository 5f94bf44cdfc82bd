"""The cycle model: the control of the gateware without its data, cycle by cycle."""
