"""Driver: one device interface over the golden model, simulations and boards."""
