"""The simulated board: the gateware, compiled for this machine, behind the bytes of a serial port."""
