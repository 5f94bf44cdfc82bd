"""Families of chips: what a build has to know about each, one file per family."""

from .cyclone5 import Cyclone5
from .ecp5 import Ecp5
from .family import Family
from .gatemate import GateMate
from .gowin import Gowin
from .ice40 import Ice40
from .xilinx7 import Xilinx7

FAMILIES: dict[str, Family] = {family.name: family for family in (Ecp5(), Ice40(), Gowin(), GateMate(), Xilinx7(), Cyclone5())}
"""By name."""
