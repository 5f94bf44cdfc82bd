"""Platforms of boards that amaranth-boards does not have, or not with a serial port."""
