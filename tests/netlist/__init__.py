"""How good are programs at noticing wrong bits in a mapped netlist? ``python -m tests.netlist.score``"""
