"""The host bus behind the buses that systems on a chip have: AXI4-Lite with AXI4-Stream, and Wishbone."""
