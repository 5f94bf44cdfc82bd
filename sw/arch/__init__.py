"""What golden model, gateware, compiler and driver must agree on, written once. Standard library only; imports nothing else of lifline."""
