"""Boards, a few lines each: pins are those of a platform class, everything else that of the family of its chip."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lifline.arch.config import Config, preset
from lifline.arch.errors import ConfigError, ToolError

from .chip import Chip
from .families import FAMILIES
from .families.cyclone5 import CYCLONE_V_SE_A6
from .families.ecp5 import LFE5U_12F, LFE5U_25F, LFE5U_45F, LFE5U_85F, LFE5UM5G_45F, LFE5UM5G_85F
from .families.family import Family
from .families.gatemate import CCGM1A1
from .families.gowin import GW1NR_9, GW2AR_18
from .families.ice40 import ICE40UP5K
from .families.xilinx7 import XC7A35T, XC7A100T
from .link import Link
from .serial_chip import ADAPTER, BL702, DAP_LINK, FT231X, FT232H, FT2232H, I_LINK, RP2040, SerialChip

BAUD_HZ = 1_000_000
"""Rate of the serial line that boards are built with unless told otherwise: every adapter makes it."""


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes
    ----------
    title : its name on the box.
    chip : the FPGA on it.
    platform : module and class of its platform, in amaranth-boards or, with a dot before it, in :mod:`lifline.boards.platforms`; has the resources ``uart`` and a clock.
    config : name of the preset that suits it.   changes : to that preset, by parameter.
    clock_hz : the core's clock.   seed : of the placer, one that meets this clock.
    adapter : the chip between the serial line and USB.
    loader : how openFPGALoader is told which board it is; nothing if it cannot load it.   direct : it reaches the chip itself, not only its flash.
    by_hand : how a bitstream gets into a board that openFPGALoader cannot load.
    held : resources of the platform with an output that is kept inactive.
    usb : name, on the board, of the port whose lines are pins of the FPGA, the platform's resource ``usb``; nothing if it has none.
    """

    title: str
    chip: Chip
    platform: str
    config: str
    clock_hz: float
    adapter: SerialChip
    loader: tuple[str, ...]
    direct: bool = True
    seed: int = 1
    changes: Mapping[str, object] = field(default_factory=dict)
    by_hand: str = ""
    held: tuple[str, ...] = ()
    usb: str = ""

    @property
    def family(self) -> Family:
        """Family of the chip."""
        return FAMILIES[self.chip.family]

    @property
    def links(self) -> list[Link]:
        """What it can be joined to a computer by."""
        return [Link.SERIAL, Link.USB] if self.usb else [Link.SERIAL]

    def configuration(self) -> Config:
        """The configuration that it is built with unless told otherwise."""
        return preset(self.config).replace(**self.changes) if self.changes else preset(self.config)

    def make_platform(self) -> Any:
        """A new platform, which builds for it.

        Raises
        ------
        ToolError   if the extra `boards` is not installed.
        """
        module, _, name = self.platform.partition(":")
        try:
            if module.startswith("."):
                found = importlib.import_module(f"lifline.boards.platforms{module}")
            else:
                found = importlib.import_module(f"amaranth_boards.{module}")
            return self.family.platform(getattr(found, name))
        except ImportError as error:
            raise ToolError("bitstreams need the extra `boards`: pip install 'lifline[boards]'") from error


ULX3S, ECPIX5, COLORLIGHT = "ulx3s", "ecpix5", ".colorlight"
BY_BOARD = "--board"
BY_DAP_LINK = ("--cable", "cmsisdap")

BOARDS = {
    "ulx3s-25f": Board("ULX3S-25F", LFE5U_25F, f"{ULX3S}:ULX3S_25F_Platform", "medium", 90e6, FT231X, (BY_BOARD, "ulx3s"), seed=2, usb="US2"),
    "ulx3s-12f": Board("ULX3S-12F", LFE5U_12F, f"{ULX3S}:ULX3S_12F_Platform", "medium", 90e6, FT231X, (BY_BOARD, "ulx3s"), usb="US2"),
    "ulx3s-45f": Board("ULX3S-45F", LFE5U_45F, f"{ULX3S}:ULX3S_45F_Platform", "medium", 90e6, FT231X, (BY_BOARD, "ulx3s"), usb="US2"),
    "ulx3s-85f": Board("ULX3S-85F", LFE5U_85F, f"{ULX3S}:ULX3S_85F_Platform", "large", 70e6, FT231X, (BY_BOARD, "ulx3s"), usb="US2"),
    "ecpix-5-45": Board("ECPIX-5 45", LFE5UM5G_45F, f"{ECPIX5}:ECPIX545Platform", "medium", 90e6, FT2232H, (BY_BOARD, "ecpix5_r03")),
    "ecpix-5-85": Board("ECPIX-5 85", LFE5UM5G_85F, f"{ECPIX5}:ECPIX585Platform", "large", 70e6, FT2232H, (BY_BOARD, "ecpix5_r03")),
    "colorlight-i5": Board("Colorlight i5", LFE5U_25F, f"{COLORLIGHT}:ColorlightI5", "medium", 90e6, DAP_LINK, (BY_BOARD, "colorlight-i5")),
    "colorlight-i9": Board("Colorlight i9", LFE5U_45F, f"{COLORLIGHT}:ColorlightI9", "medium", 90e6, DAP_LINK, (BY_BOARD, "colorlight-i9")),
    "icesugar-pro": Board("iCESugar-Pro", LFE5U_25F, "icesugar_pro:ICESugarProPlatform", "medium", 90e6, I_LINK, BY_DAP_LINK),
    "icebreaker": Board(
        "iCEBreaker", ICE40UP5K, "icebreaker:ICEBreakerPlatform", "small", 30e6, FT2232H, (BY_BOARD, "ice40_generic"), direct=False,
    ),
    "icesugar": Board(
        "iCESugar", ICE40UP5K, "icesugar:ICESugarPlatform", "small", 30e6, I_LINK, (), direct=False,
        by_hand="copy it to the drive `iCELink` that the board shows when it is plugged in",
    ),
    "upduino-3": Board(
        "UPduino 3", ICE40UP5K, ".upduino:UPduino3", "small", 30e6, FT232H, (), direct=False, seed=3, held=("flash_select",),
        by_hand="write it with `iceprog` (apt-get install fpga-icestorm)",
    ),
    "tang-nano-9k": Board(
        "Tang Nano 9K", GW1NR_9, "tang_nano_9k:TangNano9kPlatform", "small", 27e6, BL702, (BY_BOARD, "tangnano9k"), changes={"weight_words": 2048},
    ),
    "tang-nano-20k": Board(
        "Tang Nano 20K", GW2AR_18, ".tang_nano_20k:TangNano20K", "medium", 40.5e6, BL702, (BY_BOARD, "tangnano20k"), changes={"weight_words": 2048},
    ),
    "gatemate-a1-evb": Board(
        "GateMateA1-EVB", CCGM1A1, ".gatemate_a1_evb:GateMateA1Evb", "small", 20e6, RP2040, (BY_BOARD, "olimex_gatemateevb"), changes={"weight_words": 2048},
    ),
    "arty-a7-35": Board("Arty A7-35", XC7A35T, "arty_a7:ArtyA7_35Platform", "medium", 80e6, FT2232H, (BY_BOARD, "arty_a7_35t")),
    "arty-a7-100": Board("Arty A7-100", XC7A100T, "arty_a7:ArtyA7_100Platform", "medium", 80e6, FT2232H, (BY_BOARD, "arty_a7_100t")),
    "de10-nano": Board("DE10-Nano", CYCLONE_V_SE_A6, "de10_nano:DE10NanoPlatform", "medium", 50e6, ADAPTER, (BY_BOARD, "de10nano")),
}  # fmt: skip
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
