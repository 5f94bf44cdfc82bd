"""The core as a component of other people's systems on a chip: Verilog behind a bus, and what their tools read about it."""
