"""Gateware in Amaranth: the core and its link."""
