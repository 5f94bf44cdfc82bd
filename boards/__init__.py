"""Boards: pins, clocks and tool chains."""
