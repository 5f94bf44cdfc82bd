"""lifline: spiking neural networks on FPGAs, every bit predicted and checked."""

__version__ = "0.1.0"
