"""Mapped netlists as devices: what synthesis made of the gateware, cell by cell, behind the byte stream that the driver knows."""
