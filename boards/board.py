"""Boards and the chips on them."""

from __future__ import annotations

from dataclasses import dataclass

from lifline.arch.errors import ConfigError

BAUD_HZ = 1_000_000
"""Rate of the serial line that boards are built with."""

RESOURCES = ("lut", "ff", "block_ram", "dsp", "spram")
"""What a build uses and a chip has, by the names of the fields of :class:`Chip`."""


@dataclass(frozen=True)
class Chip:
    """A chip and what it has, as its place and route counts it.

    Attributes
    ----------
    lut, ff : lookup tables with four inputs, and flip-flops; a logic cell of an iCE40 is one of each.
    block_ram : memories of 18 kbit (ECP5) or 4 kbit (iCE40).
    dsp : multipliers, 18 x 18 or 16 x 16.
    spram : single-port memories of 256 kbit.
    """

    name: str
    family: str
    lut: int
    ff: int
    block_ram: int
    dsp: int
    spram: int = 0

    def available(self) -> dict[str, int]:
        """Number of every resource that the chip has, by name."""
        return {name: getattr(self, name) for name in RESOURCES if getattr(self, name)}


LFE5U_25F = Chip("LFE5U-25F", "ecp5", lut=24288, ff=24288, block_ram=56, dsp=28)
LFE5U_85F = Chip("LFE5U-85F", "ecp5", lut=83640, ff=83640, block_ram=208, dsp=156)
ICE40UP5K = Chip("iCE40UP5K", "ice40", lut=5280, ff=5280, block_ram=30, dsp=8, spram=4)


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes
    ----------
    title : its name on the box.
    chip : the FPGA on it.
    module, platform : of its platform class in amaranth-boards.
    config : the configuration that suits it.
    clock_hz : the core's clock.   seed : of the placer, one that meets this clock.
    loader : its name for openFPGALoader.   direct : the loader reaches the chip itself, not only its flash memory.
    """

    title: str
    chip: Chip
    module: str
    platform: str
    config: str
    clock_hz: float
    loader: str
    direct: bool = True
    seed: int = 1

    @property
    def family(self) -> str:
        """Family of the chip."""
        return self.chip.family


BOARDS = {
    "ulx3s-25f": Board("ULX3S-25F", LFE5U_25F, "ulx3s", "ULX3S_25F_Platform", "medium", 90e6, "ulx3s"),
    "ulx3s-85f": Board("ULX3S-85F", LFE5U_85F, "ulx3s", "ULX3S_85F_Platform", "large", 70e6, "ulx3s"),
    "icebreaker": Board("iCEBreaker", ICE40UP5K, "icebreaker", "ICEBreakerPlatform", "small", 30e6, "ice40_generic", direct=False),
}
"""Boards that can be built for."""


def board(name: str) -> Board:
    """Look up a board.

    Raises
    ------
    ConfigError   naming the boards that exist.
    """
    try:
        return BOARDS[name]
    except KeyError:
        raise ConfigError(f"no board `{name}`; choose one of {', '.join(BOARDS)}") from None
