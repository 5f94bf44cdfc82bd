"""Golden model, cycle model and simulated boards."""
