"""The design behind its USB port as native code."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from amaranth.back import rtlil

from lifline.arch.config import Config
from lifline.sim.board.build import OPTIONS, YOSYS, compiler, run_tool

SCRIPT = "read_rtlil top.il; hierarchy -top top; flatten; proc; opt_expr; opt_merge; opt_clean -purge; write_cxxrtl -g0 design.cc"


def build(config: Config, folder: Path) -> Path:
    """Shared library of ``bus.cc``, made in ``folder``."""
    from lifline.rtl.usb_top import UsbTop

    (folder / "top.il").write_text(rtlil.convert(UsbTop(config), name="top"))
    run_tool([sys.executable, "-m", YOSYS, "-q", "-p", SCRIPT], folder)
    include = Path(__import__(YOSYS).__file__).parent / "share/include/backends/cxxrtl/runtime"
    options = [option.replace("-O3", "-O2") for option in OPTIONS]
    run_tool([*(compiler() or []), *options, f"-I{include}", f"-I{folder}", str(Path(__file__).with_name("bus.cc")), "-o", "bus.so"], folder)
    return folder / "bus.so"


class Bus:
    """The two lines, and everything behind the device's end of them.

    Parameters
    ----------
    library : that :func:`build` has made.   core_hz : clock of the core.
    """

    def __init__(self, library: Path, core_hz: int) -> None:
        self._library = ctypes.CDLL(str(library))
        handle, size = ctypes.c_void_p, ctypes.c_size_t
        for name, result, arguments in (
            ("create", handle, [ctypes.c_uint64]), ("destroy", None, [handle]), ("ticks", ctypes.c_uint64, [handle]),
            ("talk", size, [handle, ctypes.c_char_p, size, ctypes.c_char_p, size, size]),
        ):  # fmt: skip
            function = getattr(self._library, f"bus_{name}")
            function.restype, function.argtypes = result, arguments
        self._bus = self._library.bus_create(core_hz)

    @property
    def ticks(self) -> int:
        """Cycles of 48 MHz since the beginning."""
        return self._library.bus_ticks(self._bus)

    def talk(self, said: bytes, *, wait: int) -> bytes:
        """Drive the lines, let go, and hear what the device does from the first tick on; see ``bus.cc``."""
        heard = ctypes.create_string_buffer(len(said) + wait + 8192)
        length = self._library.bus_talk(self._bus, said, len(said), heard, len(heard), wait)
        return heard.raw[:length]

    def close(self) -> None:
        """Free it."""
        self._library.bus_destroy(self._bus)
